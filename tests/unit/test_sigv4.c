/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

#define ACCESS_KEY "AKIDEXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define WALL 1440938160000000 /* 2015-08-30T12:36:00Z */

/* ---- the directories ---- */

/* A request.txt, cut into the parts of a request. */
struct transcript {
    char *text;
    struct sigv4_header headers[SIGV4_MAX_HEADERS + 1];
    struct sigv4_request request;
};

/* Cuts the line off the front of *text; the rest may be empty. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

static void cut_request_line(char *line, struct sigv4_request *request)
{
    char *space = strchr(line, ' '), *version = strstr(line, " HTTP/1.1");

    assert_true(space && version && space < version);
    *space = *version = '\0';
    request->method = line;
    request->path = space + 1;
    char *question = strchr(space + 1, '?');
    request->query = question ? question + 1 : "";
    if (question)
        *question = '\0';
}

/* A line that begins with a blank goes on with the value before it. */
static void cut_headers(char *text, struct transcript *transcript)
{
    struct sigv4_header *headers = transcript->headers;
    size_t count = 0;

    while (*text && *text != '\n') {
        char *start = text, *line = next_line(&text), *colon = strchr(line, ':');

        while (*text == ' ')
            text[-1] = ' ', line = next_line(&text);
        assert_true(colon && count < SIGV4_MAX_HEADERS);
        *colon = '\0';
        headers[count++] = (struct sigv4_header){start, colon + 1};
    }
    transcript->request.headers = headers;
    transcript->request.header_count = count;
    transcript->request.body = *text ? text + 1 : "";
    transcript->request.body_length = strlen(transcript->request.body);
}

static void read_transcript(const char *folder, struct transcript *transcript)
{
    transcript->text = aws_cases_read(folder, "request.txt", NULL);
    assert_non_null(transcript->text);
    char *rest = transcript->text;
    cut_request_line(next_line(&rest), &transcript->request);
    cut_headers(rest, transcript);
}

static json_t *read_context(const char *folder)
{
    size_t length;
    CLEANUP_FREE char *text = aws_cases_read(folder, "context.json", &length);
    struct error err;
    json_t *context = json_parse(text, length, &err);

    assert_non_null(context);
    return context;
}

/* Those cases sign the body's digest as a header too. */
static void add_body_digest(struct transcript *transcript, char hex[DIGEST_HEX_SIZE])
{
    struct sigv4_request *request = &transcript->request;
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(request->body, request->body_length, digest);
    digest_hex(digest, sizeof digest, hex);
    transcript->headers[request->header_count++] =
        (struct sigv4_header){"X-Amz-Content-Sha256", hex};
}

static void compare(const char *folder, const char *file, const char *found)
{
    CLEANUP_FREE char *expected = aws_cases_line(folder, file);

    assert_string_equal(found, expected);
}

static void check_steps(const char *folder, const struct sigv4_request *request,
                        const struct sigv4_signed *made, const struct sigv4_scope *scope,
                        const char *token)
{
    CLEANUP(strbuf_release) struct strbuf canonical = {0};
    CLEANUP(strbuf_release) struct strbuf names = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err;

    assert_int_equal(sigv4_canonical_request(request, made->date, token, &canonical, &names, &err),
                     0);
    compare(folder, "header-canonical-request.txt", strbuf_text(&canonical));
    sigv4_string_to_sign(strbuf_text(&canonical), made->date, scope->region, scope->service, &text);
    compare(folder, "header-string-to-sign.txt", strbuf_text(&text));
}

static void signs_as_expected(void **state)
{
    const char *folder = *state;
    CLEANUP_JSON json_t *context = read_context(folder);
    const json_t *keys = json_at(context, "credentials", NULL);
    bool no_token = json_flag(context, "omit_session_token", false);
    struct sigv4_credentials credentials = {
        .access_key_id = json_text(keys, "access_key_id"),
        .secret_key = json_text(keys, "secret_access_key"),
        .session_token = no_token ? "" : json_text(keys, "token"),
    };
    struct sigv4_scope scope = {
        .region = json_text(context, "region"),
        .service = json_text(context, "service"),
    };
    struct transcript transcript = {0};
    struct sigv4_key key = {0};
    CLEANUP(sigv4_signed_release) struct sigv4_signed made = {0};
    char hex[DIGEST_HEX_SIZE];
    struct error err;

    assert_true(clock_parse(json_text(context, "timestamp"), &scope.wall_us));
    read_transcript(folder, &transcript);
    if (json_flag(context, "sign_body", false))
        add_body_digest(&transcript, hex);
    if (sigv4_sign(&transcript.request, &credentials, &scope, &key, &made, &err) < 0)
        fail_msg("%s", err.text);
    check_steps(folder, &transcript.request, &made, &scope, credentials.session_token);
    compare(folder, "header-signature.txt", made.signature);
    assert_string_equal(made.date, "20150830T123600Z");
    mem_free(transcript.text);
}

