/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/watch_http.h"
#include "tests/unit/raw_server.h"
#include "tests/unit/watch_world.h"

#define JSON                                                                                       \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
#define META(name, version)                                                                        \
    "{\"metadata\":{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}"
#define ADDED "{\"type\":\"ADDED\",\"object\":" META("a", "7") "}\n"
#define GONE                                                                                       \
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":"       \
    "\"Expired\",\"message\":\"too old\",\"code\":410}}\n"
#define STATUS(code, reason, message)                                                              \
    "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"reason\":\"" reason       \
    "\",\"message\":\"" message "\",\"code\":" code "}"

/* ---- the server's answers, by path ---- */

static void answer(int socket, const char *status, const char *headers, const char *body)
{
    char head[512];
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status,
             strlen(body), headers);
    raw_server_say(socket, head);
    raw_server_say(socket, body);
}

static bool answer_refusal(int socket, const char *path)
{
    const char *const json = "Content-Type: application/json\r\n";
    if (strncmp(path, "/401", 4) == 0)
        answer(socket, "401 U", json, STATUS("401", "Unauthorized", "who are you"));
    else if (strncmp(path, "/403", 4) == 0)
        answer(socket, "403 F", json, STATUS("403", "Forbidden", "may not watch"));
    else if (strncmp(path, "/410", 4) == 0)
        answer(socket, "410 G", json, STATUS("410", "Expired", "too old"));
    else if (strncmp(path, "/422", 4) == 0)
        answer(socket, "422 I", json, STATUS("422", "Invalid", "no sendInitialEvents"));
    else if (strncmp(path, "/429", 4) == 0)
        answer(socket, "429 T", "Retry-After: 3\r\n", "storage is being made");
    else if (strncmp(path, "/404", 4) == 0)
        answer(socket, "404 N", "Content-Type: text/plain\r\n", "404 page not found");
    else if (strncmp(path, "/500", 4) == 0)
        answer(socket, "500 E", "Content-Type: text/html\r\n", "<html>oh</html>");
    else if (strncmp(path, "/login", 6) == 0)
        answer(socket, "200 OK", "Content-Type: text/html\r\n", "<html>log in</html>");
    else
        answer(socket, "302 Found", "Location: /events\r\n", "");
    return true;
}

static void answer_large(int socket)
{
    CLEANUP_FREE char *filler = mem_alloc((1 << 20) + 1);
    memset(filler, 'x', 1 << 20);
    raw_server_chunk(socket, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"");
    for (int i = 0; i < 5; i++)
        raw_server_chunk(socket, filler);
}

static void drip(int socket, const char *text)
{
    for (; *text != '\0'; text++) {
        raw_server_chunk(socket, (const char[]){*text, '\0'});
        if (raw_server_pause(socket, 3))
            return;
    }
}

static void answer_echo(int socket, const char *request)
{
    CLEANUP(strbuf_release) struct strbuf event = {0};
    strbuf_str(&event, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\","
                       "\"name\":\"");
    strbuf_json(&event, request);
    strbuf_str(&event, "\"}}}\n");
    raw_server_chunk(socket, strbuf_text(&event));
}

static bool serve(int socket, const char *request)
{
    const char *path = strchr(request, ' ') + 1;
    if (path[1] >= '0' && path[1] <= '9')
        return answer_refusal(socket, path);
    if (strncmp(path, "/login", 6) == 0 || strncmp(path, "/redirect", 9) == 0)
        return answer_refusal(socket, path);
    if (strncmp(path, "/hang", 5) == 0)
        return raw_server_pause(socket, 20000), false;
    if (strncmp(path, "/reset", 6) == 0)
        return false;
    raw_server_say(socket, JSON);
    if (strncmp(path, "/quiet", 6) == 0)
        return raw_server_pause(socket, 20000), false;
    if (strncmp(path, "/large", 6) == 0)
        return answer_large(socket), false;
    if (strncmp(path, "/drip", 5) == 0)
        drip(socket, ADDED ADDED);
    else if (strncmp(path, "/echo", 5) == 0)
        answer_echo(socket, request);
    else if (strncmp(path, "/gone", 5) == 0)
        raw_server_chunk(socket, ADDED GONE);
    else if (strncmp(path, "/broken", 7) == 0)
        raw_server_chunk(socket, ADDED "hello\n");
    else if (strncmp(path, "/half", 5) == 0)
        raw_server_chunk(socket, ADDED "{\"type\":\"ADD");
    else if (strncmp(path, "/short", 6) != 0)
        raw_server_chunk(socket, ADDED "{\"type\":\"BOOKMARK\",\"object\":" META("", "9") "}\n");
    if (strncmp(path, "/cut", 4) == 0)
        return raw_server_say(socket, "40\r\n{\"type\":"), false;
    if (strncmp(path, "/stay", 5) == 0)
        return raw_server_pause(socket, 20000), false;
    raw_server_chunk(socket, "");
    return true;
}

/* ---- the world ---- */

static int port;
static struct watch_http_server *server;
static struct watch_record record;

