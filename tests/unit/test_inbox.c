/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controller/inbox.h"

struct stage {
    struct http *engine;
    struct inbox *inbox;
};

static int make_stage(void **state)
{
    struct stage *stage = mem_alloc(sizeof *stage);

    stage->engine = http_new();
    stage->inbox = inbox_new(stage->engine);
    *state = stage;
    return 0;
}

static int end_stage(void **state)
{
    struct stage *stage = *state;

    inbox_free(stage->inbox);
    http_free(stage->engine);
    mem_free(stage);
    return 0;
}

static struct change bookmark(const char *version)
{
    return (struct change){.kind = CHANGE_BOOKMARK, .resource_version = mem_strdup(version)};
}

/* True when something woke the engine: it returned long before its time. */
static bool was_woken(struct stage *stage)
{
    int64_t started = clock_boot_ms();
    struct http_answer answer;

    assert_false(http_next(stage->engine, 400, &answer));
    return clock_boot_ms() - started < 300;
}

static void what_arrives_is_taken_once_in_order(void **state)
{
    struct stage *stage = *state;
    CLEANUP(changes_release) struct changes first = {0}, second = {0};

    assert_false(inbox_take(stage->inbox, &first));
    inbox_put(stage->inbox, bookmark("1"));
    inbox_put(stage->inbox, bookmark("2"));
    assert_true(was_woken(stage));
    assert_true(inbox_take(stage->inbox, &first));
    assert_int_equal(first.count, 2);
    assert_string_equal(first.items[0].resource_version, "1");
    assert_string_equal(first.items[1].resource_version, "2");
    assert_false(inbox_take(stage->inbox, &second));
    inbox_put(stage->inbox, bookmark("3")); /* and again */
    assert_true(was_woken(stage));
}

static void what_nobody_takes_is_freed(void **state)
{
    struct stage *stage = *state;

    inbox_put(stage->inbox, bookmark("1"));
}

static void a_wake_up_counts_once(void **state)
{
    struct stage *stage = *state;

    assert_false(inbox_woken(stage->inbox));
    inbox_wake(stage->inbox);
    inbox_wake(stage->inbox);
    assert_true(was_woken(stage));
    assert_true(inbox_woken(stage->inbox));
    assert_false(inbox_woken(stage->inbox));
}

static void a_stop_is_for_good(void **state)
{
    struct stage *stage = *state;

    assert_false(inbox_stopped(stage->inbox));
    inbox_stop(stage->inbox);
    assert_true(was_woken(stage));
    assert_true(inbox_stopped(stage->inbox));
    assert_true(inbox_stopped(stage->inbox));
}

static void keeps_the_lease_and_the_heartbeat(void **state)
{
    struct stage *stage = *state;

    assert_int_equal(inbox_lease(stage->inbox), 0); /* not held */
    inbox_set_lease(stage->inbox, 12345);
    assert_int_equal(inbox_lease(stage->inbox), 12345);
    assert_true(clock_boot_ms() - inbox_heartbeat(stage->inbox) < 5000);
    inbox_beat(stage->inbox, 777);
    assert_int_equal(inbox_heartbeat(stage->inbox), 777);
}

#define CHANGES 500

static void *put_many(void *context)
{
    for (int i = 0; i < CHANGES; i++) {
        char version[16];

        snprintf(version, sizeof version, "%d", i);
        inbox_put(context, bookmark(version));
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    struct stage *stage = *state;
    pthread_t threads[2];
    size_t taken = 0;

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, stage->inbox), 0);
    for (int turns = 0; taken < 2 * CHANGES && turns < 1000; turns++) {
        CLEANUP(changes_release) struct changes changes = {0};
        struct http_answer answer;

        http_next(stage->engine, 100, &answer);
        inbox_take(stage->inbox, &changes);
        taken += changes.count;
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(taken, 2 * CHANGES);
}

static void freeing_none_is_fine(void **state)
{
    (void)state;
    inbox_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stage, end_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_arrives_is_taken_once_in_order),
        TEST(what_nobody_takes_is_freed),
        TEST(a_wake_up_counts_once),
        TEST(a_stop_is_for_good),
        TEST(keeps_the_lease_and_the_heartbeat),
        TEST(nothing_is_lost_between_threads),
        cmocka_unit_test(freeing_none_is_fine),
    };

    return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
