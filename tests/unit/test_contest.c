/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "reconcile/contest.h"

#define MINUTE 60000

static void three_reverts_in_ten_minutes_contest_a_key(void **state)
{
    struct contest contest = {0};

    (void)state;
    contest_count(&contest, CONTEST_ACCESS, 5 * MINUTE);
    contest_count(&contest, CONTEST_ACCESS, 10 * MINUTE);
    assert_int_equal(contest.retry_at, 0);
    contest_count(&contest, CONTEST_DELETED, 15 * MINUTE);
    assert_int_equal(contest.retry_at, 75 * MINUTE);
    assert_int_equal(contest.kind, CONTEST_DELETED);
    assert_int_equal(contest.count, 3);
    assert_int_equal(contest.since, 5 * MINUTE);
}

static void reverts_that_are_far_apart_contest_nothing(void **state)
{
    struct contest contest = {0};

    (void)state;
    for (int64_t i = 1; i <= 9; i++)
        contest_count(&contest, CONTEST_TAGS, i * 6 * MINUTE);
    assert_int_equal(contest.retry_at, 0);
    contest_count(&contest, CONTEST_TAGS, 55 * MINUTE); /* after those of 48 and 54 */
    assert_int_equal(contest.retry_at, 115 * MINUTE);
    contest = (struct contest){0};
    contest_count(&contest, CONTEST_TAGS, 10 * MINUTE);
    contest_count(&contest, CONTEST_TAGS, 30 * MINUTE);
    assert_int_equal(contest.count, 1); /* a row of its own */
    assert_int_equal(contest.since, 30 * MINUTE);
}

static void what_is_undone_after_the_retry_waits_another_hour(void **state)
{
    struct contest contest = {0};

    (void)state;
    for (int64_t i = 1; i <= 3; i++)
        contest_count(&contest, CONTEST_TAGS, i * MINUTE);
    assert_int_equal(contest.retry_at, 63 * MINUTE);
    contest_count(&contest, CONTEST_TAGS, 65 * MINUTE);
    assert_int_equal(contest.retry_at, 125 * MINUTE);
    assert_int_equal(contest.count, 4);
    assert_int_equal(contest_ends(&contest), 185 * MINUTE);
    contest_count(&contest, CONTEST_TAGS, 186 * MINUTE); /* it had stood for an hour */
    assert_int_equal(contest.retry_at, 0);
    assert_int_equal(contest.count, 1);
}

static void an_edit_or_another_binding_ends_it(void **state)
{
    struct contest contest = {0};

    (void)state;
    assert_true(contest_is_of(&contest, "uid-a", 1));
    assert_true(contest_is_of(&contest, "uid-a", 1));
    assert_false(contest_is_of(&contest, "uid-a", 2));
    assert_false(contest_is_of(&contest, "uid-b", 1));
}

static void times_for_people_are_worked_out_once(void **state)
{
    const int64_t noon_us = INT64_C(1795867200000000);
    struct contest contest = {0};

    (void)state;
    for (int64_t i = 1; i <= 3; i++)
        contest_count(&contest, CONTEST_TAGS, i * MINUTE);
    contest_tell(&contest, 3 * MINUTE, noon_us);
    assert_int_equal(contest.since_us, noon_us - INT64_C(120000000));
    assert_int_equal(contest.retry_us, noon_us + INT64_C(3600000000));
    contest_tell(&contest, 3 * MINUTE, noon_us + 1);
    assert_int_equal(contest.since_us, noon_us - INT64_C(120000000));
}

static void writes_times_as_kubernetes_does(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782400, "2000-02-29T00:00:00Z"},
        {1709164799, "2024-02-28T23:59:59Z"}, {1735689599, "2024-12-31T23:59:59Z"},
        {1735689600, "2025-01-01T00:00:00Z"}, {1795867200, "2026-11-28T12:00:00Z"},
        {4107542399, "2100-02-28T23:59:59Z"}, {4107542400, "2100-03-01T00:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[CONTEST_TIME_SIZE];

        contest_time(rows[i].seconds * 1000000, text);
        assert_string_equal(text, rows[i].text);
    }
}

/* No clock says so; the text keeps its form. */
static void a_time_beyond_all_years_keeps_its_form(void **state)
{
    char text[CONTEST_TIME_SIZE];

    (void)state;
    contest_time(INT64_MAX, text);
    assert_int_equal(strlen(text), 20);
    assert_memory_equal(text, "9999-12-", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_reverts_in_ten_minutes_contest_a_key),
        cmocka_unit_test(reverts_that_are_far_apart_contest_nothing),
        cmocka_unit_test(what_is_undone_after_the_retry_waits_another_hour),
        cmocka_unit_test(an_edit_or_another_binding_ends_it),
        cmocka_unit_test(times_for_people_are_worked_out_once),
        cmocka_unit_test(writes_times_as_kubernetes_does),
        cmocka_unit_test(a_time_beyond_all_years_keeps_its_form),
    };

    return cmocka_run_group_tests_name("contest", tests, NULL, NULL);
}
