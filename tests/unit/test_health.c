/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controller/health.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define METRICS_LINES 20000

/* ---- a server with everything to be switched ---- */

static atomic_bool is_alive = true, is_ready = true;
static struct loop *loop;
static struct health *health;

static bool check_alive(void *context, struct strbuf *ret_sentence)
{
    (void)context;
    if (!is_alive)
        strbuf_str(ret_sentence, "the worker has not turned for 40 s");
    return is_alive;
}

static bool check_ready(void *context, struct strbuf *ret_sentence)
{
    (void)context;
    if (!is_ready)
        strbuf_str(ret_sentence, "bindings are not synced");
    return is_ready;
}

/* Long enough to fill the socket buffers of both sides. */
static void show_metrics(struct strbuf *ret_text)
{
    for (int i = 0; i < METRICS_LINES; i++)
        strbuf_format(ret_text, "podbind_line{number=\"%05d\"} 1\n", i);
}

static const struct health_settings settings = {
    .alive = check_alive,
    .ready = check_ready,
    .metrics = show_metrics,
    .request_seconds = 1,
    .answer_seconds = 2,
};

static int start(void **state)
{
    const struct value_address address = {"127.0.0.1", 0};
    struct error err = {0};

    (void)state;
    is_alive = is_ready = true;
    loop = loop_new(NULL, &err);
    assert_non_null(loop);
    health = health_new(loop, &address, &settings, &err);
    if (!health)
        fail_msg("%s", err.text);
    assert_int_equal(loop_start(loop, &err), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    loop_free(loop);
    health_free(health);
    return 0;
}

/* ---- a client, byte by byte ---- */

static void name_server(struct sockaddr_in *ret_name)
{
    *ret_name = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(health_port(health)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int dial(void)
{
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int room = 32768; /* so that a reader's pace reaches the server */
    struct sockaddr_in name;

    name_server(&name);
    assert_true(handle >= 0);
    setsockopt(handle, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    assert_int_equal(connect(handle, (struct sockaddr *)&name, sizeof name), 0);
    return handle;
}

static void say(int handle, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(handle, bytes, length, MSG_NOSIGNAL);

        if (sent < 0) /* the server has had enough: see what it said */
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* How the last connection ended: 0 in good order, else the errno. */
static int ended_with;

/* All that comes until the server hangs up, within 5 s. */
static char *hear(int handle)
{
    struct strbuf text = STRBUF_CAPPED((size_t)8 << 20);
    struct pollfd poller = {.fd = handle, .events = POLLIN};
    char piece[65536];
    ssize_t length = -1;

    while (poll(&poller, 1, 5000) == 1 && (length = recv(handle, piece, sizeof piece, 0)) > 0)
        strbuf_add(&text, piece, (size_t)length);
    ended_with = length == 0 ? 0 : errno;
    return strbuf_take(&text);
}

static char *ask(const char *request, size_t length)
{
    int handle = dial();

    say(handle, request, length);
    char *answer = hear(handle);
    close(handle);
    return answer;
}

static char *get(const char *path)
{
    char request[256];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

    return ask(request, (size_t)length);
}

static void assert_starts(const char *text, const char *start)
{
    if (strncmp(text, start, strlen(start)) != 0)
        fail_msg("\"%.80s\" does not start with \"%s\"", text, start);
}

/* The part behind the empty line; its length must be what Content-Length says. */
static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = strstr(answer, "\r\nContent-Length: ");

    assert_non_null(end);
    assert_non_null(length);
    assert_int_equal(strtoul(length + 18, NULL, 10), strlen(end + 4));
    return end + 4;
}

/* ---- the pages ---- */

static void all_well_is_200(void **state)
{
    static const char *const paths[] = {"/healthz", "/readyz", "/healthz?verbose=1",
                                        "http://pod:8080/readyz"};

    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        CLEANUP_FREE char *answer = get(paths[i]);

        assert_starts(answer, "HTTP/1.1 200 OK\r\n");
        assert_string_equal(body_of(answer), "ok\n");
    }
}

static void what_is_wrong_is_said_with_503(void **state)
{
    (void)state;
    is_ready = false;
    CLEANUP_FREE char *ready = get("/readyz");
    CLEANUP_FREE char *alive = get("/healthz");
    assert_starts(ready, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_string_equal(body_of(ready), "bindings are not synced\n");
    assert_starts(alive, "HTTP/1.1 200 OK\r\n");
    is_alive = false;
    CLEANUP_FREE char *dead = get("/healthz");
    assert_starts(dead, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_string_equal(body_of(dead), "the worker has not turned for 40 s\n");
}

static void metrics_come_whole(void **state)
{
    CLEANUP(strbuf_release) struct strbuf expected = {0};
    CLEANUP_FREE char *answer = get("/metrics");

    (void)state;
    show_metrics(&expected);
    assert_starts(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4;");
    assert_true(expected.length > 500000);
    assert_string_equal(body_of(answer), strbuf_text(&expected));
}

static void head_has_the_length_and_no_body(void **state)
{
    static const char request[] = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    CLEANUP_FREE char *answer = ask(request, sizeof request - 1);

    (void)state;
    assert_starts(answer, "HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(answer, "\r\nContent-Length: 3\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void other_paths_and_methods_are_refused(void **state)
{
    static const struct {
        const char *request, *start;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /healthz/ HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /metrics/../healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
        {"HEAD /nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 "},
        {"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 "},
        {"DELETE /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 405 "},
        {"BREW /coffee HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "},
        {"OPTIONS * HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "},
        {"CONNECT example.com:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 405 "},
        {"GET /healthz HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
         "HTTP/1.1 200 "},
        {"GET /healthz HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
         "Connection: Upgrade, HTTP2-Settings\r\n\r\n",
         "HTTP/1.1 200 "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP_FREE char *answer = ask(rows[i].request, strlen(rows[i].request));

        assert_starts(answer, rows[i].start);
    }
    CLEANUP_FREE char *answer = ask("PUT / HTTP/1.1\r\n\r\n", 18);
    assert_non_null(strstr(answer, "\r\nAllow: GET, HEAD\r\n"));
}

static void garbage_is_refused_at_once(void **state)
{
    CLEANUP_FREE char *tls = ask("\x16\x03\x01\x02\x00\x01\x00", 7);
    CLEANUP_FREE char *http2 = ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);

    (void)state;
    assert_starts(tls, "HTTP/1.1 400 ");
    assert_starts(http2, "HTTP/1.1 505 ");
}

static void too_long_a_request_is_431(void **state)
{
    CLEANUP(strbuf_release) struct strbuf request = {0};

    (void)state;
    strbuf_str(&request, "GET /healthz HTTP/1.1\r\n");
    while (request.length < 20000)
        strbuf_str(&request, "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    CLEANUP_FREE char *answer = ask(request.text, request.length);
    assert_starts(answer, "HTTP/1.1 431 ");
}

static void a_large_body_does_not_cost_the_answer(void **state)
{
    CLEANUP(strbuf_release) struct strbuf request = STRBUF_CAPPED((size_t)8 << 20);

    (void)state;
    strbuf_str(&request, "POST /metrics HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n");
    while (request.length < 4000000)
        strbuf_str(&request, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    CLEANUP_FREE char *answer = ask(request.text, request.length);
    assert_starts(answer, "HTTP/1.1 405 ");
    assert_string_equal(body_of(answer), "Method Not Allowed\n");
    assert_int_equal(ended_with, 0); /* no reset, which elsewhere takes the answer with it */
}

/* ---- clients of all kinds ---- */

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.0\nX: y\n\n";
    int handle = dial();

    (void)state;
    for (size_t i = 0; i + 1 < sizeof request; i++) {
        say(handle, request + i, 1);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    CLEANUP_FREE char *answer = hear(handle);
    close(handle);
    assert_starts(answer, "HTTP/1.1 200 OK\r\n");
}

static void a_client_that_sends_no_more_is_answered(void **state)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
    int handle = dial();

    (void)state;
    say(handle, request, sizeof request - 1);
    shutdown(handle, SHUT_WR);
    CLEANUP_FREE char *answer = hear(handle);
    close(handle);
    assert_true(strlen(body_of(answer)) > 500000);
}

static void a_thousand_requests_leave_nothing_behind(void **state)
{
    static const char *const paths[] = {"/healthz", "/metrics", "/readyz", "/nothing"};

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        CLEANUP_FREE char *answer = get(paths[i % 4]);

        assert_starts(answer, i % 4 == 3 ? "HTTP/1.1 404 " : "HTTP/1.1 200 ");
    }
    int handle = dial(); /* the lowest that is free: all the others have been closed */
    close(handle);
    assert_true(handle < 40);
}

/* Reads a little at a time; others are served meanwhile. */
static void a_slow_reader_gets_it_all_and_delays_nobody(void **state)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
    int handle = dial();
    size_t total = 0;
    char piece[8192];
    ssize_t length;

    (void)state;
    say(handle, request, sizeof request - 1);
    for (int i = 0; (length = recv(handle, piece, sizeof piece, 0)) > 0; i++) {
        total += (size_t)length;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        if (i % 16 != 0)
            continue;
        int64_t start_ms = clock_boot_ms();
        CLEANUP_FREE char *answer = get("/healthz");
        assert_starts(answer, "HTTP/1.1 200 ");
        assert_true(clock_boot_ms() - start_ms < 500);
    }
    close(handle);
    assert_int_equal(length, 0);
    assert_true(total > 500000);
}

static void who_says_nothing_or_takes_nothing_is_hung_up_on(void **state)
{
    static const char request[] = "GET /metrics HTTP/1.1\r\n\r\n";
    int idle = dial(), stuck = dial(), half = dial();
    struct pollfd pollers[] = {{.fd = idle, .events = POLLIN}, {.fd = half, .events = POLLIN}};
    char byte;

    (void)state;
    say(stuck, request, sizeof request - 1);
    say(half, request, 10);
    for (size_t i = 0; i < COUNT(pollers); i++) {
        assert_int_equal(poll(&pollers[i], 1, 4000), 1);
        assert_int_equal(recv(pollers[i].fd, &byte, 1, 0), 0);
    }
    /* 2 s for the answer; then the server lets go, with most of it unsent */
    nanosleep(&(struct timespec){.tv_sec = 3}, NULL);
    CLEANUP_FREE char *rest = hear(stuck);
    assert_true(strlen(rest) < 500000);
    close(idle);
    close(stuck);
    close(half);
}

static void more_than_64_at_once_are_turned_away(void **state)
{
    int handles[80];
    size_t away = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(handles); i++)
        handles[i] = dial();
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    for (size_t i = 0; i < COUNT(handles); i++) {
        char byte;

        away += recv(handles[i], &byte, 1, MSG_DONTWAIT) == 0;
    }
    for (size_t i = 0; i < COUNT(handles); i++)
        close(handles[i]);
    assert_int_equal(away, COUNT(handles) - 64);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    CLEANUP_FREE char *answer = get("/healthz");
    assert_starts(answer, "HTTP/1.1 200 ");
}

/* Without a free file handle accept() fails, and the visitor waits. */
static void running_out_of_file_handles_does_not_spin(void **state)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\n\r\n";
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit limit, tight;
    struct timespec before, after;
    struct sockaddr_in name;

    (void)state;
    if (getenv("UNDER_VALGRIND"))
        skip(); /* it keeps the limit to itself */
    name_server(&name);
    getrlimit(RLIMIT_NOFILE, &limit);
    tight = limit;
    tight.rlim_cur = (rlim_t)handle + 1;
    setrlimit(RLIMIT_NOFILE, &tight);
    int connected = connect(handle, (struct sockaddr *)&name, sizeof name);
    say(handle, request, sizeof request - 1);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    setrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(connected, 0);
    assert_true((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec <
                100000000);
    CLEANUP_FREE char *answer = hear(handle);
    close(handle);
    assert_starts(answer, "HTTP/1.1 200 ");
}

/* ---- start ---- */

static void a_port_that_is_taken_is_named(void **state)
{
    struct value_address address = {"127.0.0.1", health_port(health)};
    char expected[128];
    struct error err = {0};

    (void)state;
    assert_null(health_new(loop, &address, &settings, &err));
    snprintf(expected, sizeof expected,
             "listening on 127.0.0.1:%u for health and metrics: Address already in use",
             address.port);
    assert_string_equal(err.text, expected);
}

static void an_address_of_others_is_refused(void **state)
{
    const struct value_address address = {"192.0.2.1", 0};
    struct error err = {0};

    (void)state;
    assert_null(health_new(loop, &address, &settings, &err));
    assert_non_null(strstr(err.text, "192.0.2.1:0"));
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(all_well_is_200),
        SERVED(what_is_wrong_is_said_with_503),
        SERVED(metrics_come_whole),
        SERVED(head_has_the_length_and_no_body),
        SERVED(other_paths_and_methods_are_refused),
        SERVED(garbage_is_refused_at_once),
        SERVED(too_long_a_request_is_431),
        SERVED(a_large_body_does_not_cost_the_answer),
        SERVED(a_request_may_come_byte_by_byte),
        SERVED(a_client_that_sends_no_more_is_answered),
        SERVED(a_thousand_requests_leave_nothing_behind),
        SERVED(a_slow_reader_gets_it_all_and_delays_nobody),
        SERVED(who_says_nothing_or_takes_nothing_is_hung_up_on),
        SERVED(more_than_64_at_once_are_turned_away),
        SERVED(running_out_of_file_handles_does_not_spin),
        SERVED(a_port_that_is_taken_is_named),
        SERVED(an_address_of_others_is_refused),
    };

    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
