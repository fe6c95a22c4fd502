/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_fixture - what the tests of base/http share: an engine, a peer, and the toy server. All in
 * the header, so that no other test program gets it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/http.h"
#include "base/mem.h"
#include "tests/unit/toy_server.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_start, fixture_stop)

static int port;
static struct http *http;
static struct http_peer *peer; /* plain HTTP/1.1, no proxy */

static inline void nap(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static inline int fixture_start(void **state)
{
    (void)state;
    port = toy_server_start();
    http = http_new();
    peer = http_peer_new(&(struct http_settings){.proxy = ""});
    return 0;
}

static inline int fixture_stop(void **state)
{
    (void)state;
    http_free(http);
    http_peer_free(peer);
    toy_server_stop();
    return 0;
}

/* The toy server's URL with that path; a static buffer. */
static inline const char *url(const char *path)
{
    static char text[256];

    snprintf(text, sizeof text, "http://127.0.0.1:%d%s", port, path);
    return text;
}

static inline void start(const char *method, const char *path, void *context)
{
    http_start(http, peer,
               &(struct http_request){.method = method, .url = url(path), .context = context});
}

static inline struct http_answer exchange(const struct http_request *request)
{
    struct http_answer answer;

    http_exchange(http, peer, request, &answer);
    assert_int_equal(http_pending(http), 0);
    return answer;
}

static inline struct http_answer get(const char *path)
{
    return exchange(&(struct http_request){.method = "GET", .url = url(path)});
}

/* Both release the answer. */
static inline void assert_failed(struct http_answer *answer, enum error_kind kind, const char *says)
{
    if (answer->error.kind != kind)
        fail_msg("%s, not %s: %s", error_kind_name(answer->error.kind), error_kind_name(kind),
                 answer->error.text);
    if (!strstr(answer->error.text, says))
        fail_msg("'%s' does not say '%s'", answer->error.text, says);
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->body.length, 0);
    http_answer_release(answer);
}

static inline void assert_answered(struct http_answer *answer, int status)
{
    if (answer->error.kind != ERROR_NONE)
        fail_msg("%s", answer->error.text);
    assert_int_equal(answer->status, status);
    http_answer_release(answer);
}

static inline int fixture_adopt(void **state)
{
    (void)state;
    mem_adopt_libraries();
    return 0;
}
