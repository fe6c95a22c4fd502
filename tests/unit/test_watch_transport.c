/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kube/watch_transport.h"

#define WEBSOCKET WATCH_TRANSPORT_WEBSOCKET
#define HTTP WATCH_TRANSPORT_HTTP
#define HOUR WATCH_TRANSPORT_RETRY_MS

static const struct error refused = {.kind = ERROR_DENIED, .status = 403};
static const struct error cut = {.kind = ERROR_TRANSIENT};

/* The next watch must take `kind`, and then fails. Returns whether that changed what is in use. */
static bool fails(struct watch_transport *transport, enum watch_transport_kind kind, int64_t now)
{
    assert_int_equal(watch_transport_next(transport, now), kind);
    return watch_transport_failed(transport, kind, &refused, now);
}

static bool begins(struct watch_transport *transport, enum watch_transport_kind kind, int64_t now)
{
    assert_int_equal(watch_transport_next(transport, now), kind);
    return watch_transport_began(transport, kind);
}

static struct watch_transport settled(int64_t now)
{
    struct watch_transport transport = {0};
    for (int i = 0; i < WATCH_TRANSPORT_FAILURES; i++)
        assert_false(fails(&transport, WEBSOCKET, now));
    assert_false(begins(&transport, HTTP, now));
    assert_int_equal(watch_transport_now(&transport), WEBSOCKET);
    assert_true(fails(&transport, WEBSOCKET, now));
    assert_int_equal(watch_transport_now(&transport), HTTP);
    return transport;
}

static void stays_with_websockets_that_begin(void **state)
{
    (void)state;
    struct watch_transport transport = {0};
    for (int i = 0; i < 100; i++) {
        assert_false(fails(&transport, WEBSOCKET, i));
        assert_false(fails(&transport, WEBSOCKET, i));
        assert_false(begins(&transport, WEBSOCKET, i));
    }
}

static void settles_on_http_after_three_failures_in_a_row(void **state)
{
    (void)state;
    struct watch_transport transport = settled(0);
    for (int64_t now = 0; now < HOUR; now += HOUR / 50)
        assert_false(begins(&transport, HTTP, now));
}

/* Neither gets through: WebSockets again, which is what comes first when it is back. */
static void a_server_that_is_down_settles_nothing(void **state)
{
    (void)state;
    struct watch_transport transport = {0};
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < WATCH_TRANSPORT_FAILURES; i++)
            assert_false(fails(&transport, WEBSOCKET, 0));
        assert_false(fails(&transport, HTTP, 0));
        assert_int_equal(watch_transport_now(&transport), WEBSOCKET);
    }
}

static void a_server_that_came_back_during_the_probe_keeps_websockets(void **state)
{
    (void)state;
    struct watch_transport transport = {0};
    for (int i = 0; i < WATCH_TRANSPORT_FAILURES; i++)
        fails(&transport, WEBSOCKET, 0);
    assert_false(begins(&transport, HTTP, 0));
    assert_false(begins(&transport, WEBSOCKET, 0));
    assert_false(begins(&transport, WEBSOCKET, 0));
    assert_int_equal(watch_transport_now(&transport), WEBSOCKET);
}

static void tries_a_websocket_once_an_hour(void **state)
{
    (void)state;
    struct watch_transport transport = settled(1000);
    for (int64_t hour = 1; hour < 5; hour++) {
        assert_false(begins(&transport, HTTP, 1000 + hour * HOUR - 1));
        assert_int_equal(watch_transport_next(&transport, 1000 + hour * HOUR), WEBSOCKET);
        assert_false(begins(&transport, HTTP, 1000 + hour * HOUR)); /* the other one meanwhile */
        assert_false(watch_transport_failed(&transport, WEBSOCKET, &cut, 1000 + hour * HOUR));
    }
}

static void returns_when_the_hourly_try_begins(void **state)
{
    (void)state;
    struct watch_transport transport = settled(0);
    assert_true(begins(&transport, WEBSOCKET, HOUR));
    assert_int_equal(watch_transport_now(&transport), WEBSOCKET);
    assert_false(begins(&transport, WEBSOCKET, HOUR));
    assert_false(fails(&transport, WEBSOCKET, HOUR)); /* and counts from nought again */
    assert_false(fails(&transport, WEBSOCKET, HOUR));
    assert_false(begins(&transport, WEBSOCKET, HOUR));
}

static void what_the_server_itself_says_counts_as_no_failure(void **state)
{
    (void)state;
    const int statuses[] = {401, 404, 410, 422, 429};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct watch_transport transport = {0};
        const struct error said = {.kind = ERROR_TRANSIENT, .status = statuses[i]};
        for (int turn = 0; turn < 10; turn++) {
            assert_int_equal(watch_transport_next(&transport, 0), WEBSOCKET);
            assert_false(watch_transport_failed(&transport, WEBSOCKET, &said, 0));
        }
    }
}

static void a_try_that_was_given_up_is_made_again(void **state)
{
    (void)state;
    struct watch_transport transport = settled(0);
    assert_int_equal(watch_transport_next(&transport, HOUR), WEBSOCKET);
    watch_transport_dropped(&transport, WEBSOCKET);
    assert_true(begins(&transport, WEBSOCKET, HOUR));
    for (int i = 0; i < WATCH_TRANSPORT_FAILURES; i++)
        fails(&transport, WEBSOCKET, HOUR);
    assert_int_equal(watch_transport_next(&transport, HOUR), HTTP);
    watch_transport_dropped(&transport, HTTP);
    assert_int_equal(watch_transport_next(&transport, HOUR), WEBSOCKET);
}

/* Two were on their way when the third failed: their ends say nothing about the probe. */
static void failures_that_come_late_change_nothing(void **state)
{
    (void)state;
    struct watch_transport transport = {0};
    for (int i = 0; i < WATCH_TRANSPORT_FAILURES; i++)
        fails(&transport, WEBSOCKET, 0);
    assert_false(watch_transport_failed(&transport, WEBSOCKET, &refused, 0));
    assert_false(begins(&transport, HTTP, 0));
    assert_false(watch_transport_failed(&transport, WEBSOCKET, &refused, 0));
    assert_int_equal(watch_transport_now(&transport), WEBSOCKET);
    assert_true(fails(&transport, WEBSOCKET, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_with_websockets_that_begin),
        cmocka_unit_test(settles_on_http_after_three_failures_in_a_row),
        cmocka_unit_test(a_server_that_is_down_settles_nothing),
        cmocka_unit_test(a_server_that_came_back_during_the_probe_keeps_websockets),
        cmocka_unit_test(tries_a_websocket_once_an_hour),
        cmocka_unit_test(returns_when_the_hourly_try_begins),
        cmocka_unit_test(what_the_server_itself_says_counts_as_no_failure),
        cmocka_unit_test(a_try_that_was_given_up_is_made_again),
        cmocka_unit_test(failures_that_come_late_change_nothing),
    };
    return cmocka_run_group_tests_name("watch_transport", tests, NULL, NULL);
}
