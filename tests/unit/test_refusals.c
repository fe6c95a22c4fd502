/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/refusals.h"

#define LONGEST UINT64_MAX /* of a back-off's jitter */

static struct binding binding_of(const char *uid, const char *version)
{
    return (struct binding){.uid = uid, .resource_version = version};
}

static void nothing_is_refused_at_first(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding binding = binding_of("a", "5");

    (void)state;
    assert_int_equal(refusals_until(&refusals, &binding), 0);
    refusals_forget(&refusals, "a");
}

static void waits_grow_up_to_five_minutes(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding binding = binding_of("a", "5");
    int64_t wait = 0, before;

    (void)state;
    for (int i = 0; i < 12; i++) {
        before = wait;
        refusals_note(&refusals, &binding, false, 1000, LONGEST);
        wait = refusals_until(&refusals, &binding) - 1000;
        assert_in_range(wait, before ? before : 1000, 300000);
        if (i == 0)
            assert_in_range(wait, 1000, 2000);
    }
    assert_in_range(wait, 150000, 300000);
    assert_int_equal(refusals.count, 1);
}

static void another_version_is_tried_at_once(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding binding = binding_of("a", "5"), edited = binding_of("a", "6");
    struct binding other = binding_of("b", "5");

    (void)state;
    refusals_note(&refusals, &binding, false, 1000, 0);
    assert_true(refusals_until(&refusals, &binding) > 1000);
    assert_int_equal(refusals_until(&refusals, &edited), 0);
    assert_int_equal(refusals_until(&refusals, &other), 0);
}

static void a_write_that_was_taken_ends_it(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding a = binding_of("a", "5"), b = binding_of("b", "5"), c = binding_of("c", "5");

    (void)state;
    refusals_note(&refusals, &c, false, 1000, 0);
    refusals_note(&refusals, &a, false, 1000, 0);
    refusals_note(&refusals, &b, false, 1000, 0);
    refusals_forget(&refusals, "b");
    assert_int_equal(refusals_until(&refusals, &b), 0);
    assert_true(refusals_until(&refusals, &a) > 1000);
    assert_true(refusals_until(&refusals, &c) > 1000);
    refusals_forget(&refusals, "c");
    refusals_forget(&refusals, "a");
    assert_int_equal(refusals.count, 0);
}

static void a_conflict_waits_and_is_not_counted(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding a = binding_of("a", "5"), b = binding_of("b", "5");

    (void)state;
    refusals_note(&refusals, &a, true, 1000, 0);
    refusals_note(&refusals, &b, true, 1000, 0);
    assert_int_equal(refusals_count(&refusals), 0);
    assert_true(refusals_until(&refusals, &a) > 1000);
    refusals_note(&refusals, &b, false, 1000, 0);
    assert_int_equal(refusals_count(&refusals), 1);
}

static void those_of_bindings_that_are_gone_end(void **state)
{
    CLEANUP(refusals_release) struct refusals refusals = {0};
    struct binding a = binding_of("a", "5"), b = binding_of("b", "5");

    (void)state;
    refusals_note(&refusals, &a, false, 1000, 0);
    refusals_note(&refusals, &b, false, 1000, 0);
    refusals_begin(&refusals);
    refusals_look(&refusals, "b");
    refusals_look(&refusals, "never refused");
    refusals_end(&refusals);
    assert_int_equal(refusals.count, 1);
    assert_true(refusals_until(&refusals, &b) > 1000);
}

int main(void)
{
    const struct CMUnitTest refusals_tests[] = {
        cmocka_unit_test(nothing_is_refused_at_first),
        cmocka_unit_test(waits_grow_up_to_five_minutes),
        cmocka_unit_test(another_version_is_tried_at_once),
        cmocka_unit_test(a_write_that_was_taken_ends_it),
        cmocka_unit_test(a_conflict_waits_and_is_not_counted),
        cmocka_unit_test(those_of_bindings_that_are_gone_end),
    };
    return cmocka_run_group_tests(refusals_tests, NULL, NULL);
}
