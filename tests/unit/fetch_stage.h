/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_stage - what the tests of the credential sources share: a local server, an engine, files,
 * and a driver that does what aws/credentials asks for. All in the header, so that no other test
 * program gets it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/unit/reply_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define SECOND 1000000LL
#define NOW 1700000000000000LL /* 2023-11-14T22:13:20Z */
#define LATER "2023-11-15T04:13:20Z"
#define TOO_EARLY "2023-11-14T22:14:00Z"
#define JWT "eyJh.HUSHHUSH.jwt"
#define ROLE "arn:aws:iam::111122223333:role/podbind"

#define JSON(id, expiration)                                                                       \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"HIDDEN+/=\","          \
    "\"Token\":\"HUSH/+=\",\"Expiration\":\"" expiration "\"}"
#define PRINTED(version, rest)                                                                     \
    "{\"Version\":" version ",\"AccessKeyId\":\"AKID1\",\"SecretAccessKey\":\"HIDDEN+/=\"" rest "}"
#define SESSION(expiration) ",\"SessionToken\":\"HUSH/+=\",\"Expiration\":\"" expiration "\""
#define XML(action, id, secret, expiration)                                                        \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><" action "Result>"   \
    "<Credentials><AccessKeyId>" id "</AccessKeyId>" secret                                        \
    "<SessionToken>HUSH/+=</SessionToken><Expiration>" expiration "</Expiration></Credentials>"    \
    "</" action "Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></" action    \
    "Response>"
#define SECRET "<SecretAccessKey>HIDDEN+/=</SecretAccessKey>"
#define WEB_XML XML("AssumeRoleWithWebIdentity", "AKID1", SECRET, LATER)
#define ROLE_XML XML("AssumeRole", "AKID1", SECRET, LATER)
#define ERROR_XML(code, message)                                                                   \
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender"       \
    "</Type><Code>" code "</Code><Message>" message "</Message></Error></ErrorResponse>"

static int port;
static struct http *engine;
static struct http_peer *peer;
static char folder[] = "/tmp/podbind-sources-XXXXXX";
static unsigned programs_run;

static inline const char *in_folder(const char *file)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % COUNT(paths)];

    snprintf(path, sizeof paths[0], "%s/%s", folder, file);
    return path;
}

static inline void write_bytes(const char *file, const char *bytes, size_t length)
{
    FILE *stream = fopen(in_folder(file), "w");

    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, length, stream), length);
    assert_int_equal(fclose(stream), 0);
}

static inline void write_text(const char *file, const char *text)
{
    write_bytes(file, text, strlen(text));
}

static inline int open_stage(void **state)
{
    (void)state;
    mem_adopt_libraries();
    assert_non_null(mkdtemp(folder));
    port = reply_server_start();
    engine = http_new();
    peer = http_peer_new(&(struct http_settings){.proxy = ""});
    return 0;
}

static inline int close_stage(void **state)
{
    static const char *const files[] = {"token", "config", "credentials", "printed"};

    (void)state;
    http_free(engine);
    http_peer_free(peer);
    reply_server_stop();
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(in_folder(files[i]));
    return rmdir(folder);
}

static inline struct endpoint sts_here(void)
{
    const struct arn_region region = {"us-west-2"};
    struct endpoint_settings settings = {.environment = {NULL}};
    struct endpoint endpoint;
    char url[64];
    struct error err;

    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    settings.environment[ENDPOINT_SETTING_URL_STS] = url;
    if (endpoint_resolve(ENDPOINT_STS, &region, &settings, &endpoint, &err) < 0)
        fail_msg("%s", err.text);
    return endpoint;
}

static inline int run_program(struct credentials *credentials,
                              const struct credentials_fetch *fetch, int64_t now, struct error *err)
{
    CLEANUP(process_output_release) struct process_output output = {.bytes = NULL};
    const struct process_command command = {.argv = fetch->argv,
                                            .deadline_ms = CREDENTIALS_PROGRAM_MS,
                                            .output_cap = CREDENTIALS_PROGRAM_CAP,
                                            .stop = -1};
    struct error failure = {0};

    programs_run++;
    process_run(&command, &output, &failure);
    return credentials_output(credentials, output.bytes ? output.bytes : "", output.length,
                              &failure, now, err);
}

/* One fetch from its first exchange to its end: as controller/wire_credentials does it, but all at
 * the moment `now`. */
static inline int fetch_all(struct credentials *credentials, int64_t now, struct error *err)
{
    int result = 1;

    assert_true(credentials_fetch_due(credentials, now));
    while (result > 0) {
        CLEANUP(credentials_fetch_release) struct credentials_fetch fetch = {.owned_url = NULL};
        CLEANUP(http_answer_release) struct http_answer answer = {0};

        if (credentials_request(credentials, now, &fetch, err) < 0)
            return -1;
        if (fetch.what == CREDENTIALS_NOTHING)
            return 0;
        assert_false(credentials_fetch_due(credentials, now));
        if (fetch.what == CREDENTIALS_PROGRAM) {
            result = run_program(credentials, &fetch, now, err);
            continue;
        }
        http_exchange(engine, peer, &fetch.http, &answer);
        result = credentials_answer(credentials, &answer, now, err);
        assert_int_equal(result > 0, credentials_fetch_due(credentials, now) && result > 0);
    }
    return result;
}

static inline void expect_words(const struct error *err, const char *words)
{
    if (!strstr(err->text, words))
        fail_msg("%s; expected %s", err->text, words);
    if (strstr(err->text, "HIDDEN") || strstr(err->text, "HUSH"))
        fail_msg("a secret is told: %s", err->text);
    assert_null(strchr(err->text, '\n'));
}

static inline void expect_key(struct credentials *credentials, int64_t now, const char *key)
{
    struct error err = {0};
    const struct sigv4_credentials *current = credentials_current(credentials, now, &err);

    if (!current)
        fail_msg("%s", err.text);
    assert_string_equal(current->access_key_id, key);
}