/* ---- what the directories do not show ---- */

static const struct sigv4_credentials example = {ACCESS_KEY, SECRET, ""};
static const struct sigv4_header host = {"Host", "eks.us-west-2.amazonaws.com"};
static const struct sigv4_scope eks = {"us-west-2", "eks", WALL};

static struct sigv4_request plain(const char *path, const char *query)
{
    return (struct sigv4_request){
        .method = "GET", .path = path, .query = query, .headers = &host, .header_count = 1};
}

static void derives_the_published_key(void **state)
{
    struct sigv4_key key = {0};
    char hex[DIGEST_HEX_SIZE];
    struct error err;

    (void)state;
    assert_int_equal(sigv4_key_derive(&key, SECRET, "20150830", "us-west-2", "eks", &err), 0);
    digest_hex(key.key, sizeof key.key, hex);
    assert_string_equal(hex, "1192dc0a21c2f5dcfcb86945f4f33f093e1404261b4ab10f2f9ba13f74098da8");
}

static void a_cached_key_gives_way_to_each_change(void **state)
{
    const struct {
        const char *secret, *date, *region, *service;
    } rows[] = {
        {"one", "20150830", "us-west-2", "eks"}, {"two", "20150830", "us-west-2", "eks"},
        {"two", "20150831", "us-west-2", "eks"}, {"two", "20150831", "us-east-1", "eks"},
        {"two", "20150831", "us-east-1", "iam"},
    };
    struct sigv4_key kept = {0};
    uint8_t before[DIGEST_SIZE] = {0};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sigv4_key fresh = {0};

        assert_int_equal(sigv4_key_derive(&kept, rows[i].secret, rows[i].date, rows[i].region,
                                          rows[i].service, &err),
                         0);
        assert_int_equal(sigv4_key_derive(&fresh, rows[i].secret, rows[i].date, rows[i].region,
                                          rows[i].service, &err),
                         0);
        assert_memory_equal(kept.key, fresh.key, DIGEST_SIZE);
        assert_memory_not_equal(kept.key, before, DIGEST_SIZE);
        memcpy(before, kept.key, DIGEST_SIZE);
    }
}

static void the_header_names_scope_and_signed_headers(void **state)
{
    struct sigv4_request request = plain("/clusters", "");
    struct sigv4_credentials credentials = {ACCESS_KEY, SECRET, "token"};
    CLEANUP(sigv4_signed_release) struct sigv4_signed made = {0};
    struct sigv4_key key = {0};
    char expected[256];
    struct error err;

    (void)state;
    assert_int_equal(sigv4_sign(&request, &credentials, &eks, &key, &made, &err), 0);
    snprintf(expected, sizeof expected,
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/eks/aws4_request, "
             "SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=%s",
             made.signature);
    assert_string_equal(made.authorization, expected);
}

/* The line of the canonical request that holds the path (1) or the query (2). */
static void check_line(const char *path, const char *query, int line, const char *expected)
{
    CLEANUP(strbuf_release) struct strbuf canonical = {0};
    CLEANUP(strbuf_release) struct strbuf names = {0};
    struct sigv4_request request = plain(path, query);
    struct error err;

    assert_int_equal(
        sigv4_canonical_request(&request, "20150830T123600Z", "", &canonical, &names, &err), 0);
    char *rest = canonical.text, *found = NULL;
    for (int i = 0; i <= line; i++)
        found = next_line(&rest);
    assert_string_equal(found, expected);
}

