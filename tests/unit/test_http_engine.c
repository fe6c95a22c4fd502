/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http_fixture.h"

#include <pthread.h>

#include "base/clock.h"

/* ---- time ---- */

static void deadline_is_kept(void **state)
{
    int64_t start_ms = clock_boot_ms();

    (void)state;
    struct http_answer answer =
        exchange(&(struct http_request){.method = "GET", .url = url("/hang"), .deadline_ms = 250});
    assert_in_range(clock_boot_ms() - start_ms, 250, 1200);
    assert_true(answer.seconds >= 0.25 && answer.seconds < 1.2);
    assert_failed(&answer, ERROR_UNKNOWN, "no answer within 250 ms");
}

static void next_waits_as_long_as_told(void **state)
{
    struct http_answer answer;
    int64_t start_ms = clock_boot_ms();

    (void)state;
    assert_false(http_next(http, 0, &answer));
    assert_in_range(clock_boot_ms() - start_ms, 0, 100);
    assert_false(http_next(http, 200, &answer)); /* with nothing under way too */
    assert_in_range(clock_boot_ms() - start_ms, 200, 1200);
    start("GET", "/slow/400", NULL);
    assert_false(http_next(http, 50, &answer));
    assert_int_equal(http_pending(http), 1);
    assert_true(http_next(http, INT64_MAX, &answer));
    assert_answered(&answer, 200);
}

/* As after a SIGSTOP: a connection is there, and the time to use it is over. */
static void what_is_overdue_does_not_leave(void **state)
{
    struct http_answer answer = get("/status/200");
    int before;

    (void)state;
    assert_answered(&answer, 200);
    before = toy_server_requests();
    http_start(
        http, peer,
        &(struct http_request){.method = "POST", .url = url("/status/200"), .deadline_ms = 50});
    nap(100);
    assert_true(http_next(http, 4000, &answer));
    assert_failed(&answer, ERROR_TRANSIENT, "no answer within 50 ms");
    nap(100);
    assert_int_equal(toy_server_requests(), before);
}

/* A time-out retires the connections: the next request is made on a new one, while one that was
 * under way beside it runs to its end. */
static void timeout_retires_every_connection(void **state)
{
    int marks[3];
    struct http_answer answer;

    (void)state;
    for (int i = 0; i < 3; i++)
        start("GET", i < 2 ? "/slow/100" : "/slow/900", &marks[i]);
    for (int i = 0; i < 2; i++) {
        assert_true(http_next(http, 4000, &answer));
        assert_answered(&answer, 200);
    }
    assert_int_equal(toy_server_connections(), 3);
    http_start(http, peer,
               &(struct http_request){.method = "GET", .url = url("/hang"), .deadline_ms = 200});
    assert_true(http_next(http, 4000, &answer));
    assert_failed(&answer, ERROR_UNKNOWN, "no answer within 200 ms");
    assert_int_equal(toy_server_connections(), 3); /* it used an idle one */

    start("GET", "/status/200", NULL);
    assert_true(http_next(http, 4000, &answer));
    assert_ptr_not_equal(answer.context, &marks[2]);
    assert_answered(&answer, 200);
    assert_int_equal(toy_server_connections(), 4); /* not the other idle one */

    assert_true(http_next(http, 4000, &answer));
    assert_ptr_equal(answer.context, &marks[2]);
    assert_answered(&answer, 200);
    answer = get("/status/200");
    assert_answered(&answer, 200);
    assert_int_equal(toy_server_connections(), 4);
}

/* ---- many ---- */

static void many_run_at_once(void **state)
{
    bool seen[64] = {false};
    int64_t start_ms = clock_boot_ms();

    (void)state;
    for (size_t i = 0; i < COUNT(seen); i++)
        start(i % 2 ? "GET" : "POST", "/slow/300", &seen[i]);
    assert_int_equal(http_pending(http), COUNT(seen));
    for (size_t i = COUNT(seen); i > 0; i--) {
        struct http_answer answer;

        assert_int_equal(http_pending(http), i);
        assert_true(http_next(http, 4000, &answer));
        assert_false(*(bool *)answer.context);
        *(bool *)answer.context = true;
        assert_string_equal(strbuf_text(&answer.body), "late");
        assert_answered(&answer, 200);
    }
    assert_in_range(clock_boot_ms() - start_ms, 300, 3500); /* in turn it would be 19 s */
}

static void peer_may_be_freed_while_in_use(void **state)
{
    struct http_answer answer;

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct http_peer *other =
            http_peer_new(&(struct http_settings){.proxy = "", .user_agent = "o"});

        for (int j = 0; j < 3; j++)
            http_start(http, other,
                       &(struct http_request){.method = "GET", .url = url("/slow/50")});
        http_peer_free(other);
        for (int j = 0; j < 3; j++) {
            assert_true(http_next(http, 4000, &answer));
            assert_answered(&answer, 200);
        }
    }
    http_peer_free(NULL);
}