static int begin(void **state)
{
    (void)state;
    port = raw_server_start(serve);
    server = watch_http_server_new(&(struct http_settings){.proxy = "", .user_agent = "podbind/0"});
    watch_record_init(&record);
    return 0;
}

static int end(void **state)
{
    (void)state;
    watch_http_server_finish(server);
    raw_server_stop();
    watch_record_release(&record);
    return 0;
}

static struct watch_http *open_as(const char *path, struct watch_http_settings settings)
{
    char url[128];
    const struct watch_sink sink = watch_record_sink(&record);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    settings.url = url;
    settings.timeout_s = settings.timeout_s > 0 ? settings.timeout_s : 60;
    return watch_http_open(server, &settings, &sink);
}

static struct watch_http *open_at(const char *path)
{
    return open_as(path, (struct watch_http_settings){0});
}

static void wait_closed(unsigned times)
{
    if (!watch_world_wait(&record, &record.closed, times))
        fail_msg("it never closed: %s", strbuf_text(&record.log));
}

/* Opens, waits for the end, gives it back. */
static const struct error *run(const char *path)
{
    unsigned closed = record.closed; /* it may be over before the next line */
    struct watch_http *watch = open_at(path);
    wait_closed(closed + 1);
    watch_http_close(watch);
    return &record.error;
}

/* ---- events ---- */

static void brings_events_until_the_server_ends_it(void **state)
{
    (void)state;
    run("/events");
    watch_record_says(&record, "opened ADDED:7:a BOOKMARK:9: closed:none");
}

static void a_quiet_watch_is_open_at_once(void **state)
{
    (void)state;
    struct watch_http *watch = open_at("/quiet");
    assert_true(watch_world_wait(&record, &record.opened, 1));
    watch_record_says(&record, "opened ");
    watch_http_close(watch);
    wait_closed(1);
    watch_record_says(&record, "opened closed:none");
}

static void brings_events_that_drip(void **state)
{
    (void)state;
    run("/drip");
    watch_record_says(&record, "opened ADDED:7:a ADDED:7:a closed:none");
}