static void paths_are_resolved_and_encoded_once_more(void **state)
{
    (void)state;
    check_line("", "", 1, "/");
    check_line("/", "", 1, "/");
    check_line("//", "", 1, "/");
    check_line("/a//b/", "", 1, "/a/b/");
    check_line("/a/./b/../c", "", 1, "/a/c");
    check_line("/../..", "", 1, "/");
    check_line("/..a/b..", "", 1, "/..a/b..");
    check_line("/a%2Fb:c", "", 1, "/a%252Fb%3Ac");
    check_line("/-_.~", "", 1, "/-_.~");
}

static void queries_are_encoded_once_and_sorted(void **state)
{
    (void)state;
    check_line("/", "b=2&a=1", 2, "a=1&b=2");
    check_line("/", "a=2&a=1&a=", 2, "a=&a=1&a=2");
    check_line("/", "a-b=1&a=2", 2, "a=2&a-b=1");
    check_line("/", "flag", 2, "flag=");
    check_line("/", "&&a=1&", 2, "a=1");
    check_line("/", "a=b=c", 2, "a=b%3Dc");
    check_line("/", "a=%2f%2B+", 2, "a=%2F%2B%2B");
    check_line("/", "a=%zz%4", 2, "a=%25zz%254");
    check_line("/", "a=%00", 2, "a=%00");
}

static void expect_refusal(const struct sigv4_request *request, const struct sigv4_scope *scope,
                           const char *words)
{
    struct sigv4_signed made = {.date = "untouched"};
    struct sigv4_key key = {0};
    struct error err = {0};

    assert_int_equal(sigv4_sign(request, &example, scope, &key, &made, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, words));
    assert_string_equal(made.date, "untouched");
}

static void refuses_headers_that_cannot_be_signed(void **state)
{
    const struct sigv4_header broken[] = {host, {"X-A", "a\r\nX-Evil: b"}};
    const struct sigv4_header unnamed[] = {host, {"", "a"}};
    struct sigv4_header many[SIGV4_MAX_HEADERS + 1];
    struct sigv4_request request = plain("/", "");

    (void)state;
    request.header_count = 0;
    expect_refusal(&request, &eks, "no host header");
    request.header_count = 2;
    request.headers = broken;
    expect_refusal(&request, &eks, "line break");
    request.headers = unnamed;
    expect_refusal(&request, &eks, "malformed name");
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        many[i] = host;
    request.headers = many;
    request.header_count = sizeof many / sizeof *many;
    expect_refusal(&request, &eks, "more than 32 headers");
}

static void refuses_what_is_too_long(void **state)
{
    CLEANUP(strbuf_release) struct strbuf query = {0};
    struct sigv4_request request;
    struct sigv4_scope scope = eks;

    (void)state;
    for (int i = 0; i <= SIGV4_MAX_QUERY; i++)
        strbuf_format(&query, "a%d=&", i);
    request = plain("/", query.text);
    expect_refusal(&request, &eks, "more than 128 query parameters");
    while (query.length <= 65536)
        strbuf_str(&query, "0123456789");
    request = plain("/", query.text);
    expect_refusal(&request, &eks, "longer than");
    request = plain(query.text, "");
    expect_refusal(&request, &eks, "longer than");
    request = plain("/", "");
    scope.region = "a-region-name-that-is-longer-than-32";
    expect_refusal(&request, &scope, "too long");
}

static void refuses_times_that_have_no_date(void **state)
{
    struct sigv4_request request = plain("/", "");
    struct sigv4_scope scope = eks;

    (void)state;
    scope.wall_us = -1;
    expect_refusal(&request, &scope, "clock");
    scope.wall_us = 253402300800000000;
    expect_refusal(&request, &scope, "clock");
}

int main(void)
{
    const struct CMUnitTest plain_tests[] = {
        cmocka_unit_test(derives_the_published_key),
        cmocka_unit_test(a_cached_key_gives_way_to_each_change),
        cmocka_unit_test(the_header_names_scope_and_signed_headers),
        cmocka_unit_test(paths_are_resolved_and_encoded_once_more),
        cmocka_unit_test(queries_are_encoded_once_and_sorted),
        cmocka_unit_test(refuses_headers_that_cannot_be_signed),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(refuses_times_that_have_no_date),
    };

    return aws_cases_run("sigv4", plain_tests, sizeof plain_tests / sizeof *plain_tests,
                         signs_as_expected);
}