static void abort_hands_everything_back(void **state)
{
    struct http_answer answer;
    int mark;

    (void)state;
    for (int i = 0; i < 5; i++)
        start("POST", "/hang", &mark);
    assert_false(http_next(http, 100, &answer));
    http_abort(http);
    assert_int_equal(http_pending(http), 5);
    for (int i = 0; i < 5; i++) {
        assert_true(http_next(http, 0, &answer));
        assert_ptr_equal(answer.context, &mark);
        assert_failed(&answer, ERROR_UNKNOWN, "given up");
    }
    assert_false(http_next(http, 0, &answer));
    answer = get("/status/200");
    assert_answered(&answer, 200);
}

static void a_cancelled_request_is_not_handed_back(void **state)
{
    struct http_answer answer;
    int marks[4];

    (void)state;
    start("GET", "/hang", &marks[0]);
    start("GET", "/slow/100", &marks[1]);
    http_start(http, peer,
               &(struct http_request){.method = "GET", .url = "bad", .context = &marks[2]});
    http_start(http, peer,
               &(struct http_request){.method = "GET", .url = "bad", .context = &marks[3]});
    assert_int_equal(http_pending(http), 4);
    http_cancel(http, &marks[0]); /* under way */
    http_cancel(http, &marks[3]); /* done, the last of the list */
    http_cancel(http, &answer);   /* of nobody */
    assert_int_equal(http_pending(http), 2);
    assert_true(http_next(http, 4000, &answer));
    assert_ptr_equal(answer.context, &marks[2]);
    http_answer_release(&answer);
    assert_true(http_next(http, 4000, &answer));
    assert_ptr_equal(answer.context, &marks[1]);
    assert_answered(&answer, 200);
    start("GET", "/status/200", &marks[0]);
    assert_true(http_next(http, 4000, &answer));
    assert_answered(&answer, 200);
}

/* What a flow was told. */
struct told {
    int begun;
    size_t bytes, most; /* no more than that is wanted */
};

static void told_begun(void *context, const char *content_type)
{
    (void)content_type;
    ((struct told *)context)->begun++;
}

static bool told_bytes(void *context, const char *bytes, size_t length)
{
    struct told *told = context;

    assert_int_equal(bytes[0], 'x');
    told->bytes += length;
    return told->bytes <= told->most;
}

static struct http_answer flow_from(const char *path, struct told *told)
{
    const struct http_flow flow = {told_begun, told_bytes, 1000};

    return exchange(&(struct http_request){
        .method = "GET", .url = url(path), .answer_cap = 10, .flow = &flow, .context = told});
}

static void an_answer_flows_past_the_cap(void **state)
{
    struct told told = {.most = SIZE_MAX};
    struct http_answer answer = flow_from("/chunked/300000", &told);

    (void)state;
    assert_int_equal(told.begun, 1);
    assert_int_equal(told.bytes, 300000);
    assert_int_equal(answer.body.length, 0);
    assert_answered(&answer, 200);
}

static void a_flow_ends_when_no_more_is_wanted(void **state)
{
    struct told told = {.most = 1};
    struct http_answer answer = flow_from("/chunked/300000", &told);

    (void)state;
    assert_in_range(told.bytes, 2, 299999);
    assert_failed(&answer, ERROR_UNKNOWN, "");
}

static void what_is_no_200_is_gathered(void **state)
{
    struct told told = {.most = SIZE_MAX};
    struct http_answer answer = flow_from("/status/404", &told);

    (void)state;
    assert_int_equal(told.begun + (int)told.bytes, 0);
    assert_string_equal(strbuf_text(&answer.body), "text");
    assert_answered(&answer, 404);
}

static void a_flow_must_begin_in_time(void **state)
{
    struct told told = {.most = SIZE_MAX};
    struct http_answer answer = flow_from("/hang", &told);

    (void)state;
    assert_in_range(answer.seconds * 1000, 900, 3000);
    assert_failed(&answer, ERROR_UNKNOWN, "no answer within 1000 ms");
}

static void free_ends_what_is_under_way(void **state)
{
    struct http *other = http_new();

    (void)state;
    for (int i = 0; i < 3; i++)
        http_start(other, peer, &(struct http_request){.method = "GET", .url = url("/hang")});
    http_start(other, peer, &(struct http_request){.method = "GET", .url = "bad"});
    http_free(other); /* LeakSanitizer watches */
    http_free(NULL);
}

/* ---- waking ---- */

static void *wake_later(void *unused)
{
    nap(200);
    http_wake(http);
    return unused;
}

