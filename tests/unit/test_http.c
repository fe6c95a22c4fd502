/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/* Stands before libc's: libcurl asks it for names, not for addresses. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    (void)service, (void)hints, (void)ret_found;
    if (strcmp(node, "slow.test") == 0)
        nap(3000);
    return EAI_NONAME;
}

/* ---- answers ---- */

static void any_status_is_an_answer(void **state)
{
    static const int statuses[] = {200, 201, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503};

    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        char path[32];

        snprintf(path, sizeof path, "/status/%d", statuses[i]);
        struct http_answer answer = get(path);
        assert_string_equal(strbuf_text(&answer.body), "text");
        assert_true(answer.seconds > 0 && answer.seconds < 4);
        assert_answered(&answer, statuses[i]);
    }
    assert_int_equal(toy_server_connections(), 1); /* kept alive */
}

static void headers_of_aws(void **state)
{
    struct http_answer answer = get("/aws");

    (void)state;
    assert_string_equal(answer.content_type, "application/json");
    assert_string_equal(answer.error_type, "ThrottlingException:http://x");
    assert_int_equal(answer.retry_after_ms, 1500); /* the finer one counts */
    assert_int_equal(answer.date_us, 1795375689000000);
    assert_answered(&answer, 429);
}

static void headers_of_kubernetes(void **state)
{
    struct http_answer answer = get("/kube");

    (void)state;
    assert_int_equal(answer.retry_after_ms, 2000);
    assert_int_equal(answer.date_us, 0);
    assert_string_equal(answer.content_type, "");
    assert_answered(&answer, 503);
}

static void odd_headers_do_no_harm(void **state)
{
    struct http_answer answer = get("/odd");

    (void)state;
    assert_int_equal(answer.date_us, 0);
    assert_int_equal(answer.retry_after_ms, 0);
    assert_string_equal(answer.content_type, "a??z");
    assert_answered(&answer, 400);
}

static void only_the_last_answer_counts(void **state)
{
    struct http_answer answer = get("/continue");

    (void)state;
    assert_string_equal(answer.content_type, "");
    assert_int_equal(answer.date_us, 0); /* it is there, and not read: no refusal */
    assert_answered(&answer, 200);
}

static void redirects_are_not_followed(void **state)
{
    struct http_answer answer = get("/redirect");

    (void)state;
    assert_answered(&answer, 302);
    assert_int_equal(toy_server_requests(), 1);
}

/* ---- requests ---- */

#define AGENT_LINE "\r\nUser-Agent: podbind/" PODBIND_VERSION "\r\n"

static void assert_sent(const struct http_request *request, const char *const *lines,
                        const char *const *not_these)
{
    struct http_answer answer = exchange(request);
    const char *sent = strbuf_text(&answer.body);

    for (; *lines; lines++)
        if (!strstr(sent, *lines))
            fail_msg("'%s' is not in: %s", *lines, sent);
    for (; *not_these; not_these++)
        if (strcasestr(sent, *not_these))
            fail_msg("'%s' is in: %s", *not_these, sent);
    assert_answered(&answer, 200);
}

static void requests_go_out_as_given(void **state)
{
    static const char *const headers[] = {"Authorization: Bearer t", "X-Amz-Date: 2026", NULL};
    static const char *const typed[] = {"Content-Type: application/merge-patch+json", NULL};
    static const char *const never[] = {"Content-Type", "Expect", "Accept-Encoding", "Cookie",
                                        NULL};
    static const char *const never_length[] = {"Content-Length", "Content-Type", NULL};
    static const char *const never_form[] = {"urlencoded", "Expect", NULL};

    (void)state;
    assert_sent(&(struct http_request){.method = "GET",
                                       .url = url("/echo/%2Fa//../b?c=%3A"),
                                       .headers = headers},
                (const char *const[]){"GET /echo/%2Fa//../b?c=%3A HTTP/1.1\r\n",
                                      "\r\nAuthorization: Bearer t\r\n", "\r\nX-Amz-Date: 2026\r\n",
                                      AGENT_LINE, NULL},
                never);
    assert_sent(&(struct http_request){.method = "DELETE", .url = url("/echo")},
                (const char *const[]){"DELETE /echo ", NULL}, never_length);
    assert_sent(&(struct http_request){.method = "POST", .url = url("/echo")},
                (const char *const[]){"POST /echo ", "\r\nContent-Length: 0\r\n", NULL}, never);
    assert_sent(&(struct http_request){.method = "PATCH",
                                       .url = url("/echo"),
                                       .headers = typed,
                                       .body = "{\"a\":1} and more",
                                       .body_length = 7},
                (const char *const[]){"PATCH /echo ", "\r\nContent-Length: 7\r\n", typed[0],
                                      "\r\n\r\n{\"a\":1}", NULL},
                never_form);
    assert_sent(&(struct http_request){.method = "DELETE",
                                       .url = url("/echo"),
                                       .headers = typed,
                                       .body = "{}",
                                       .body_length = 2},
                (const char *const[]){"DELETE /echo ", "\r\nContent-Length: 2\r\n", NULL},
                never_form);
    assert_int_equal(toy_server_connections(), 1);
}

