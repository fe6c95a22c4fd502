/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/writes.h"

static void nothing_is_pending_at_first(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};

    (void)state;
    assert_false(writes_pending(&writes, "app", "reader"));
    assert_int_equal(writes_oldest(&writes), INT64_MAX);
    writes_seen(&writes, "app", "reader", "5");
}

static void pending_until_the_store_shows_our_version(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};

    (void)state;
    writes_note(&writes, "app", "reader", "10", 100);
    assert_true(writes_pending(&writes, "app", "reader"));
    assert_false(writes_pending(&writes, "app", "read"));
    assert_false(writes_pending(&writes, "web", "reader"));
    writes_seen(&writes, "app", "reader", "9"); /* as it was before */
    assert_true(writes_pending(&writes, "app", "reader"));
    writes_seen(&writes, "app", "other", "10");
    assert_true(writes_pending(&writes, "app", "reader"));
    writes_seen(&writes, "app", "reader", "10");
    assert_false(writes_pending(&writes, "app", "reader"));
}

static void a_newer_version_or_its_end_will_do(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};

    (void)state;
    writes_note(&writes, "app", "a", "18446744073709551616", 1);
    writes_seen(&writes, "app", "a", "18446744073709551615");
    assert_true(writes_pending(&writes, "app", "a"));
    writes_seen(&writes, "app", "a", "18446744073709551617");
    assert_false(writes_pending(&writes, "app", "a"));
    writes_note(&writes, "app", "b", "10", 1);
    writes_seen(&writes, "app", "b", "");
    assert_false(writes_pending(&writes, "app", "b"));
}

static void a_removed_object_is_pending_until_it_is_gone(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};

    (void)state;
    writes_note_removed(&writes, "app", "a", "10", 1);
    writes_seen(&writes, "app", "a", "9");
    writes_seen(&writes, "app", "a", "10");
    assert_true(writes_pending(&writes, "app", "a"));
    writes_seen(&writes, "app", "a", "");
    assert_false(writes_pending(&writes, "app", "a"));
    writes_note_removed(&writes, "app", "a", "10", 1);
    writes_seen(&writes, "app", "a", "12"); /* made again, and its end was not seen */
    assert_false(writes_pending(&writes, "app", "a"));
}

static void the_last_write_of_an_object_counts(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};

    (void)state;
    writes_note(&writes, "app", "reader", "10", 100);
    writes_note(&writes, "app", "reader", "11", 200);
    assert_int_equal(writes.count, 1);
    assert_int_equal(writes_oldest(&writes), 200);
    writes_seen(&writes, "app", "reader", "10");
    assert_true(writes_pending(&writes, "app", "reader"));
}

static void many_are_kept_apart(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};
    static const char *const names[] = {"m", "c", "z", "a", "q"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        writes_note(&writes, "app", names[i], "5", 500 + (int64_t)i);
        writes_note(&writes, "b", names[i], "5", 500 + (int64_t)i);
    }
    assert_int_equal(writes.count, 10);
    assert_int_equal(writes_oldest(&writes), 500);
    writes_seen(&writes, "app", "m", "5");
    writes_seen(&writes, "b", "m", "5");
    assert_int_equal(writes_oldest(&writes), 501);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(writes_pending(&writes, "app", names[i]), i != 0);
        assert_int_equal(writes_pending(&writes, "b", names[i]), i != 0);
    }
    writes_release(&writes);
    assert_false(writes_pending(&writes, "b", "a"));
}

/* More than there are buckets at first; every third is seen, from all over. */
static void thousands_are_found_again(void **state)
{
    CLEANUP(writes_release) struct writes writes = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "b%d", i);
        writes_note(&writes, i % 2 ? "app" : "web", name, "5", i);
    }
    for (int i = 0; i < 5000; i += 3) {
        snprintf(name, sizeof name, "b%d", i);
        writes_seen(&writes, i % 2 ? "app" : "web", name, "5");
    }
    assert_int_equal(writes.count, 3333);
    assert_int_equal(writes_oldest(&writes), 1);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "b%d", i);
        assert_int_equal(writes_pending(&writes, i % 2 ? "app" : "web", name), i % 3 != 0);
        assert_false(writes_pending(&writes, i % 2 ? "web" : "app", name));
    }
    writes_renew(&writes, 9000);
    assert_int_equal(writes_oldest(&writes), 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_pending_at_first),
        cmocka_unit_test(pending_until_the_store_shows_our_version),
        cmocka_unit_test(a_newer_version_or_its_end_will_do),
        cmocka_unit_test(a_removed_object_is_pending_until_it_is_gone),
        cmocka_unit_test(the_last_write_of_an_object_counts),
        cmocka_unit_test(many_are_kept_apart),
        cmocka_unit_test(thousands_are_found_again),
    };

    return cmocka_run_group_tests_name("writes", tests, NULL, NULL);
}
