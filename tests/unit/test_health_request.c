/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/health_request.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void every_cut_of_a_request_is_partial(void **state)
{
    static const char request[] = "GET http://h/metrics?x=/y HTTP/1.1\r\nHost: h\r\n\r\nrest";
    size_t whole = sizeof request - 5;
    struct health_request parsed = {0};

    (void)state;
    for (size_t length = 0; length < whole; length++)
        assert_int_equal(health_request_parse(request, length, &parsed), HEALTH_PARTIAL);
    assert_int_equal(health_request_parse(request, whole, &parsed), HEALTH_WHOLE);
    assert_int_equal(parsed.method, HEALTH_GET);
    assert_string_equal(parsed.path, "/metrics");
    assert_int_equal(health_request_parse(request, sizeof request - 1, &parsed), HEALTH_WHOLE);
}

static void the_longest_request_is_taken_and_no_longer_one(void **state)
{
    char request[HEALTH_REQUEST_MAX + 2];
    struct health_request parsed = {0};

    (void)state;
    for (size_t more = 0; more < 2; more++) {
        size_t length = HEALTH_REQUEST_MAX + more;

        memset(request, 'a', length);
        memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
        memcpy(request + length - 4, "\r\n\r\n", 4);
        assert_int_equal(health_request_parse(request, length - 1, &parsed), HEALTH_PARTIAL);
        assert_int_equal(health_request_parse(request, length, &parsed),
                         more ? HEALTH_TOO_BIG : HEALTH_WHOLE);
    }
}

/* The first line alone is enough to refuse one. */
static void what_is_no_request_is_refused_at_once(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        enum health_verdict verdict;
    } rows[] = {
        {"\x16\x03\x01\x02\x00\x01\x00", 7, HEALTH_BROKEN}, /* TLS */
        {"PRI * HTTP/2.0\r\n", 16, HEALTH_VERSION},
        {"GET / HTTP/1.2\r\n", 16, HEALTH_VERSION},
        {"GET /healthz\r\n", 14, HEALTH_BROKEN},
        {"get /healthz HTTP/1.1\r\n", 23, HEALTH_BROKEN},
        {"GET  HTTP/1.1\r\n", 15, HEALTH_BROKEN},
        {"GET healthz HTTP/1.1\r\n", 22, HEALTH_BROKEN},
        {"GET http://host HTTP/1.1\r\n", 26, HEALTH_BROKEN},
        {"GET /healthz HTTP/1.1 \r\n", 24, HEALTH_BROKEN},
        {"GET /healthz FTP/1.1\r\n", 22, HEALTH_BROKEN},
        {"GET /healthz HTTP/11\r\n", 22, HEALTH_BROKEN},
        {"\r\n\r\n", 4, HEALTH_BROKEN},
        {"GET /\0healthz", 13, HEALTH_BROKEN},
        {"GET /\x7f", 6, HEALTH_BROKEN},
        {"GET /\t HTTP/1.1\r\n", 17, HEALTH_BROKEN},
        {"OPTIONS *\r HTTP/1.1\r\n", 22, HEALTH_BROKEN},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct health_request parsed = {0};

        if (health_request_parse(rows[i].bytes, rows[i].length, &parsed) != rows[i].verdict)
            fail_msg("%s", rows[i].bytes);
    }
}

static void methods_and_paths_are_told_apart(void **state)
{
    static const struct {
        const char *request;
        enum health_method method;
        const char *path;
    } rows[] = {
        {"GET /a HTTP/1.1\n\n", HEALTH_GET, "/a"},
        {"HEAD /a?b=/c?d HTTP/1.0\r\n\r\n", HEALTH_HEAD, "/a"},
        {"GETS /a HTTP/1.1\r\n\r\n", HEALTH_OTHER, "/a"},
        {"OPTIONS * HTTP/1.1\r\n\r\n", HEALTH_OTHER, ""},
        {"GET http://h:1/a?b HTTP/1.1\r\nX: y\r\n\r\n", HEALTH_GET, "/a"},
        {"GET /0123456789012345678901234567890123456789012345678901234567890123 HTTP/1.1\n\n",
         HEALTH_GET, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct health_request parsed = {0};

        assert_int_equal(health_request_parse(rows[i].request, strlen(rows[i].request), &parsed),
                         HEALTH_WHOLE);
        assert_int_equal(parsed.method, rows[i].method);
        assert_string_equal(parsed.path, rows[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_of_a_request_is_partial),
        cmocka_unit_test(the_longest_request_is_taken_and_no_longer_one),
        cmocka_unit_test(what_is_no_request_is_refused_at_once),
        cmocka_unit_test(methods_and_paths_are_told_apart),
    };

    return cmocka_run_group_tests_name("health_request", tests, NULL, NULL);
}