static void wake_ends_the_wait_once(void **state)
{
    struct http_answer answer;
    pthread_t waker;
    int64_t start_ms = clock_boot_ms();

    (void)state;
    start("GET", "/slow/1000", NULL);
    pthread_create(&waker, NULL, wake_later, NULL);
    assert_false(http_next(http, 4000, &answer));
    assert_in_range(clock_boot_ms() - start_ms, 190, 900);
    pthread_join(waker, NULL);
    assert_true(http_next(http, 4000, &answer));
    assert_answered(&answer, 200);
}

static void wake_between_two_calls_is_kept(void **state)
{
    struct http_answer answer;
    int64_t start_ms = clock_boot_ms();

    (void)state;
    for (int i = 0; i < 3; i++)
        http_wake(http);
    assert_false(http_next(http, 4000, &answer));
    assert_in_range(clock_boot_ms() - start_ms, 0, 300);
    assert_false(http_next(http, 200, &answer)); /* three wakes are one */
    assert_in_range(clock_boot_ms() - start_ms, 200, 1200);
}

static void exchange_outlasts_a_wake_and_keeps_it(void **state)
{
    int64_t start_ms = clock_boot_ms();

    (void)state;
    http_wake(http);
    struct http_answer answer = get("/slow/300");
    assert_in_range(clock_boot_ms() - start_ms, 300, 1500);
    assert_answered(&answer, 200);
    start_ms = clock_boot_ms();
    assert_false(http_next(http, 4000, &answer));
    assert_in_range(clock_boot_ms() - start_ms, 0, 300);
}

static double cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void waiting_costs_nothing(void **state)
{
    struct http_answer answer;
    double before = cpu_seconds();

    (void)state;
    http_wake(http);
    assert_false(http_next(http, 0, &answer));
    assert_false(http_next(http, 300, &answer));
    http_wake(http);
    start("GET", "/slow/300", NULL);
    assert_false(http_next(http, 0, &answer));
    assert_true(http_next(http, 4000, &answer));
    assert_answered(&answer, 200);
    http_wake(http);
    answer = get("/slow/300");
    assert_answered(&answer, 200);
    assert_true(cpu_seconds() - before < 0.1);
}

#define WAKES 2000

static void *wake_often(void *unused)
{
    for (int i = 0; i < WAKES; i++) {
        http_wake(http);
        if (i % 16 == 0)
            nap(1);
    }
    return unused;
}

/* While others wake it all the time, and time-outs replace the pool under them, every request still
 * comes back, and the last wake is not lost. */
static void wakes_from_many_threads_lose_nothing(void **state)
{
    pthread_t wakers[3];
    int answers = 0, timeouts = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(wakers); i++)
        pthread_create(&wakers[i], NULL, wake_often, NULL);
    for (int i = 0; i < 40; i++)
        http_start(http, peer,
                   &(struct http_request){.method = "GET",
                                          .url = url(i % 8 ? "/slow/30" : "/hang"),
                                          .deadline_ms = i % 8 ? 4000 : 20 + i});
    while (http_pending(http) > 0) {
        struct http_answer answer;

        if (!http_next(http, 4000, &answer))
            continue;
        answers += answer.status == 200;
        timeouts += answer.error.kind != ERROR_NONE; /* sent by then, or not */
        http_answer_release(&answer);
    }
    for (size_t i = 0; i < COUNT(wakers); i++)
        pthread_join(wakers[i], NULL);
    assert_int_equal(answers, 35);
    assert_int_equal(timeouts, 5);
    struct http_answer answer;
    http_wake(http);
    int64_t start_ms = clock_boot_ms();
    assert_false(http_next(http, 4000, &answer));
    assert_in_range(clock_boot_ms() - start_ms, 0, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(deadline_is_kept),
        FIXTURE_TEST(what_is_overdue_does_not_leave),
        FIXTURE_TEST(next_waits_as_long_as_told),
        FIXTURE_TEST(timeout_retires_every_connection),
        FIXTURE_TEST(many_run_at_once),
        FIXTURE_TEST(peer_may_be_freed_while_in_use),
        FIXTURE_TEST(abort_hands_everything_back),
        FIXTURE_TEST(a_cancelled_request_is_not_handed_back),
        FIXTURE_TEST(an_answer_flows_past_the_cap),
        FIXTURE_TEST(a_flow_ends_when_no_more_is_wanted),
        FIXTURE_TEST(what_is_no_200_is_gathered),
        FIXTURE_TEST(a_flow_must_begin_in_time),
        FIXTURE_TEST(free_ends_what_is_under_way),
        FIXTURE_TEST(wake_ends_the_wait_once),
        FIXTURE_TEST(wake_between_two_calls_is_kept),
        FIXTURE_TEST(exchange_outlasts_a_wake_and_keeps_it),
        FIXTURE_TEST(waiting_costs_nothing),
        FIXTURE_TEST(wakes_from_many_threads_lose_nothing),
    };

    return cmocka_run_group_tests_name("http_engine", tests, fixture_adopt, NULL);
}