/* A handle used for a request with a body serves one without, and the other way round. */
static void nothing_of_an_earlier_request_is_left(void **state)
{
    static const char *const secret[] = {"Authorization: Bearer earlier", NULL};
    static const char *const never[] = {"earlier", "Content-Length", NULL};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct http_answer answer = exchange(&(struct http_request){.method = "POST",
                                                                    .url = url("/echo"),
                                                                    .headers = secret,
                                                                    .body = "earlier",
                                                                    .body_length = 7});
        assert_answered(&answer, 200);
        assert_sent(&(struct http_request){.method = "GET", .url = url("/echo")},
                    (const char *const[]){"GET /echo HTTP/1.1\r\n", NULL}, never);
    }
}

static void large_body_goes_out_whole(void **state)
{
    CLEANUP_FREE char *body = mem_alloc(2 << 20);

    (void)state;
    memset(body, 'z', 2 << 20);
    struct http_answer answer = exchange(&(struct http_request){.method = "PUT",
                                                                .url = url("/echo"),
                                                                .body = body,
                                                                .body_length = 2 << 20,
                                                                .deadline_ms = 30000});
    assert_true(answer.body.length > 2 << 20);
    assert_memory_equal(answer.body.text + answer.body.length - (2 << 20), body, 2 << 20);
    assert_answered(&answer, 200);
}

static void malformed_requests_never_leave(void **state)
{
    static const char *const urls[] = {"",
                                       "ftp://127.0.0.1/",
                                       "127.0.0.1/x",
                                       "file:///etc/passwd",
                                       "http://127.0.0.1/a b",
                                       "http://127.0.0.1/\r\nX: y",
                                       "http://",
                                       "http://u:p@127.0.0.1/",
                                       "https://[::1/"};
    static const char *const injected[] = {"A: b\r\nC: d", NULL};
    static const char *const nameless[] = {": b", NULL};

    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        struct http_answer answer =
            exchange(&(struct http_request){.method = "GET", .url = urls[i]});

        assert_failed(&answer, ERROR_INVALID, "");
    }
    struct http_answer answer =
        exchange(&(struct http_request){.method = "GET", .url = url("/echo"), .headers = injected});
    assert_failed(&answer, ERROR_INVALID, "Name: value");
    answer =
        exchange(&(struct http_request){.method = "GET", .url = url("/echo"), .headers = nameless});
    assert_failed(&answer, ERROR_INVALID, "Name: value");
    answer = exchange(&(struct http_request){.method = "GET /", .url = url("/echo")});
    assert_failed(&answer, ERROR_INVALID, "method");
    assert_int_equal(toy_server_requests(), 0);
}

/* ---- caps ---- */

static void bodies_have_a_cap(void **state)
{
    (void)state;
    for (int chunked = 0; chunked < 2; chunked++) {
        struct http_request request = {.method = "GET",
                                       .url = url(chunked ? "/chunked/1000" : "/big/1000"),
                                       .answer_cap = 1000};
        struct http_answer answer = exchange(&request);

        assert_int_equal(answer.body.length, 1000);
        assert_answered(&answer, 200);
        request.answer_cap = 999;
        answer = exchange(&request);
        assert_failed(&answer, ERROR_INVALID, "over 999 bytes");
    }
    struct http_answer answer = get("/big/4194304");
    assert_answered(&answer, 200);
    answer = get("/chunked/4194305");
    assert_failed(&answer, ERROR_INVALID, "over 4194304 bytes");
}

static void headers_have_a_cap(void **state)
{
    struct http_answer answer = get("/headers");

    (void)state;
    assert_failed(&answer, ERROR_INVALID, "headers are over 65536 bytes");
}

/* ---- failures ---- */