static void asks_for_nothing_but_json(void **state)
{
    (void)state;
    struct watch_http *watch =
        open_as("/echo?watch=true", (struct watch_http_settings){.token = "abc.def"});
    wait_closed(1);
    watch_http_close(watch);
    const char *log = strbuf_text(&record.log);
    assert_non_null(strstr(log, "GET /echo?watch=true HTTP/1.1\r\n"));
    assert_non_null(strstr(log, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(log, "\r\nAuthorization: Bearer abc.def\r\n"));
    assert_non_null(strstr(log, "\r\nUser-Agent: podbind/0\r\n"));
    assert_null(strstr(log, "Encoding"));
    assert_null(strstr(log, "Upgrade"));
}

static void the_next_watch_takes_over_the_connection(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        run("/events");
    assert_int_equal(raw_server_connections(), 1);
}

/* ---- ends ---- */

static void tells_ends_apart(void **state)
{
    (void)state;
    const struct {
        const char *path;
        enum error_kind kind;
        const char *log, *words;
    } rows[] = {
        {"/gone", ERROR_GONE, "opened ADDED:7:a closed:gone", "too old"},
        {"/broken", ERROR_TRANSIENT, "opened ADDED:7:a closed:transient", "JSON"},
        {"/half", ERROR_TRANSIENT, "opened ADDED:7:a closed:transient", "within an event"},
        {"/cut", ERROR_TRANSIENT, "opened ADDED:7:a BOOKMARK:9: closed:transient", "the watch: "},
        {"/short", ERROR_TRANSIENT, "opened closed:transient", "within a second"},
        {"/large", ERROR_GONE, "opened closed:gone", "over 4194304 bytes"},
        {"/reset", ERROR_TRANSIENT, "closed:transient", "no watch connection"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        strbuf_clear(&record.log);
        const struct error *err = run(rows[i].path);
        watch_record_says(&record, rows[i].log);
        assert_int_equal(err->kind, rows[i].kind);
        watch_world_says(err, rows[i].words);
    }
}

static void tells_refusals_apart(void **state)
{
    (void)state;
    const struct {
        const char *path;
        int status;
        enum error_kind kind;
        const char *words;
    } rows[] = {
        {"/401", 401, ERROR_DENIED, "who are you"},
        {"/403", 403, ERROR_DENIED, "may not watch"},
        {"/404", 404, ERROR_TRANSIENT, "text/plain"},
        {"/410", 410, ERROR_GONE, "too old"},
        {"/422", 422, ERROR_INVALID, "no sendInitialEvents"},
        {"/429", 429, ERROR_THROTTLED, "429"},
        {"/500", 500, ERROR_TRANSIENT, "text/html"},
        {"/login", 200, ERROR_INVALID, "does a proxy answer"},
        {"/redirect", 302, ERROR_INVALID, "does a proxy answer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        strbuf_clear(&record.log);
        const struct error *err = run(rows[i].path);
        assert_int_equal(err->status, rows[i].status);
        assert_int_equal(err->kind, rows[i].kind);
        watch_world_says(err, rows[i].words);
        assert_null(strstr(strbuf_text(&record.log), "opened"));
        assert_int_equal(err->retry_after_ms, rows[i].status == 429 ? 3000 : 0);
    }
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    (void)state;
    int64_t start_ms = clock_boot_ms();
    struct watch_http *watch = open_as("/hang", (struct watch_http_settings){.begin_s = 1});
    wait_closed(1);
    watch_http_close(watch);
    watch_record_says(&record, "closed:transient");
    watch_world_says(&record.error, "no answer within 1000 ms");
    assert_in_range(clock_boot_ms() - start_ms, 900, 8000);
}

static void a_watch_that_the_server_does_not_end_is_cut(void **state)
{
    (void)state;
    int64_t start_ms = clock_boot_ms();
    struct watch_http *other = open_at("/stay"); /* of which nothing is to be felt */
    assert_true(watch_world_wait(&record, &record.events, 2));
    struct watch_http *watch =
        open_as("/quiet", (struct watch_http_settings){.timeout_s = 1, .grace_s = 1});
    wait_closed(1);
    watch_http_close(watch);
    watch_record_says(&record, "opened ADDED:7:a BOOKMARK:9: opened closed:transient");
    watch_world_says(&record.error, "not over after 2000 ms");
    assert_in_range(clock_boot_ms() - start_ms, 1900, 9000);
    watch_http_close(other);
    wait_closed(2);
    assert_int_equal(record.error.kind, ERROR_NONE);
}

static void a_token_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    CLEANUP_FREE char *token = mem_alloc(20001);
    memset(token, 't', 20000);
    struct watch_http *watch = open_as("/events", (struct watch_http_settings){.token = token});
    wait_closed(1);
    watch_http_close(watch);
    assert_int_equal(record.error.kind, ERROR_INVALID);
}

/* ---- the owner ---- */

static void a_watch_closed_at_once_says_so_once(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        watch_http_close(open_at("/stay"));
    wait_closed(50);
    assert_int_equal(record.error.kind, ERROR_NONE);
}

static void the_end_ends_all_promptly(void **state)
{
    (void)state;
    open_at("/stay");
    open_at("/quiet");
    open_at("/hang");
    assert_true(watch_world_wait(&record, &record.events, 2));
    int64_t start_ms = clock_boot_ms();
    watch_http_server_finish(server);
    server = NULL;
    assert_in_range(clock_boot_ms() - start_ms, 0, 1000);
    assert_int_equal(record.closed, 3);
    assert_int_equal(record.error.kind, ERROR_NONE);
}

struct closer {
    struct watch_record *record;
    struct watch_http *watch;
    pthread_mutex_t lock; /* held until `watch` is set */
};

static void ignore_opened(void *context)
{
    (void)context;
}

static void close_inside(void *context, const struct watch_frame *frame)
{
    struct closer *closer = context;
    (void)frame;
    pthread_mutex_lock(&closer->lock);
    watch_http_close(closer->watch);
    closer->watch = NULL;
    pthread_mutex_unlock(&closer->lock);
}

static void tell_closed(void *context, const struct error *error)
{
    const struct closer *closer = context;
    watch_record_sink(closer->record).closed(closer->record, error);
}

static void may_be_closed_inside_its_sink(void **state)
{
    (void)state;
    char url[64];
    struct closer closer = {&record, NULL, PTHREAD_MUTEX_INITIALIZER};
    const struct watch_sink sink = {&closer, ignore_opened, close_inside, tell_closed};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/stay", port);
    pthread_mutex_lock(&closer.lock);
    closer.watch =
        watch_http_open(server, &(struct watch_http_settings){.url = url, .timeout_s = 60}, &sink);
    pthread_mutex_unlock(&closer.lock);
    wait_closed(1);
    watch_record_says(&record, "closed:none");
}

static void the_heartbeat_is_that_of_the_thread(void **state)
{
    (void)state;
    int64_t start_ms = clock_boot_ms();
    assert_int_equal(watch_http_server_heartbeat(server), 0);
    run("/events");
    assert_true(watch_http_server_heartbeat(server) >= start_ms);
}

static void asks_for_one_to_two_minutes(void **state)
{
    (void)state;
    assert_int_equal(watch_http_timeout(0), 60);
    assert_int_equal(watch_http_timeout(60), 120);
    assert_int_equal(watch_http_timeout(61), 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(brings_events_until_the_server_ends_it),
        TEST(a_quiet_watch_is_open_at_once),
        TEST(brings_events_that_drip),
        TEST(asks_for_nothing_but_json),
        TEST(the_next_watch_takes_over_the_connection),
        TEST(tells_ends_apart),
        TEST(tells_refusals_apart),
        TEST(a_server_that_does_not_answer_is_given_up),
        TEST(a_watch_that_the_server_does_not_end_is_cut),
        TEST(a_token_that_does_not_fit_is_refused),
        TEST(a_watch_closed_at_once_says_so_once),
        TEST(the_end_ends_all_promptly),
        TEST(may_be_closed_inside_its_sink),
        TEST(the_heartbeat_is_that_of_the_thread),
        TEST(asks_for_one_to_two_minutes),
    };
    mem_adopt_libraries();
    return cmocka_run_group_tests_name("watch_http", tests, NULL, NULL);
}