static void broken_answers_leave_the_outcome_unknown(void **state)
{
    static const char *const paths[] = {"/cut", "/reset", "/garbage"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char origin[64];

        snprintf(origin, sizeof origin, "http://127.0.0.1:%d: ", port);
        struct http_answer answer = get(paths[i]);
        assert_failed(&answer, ERROR_UNKNOWN, origin);
        answer = exchange(&(struct http_request){.method = "POST", .url = url(paths[i])});
        assert_failed(&answer, ERROR_UNKNOWN, origin);
    }
}

/* A port that was bound a moment ago and is free again. */
static int unused_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(socket_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(socket_fd, (struct sockaddr *)&address, &length), 0);
    close(socket_fd);
    return ntohs(address.sin_port);
}

static void what_never_left_is_transient(void **state)
{
    char refused[64];

    (void)state;
    snprintf(refused, sizeof refused, "http://127.0.0.1:%d/", unused_port());
    struct http_answer answer = exchange(&(struct http_request){.method = "POST", .url = refused});
    assert_failed(&answer, ERROR_TRANSIENT, "127.0.0.1");
    answer = exchange(&(struct http_request){.method = "POST", .url = "http://nobody.test/"});
    assert_failed(&answer, ERROR_TRANSIENT, "nobody.test");
    snprintf(refused, sizeof refused, "https://127.0.0.1:%d/", port); /* no TLS there */
    answer = exchange(&(struct http_request){.method = "POST", .url = refused, .deadline_ms = 500});
    assert_failed(&answer, ERROR_TRANSIENT, "127.0.0.1");
}

/* It stands in conditions: what differs each time would be written each time. */
static void how_long_it_took_to_fail_is_not_told(void **state)
{
    char refused[64];

    (void)state;
    snprintf(refused, sizeof refused, "http://127.0.0.1:%d/", unused_port());
    struct http_answer answer = exchange(&(struct http_request){.method = "POST", .url = refused});
    assert_non_null(strstr(answer.error.text, ": Couldn't connect to server"));
    assert_null(strstr(answer.error.text, " ms"));
    http_answer_release(&answer);
}

static void slow_resolver_does_not_hold_up_the_engine(void **state)
{
    int64_t start_ms = clock_boot_ms();

    (void)state;
    struct http_answer answer = exchange(
        &(struct http_request){.method = "GET", .url = "http://slow.test/", .deadline_ms = 300});
    assert_failed(&answer, ERROR_TRANSIENT, "no answer within 300 ms");
    assert_in_range(clock_boot_ms() - start_ms, 300, 1500);
}

static void dead_connection_is_replaced_for_reads(void **state)
{
    (void)state;
    struct http_answer answer = get("/doomed");
    assert_answered(&answer, 200);
    answer = get("/status/200");
    assert_answered(&answer, 200);
    assert_int_equal(toy_server_requests(), 3); /* sent twice */
    assert_int_equal(toy_server_connections(), 2);
}

static void writes_are_never_sent_twice(void **state)
{
    static const char *const methods[] = {"POST", "PATCH", "PUT", "DELETE"};

    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        int before = toy_server_requests();
        struct http_answer answer = get("/doomed");

        assert_answered(&answer, 200);
        answer = exchange(&(struct http_request){.method = methods[i], .url = url("/status/200")});
        assert_failed(&answer, ERROR_UNKNOWN, "ended before the answer");
        assert_int_equal(toy_server_requests() - before, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(any_status_is_an_answer),
        FIXTURE_TEST(headers_of_aws),
        FIXTURE_TEST(headers_of_kubernetes),
        FIXTURE_TEST(odd_headers_do_no_harm),
        FIXTURE_TEST(only_the_last_answer_counts),
        FIXTURE_TEST(redirects_are_not_followed),
        FIXTURE_TEST(requests_go_out_as_given),
        FIXTURE_TEST(nothing_of_an_earlier_request_is_left),
        FIXTURE_TEST(large_body_goes_out_whole),
        FIXTURE_TEST(malformed_requests_never_leave),
        FIXTURE_TEST(bodies_have_a_cap),
        FIXTURE_TEST(headers_have_a_cap),
        FIXTURE_TEST(broken_answers_leave_the_outcome_unknown),
        FIXTURE_TEST(what_never_left_is_transient),
        FIXTURE_TEST(how_long_it_took_to_fail_is_not_told),
        FIXTURE_TEST(slow_resolver_does_not_hold_up_the_engine),
        FIXTURE_TEST(dead_connection_is_replaced_for_reads),
        FIXTURE_TEST(writes_are_never_sent_twice),
    };

    return cmocka_run_group_tests_name("http", tests, fixture_adopt, NULL);
}
