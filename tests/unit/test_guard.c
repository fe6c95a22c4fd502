/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reconcile/guard.h"

#define LASTS (GUARD_WINDOW_MS + GUARD_USE_MS)

static void the_limit_is_the_floor_or_a_tenth(void **state)
{
    static const struct {
        size_t ours, floor, limit;
    } rows[] = {{0, 20, 20}, {199, 20, 20}, {209, 20, 20}, {210, 20, 21}, {5000, 20, 500}};
    struct guard guard = {0};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(guard_limit(&guard, rows[i].ours, rows[i].floor), rows[i].limit);
}

static void a_tenth_is_of_ours_at_the_start_of_the_window(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};

    (void)state;
    guard_spend(&guard, 30, 500, 1000, 1);
    guard_spend(&guard, 10, 470, 2000, 2);
    assert_int_equal(guard_left(&guard, 10, 20), 10);
    guard_expire(&guard, 1000 + LASTS);
    assert_int_equal(guard_left(&guard, 10, 20), 37);
}

static void judges(void **state)
{
    static const struct {
        size_t spent, wanted, released;
        bool stop;
        struct guard_verdict verdict;
    } rows[] = {
        {0, 0, 0, false, {0, 0, false}},       {0, 20, 0, false, {20, 0, false}},
        {0, 21, 0, false, {0, 0, true}},       {15, 5, 0, false, {5, 0, false}},
        {15, 6, 0, false, {0, 0, true}},       {25, 1, 0, false, {0, 0, true}},
        {0, 300, 50, false, {0, 50, true}},    {0, 300, 300, false, {0, 300, false}},
        {0, 300, 999, false, {0, 300, false}}, {0, 5, 99, false, {5, 0, false}},
        {0, 1, 0, true, {0, 0, true}},         {0, 2, 1, true, {0, 1, true}},
        {0, 0, 0, true, {0, 0, false}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(guard_release) struct guard guard = {0};
        const struct guard_wish wish = {.wanted = rows[i].wanted,
                                        .ours = 40,
                                        .floor = 20,
                                        .released = rows[i].released,
                                        .stop = rows[i].stop};
        struct guard_verdict verdict;

        if (rows[i].spent > 0)
            guard_spend(&guard, rows[i].spent, 40, 0, 1);
        verdict = guard_judge(&guard, &wish);
        assert_int_equal(verdict.budgeted, rows[i].verdict.budgeted);
        assert_int_equal(verdict.released, rows[i].verdict.released);
        assert_int_equal(verdict.held, rows[i].verdict.held);
    }
}

static void what_was_spent_counts_for_the_window_and_no_longer(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};

    (void)state;
    assert_int_equal(guard_due(&guard), INT64_MAX);
    guard_spend(&guard, 12, 100, 5000, 1);
    guard_spend(&guard, 3, 88, 9000, 2);
    assert_int_equal(guard_due(&guard), 5000 + LASTS);
    assert_false(guard_expire(&guard, 5000 + LASTS - 1));
    assert_int_equal(guard_left(&guard, 100, 20), 5);
    assert_true(guard_expire(&guard, 5000 + LASTS));
    assert_int_equal(guard_left(&guard, 100, 20), 17);
    assert_true(guard_expire(&guard, 9000 + LASTS));
    assert_int_equal(guard_due(&guard), INT64_MAX);
}

static void what_was_not_sent_comes_back(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};

    (void)state;
    guard_give_back(&guard, 5); /* nothing was spent */
    guard_spend(&guard, 10, 100, 0, 1);
    guard_spend(&guard, 4, 100, 0, 2);
    guard_give_back(&guard, 3);
    assert_int_equal(guard_left(&guard, 100, 20), 9);
    guard_give_back(&guard, 3); /* never more than the last spending */
    assert_int_equal(guard_left(&guard, 100, 20), 10);
    assert_true(guard_expire(&guard, 1)); /* one that is empty says nothing */
    assert_int_equal(guard.count, 1);
}

static void the_annotation_survives_in_another_process(void **state)
{
    CLEANUP(guard_release) struct guard old = {0};
    CLEANUP(guard_release) struct guard new = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err = {0};

    (void)state;
    guard_write(&old, &text);
    assert_string_equal(strbuf_text(&text), "");
    guard_spend(&old, 12, 350, 77, 1796000000);
    guard_spend(&old, 3, 338, 78, 1796000000); /* the same second */
    guard_write(&old, &text);
    assert_string_equal(strbuf_text(&text), "1796000000=12/350 1796000001=3/338");
    assert_int_equal(guard_read(&new, strbuf_text(&text), 500000, &err), 0);
    assert_int_equal(guard_left(&new, 5, 20), 20);
    assert_int_equal(guard_due(&new), 500000 + LASTS); /* as old as we know of it */
}

static void what_it_knows_keeps_its_age(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};
    struct error err = {0};

    (void)state;
    guard_spend(&guard, 5, 100, 1000, 7);
    assert_int_equal(guard_read(&guard, "7=4/100 8=2/96", 9000, &err), 0);
    assert_int_equal(guard_due(&guard), 1000 + LASTS);
    guard_expire(&guard, 1000 + LASTS);
    assert_int_equal(guard_due(&guard), 9000 + LASTS);
    assert_int_equal(guard_left(&guard, 100, 20), 18);
    assert_int_equal(guard_read(&guard, "", 9000, &err), 0);
    assert_int_equal(guard.count, 0);
}

static void another_text_is_refused_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "x",         "7",       "7=",           "7=1",        "7=1/",
        "7=1/2 ",    " 7=1/2",  "7=1/2  8=1/2", "-7=1/2",     "7=-1/2",
        "7=1/2,8=1", "7=1/2\n", "7 =1/2",       "7=100001/2", "99999999999999999999=1/2",
    };
    CLEANUP(guard_release) struct guard guard = {0};

    (void)state;
    guard_spend(&guard, 5, 100, 1000, 7);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct error err = {0};

        assert_int_equal(guard_read(&guard, texts[i], 2000, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(guard_left(&guard, 100, 20), 15);
    }
}

static void a_text_without_end_is_refused(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    CLEANUP(guard_release) struct guard guard = {0};
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 1001; i++)
        strbuf_format(&text, "%s%d=1/2", i > 0 ? " " : "", i);
    assert_int_equal(guard_read(&guard, strbuf_text(&text), 0, &err), -1);
}

static void reads_what_a_person_lets_through(void **state)
{
    static const struct {
        const char *text;
        int result;
        size_t number;
    } rows[] = {{"", 0, 0},        {"0", 0, 0},    {"35", 0, 35},  {"100000", 0, 100000},
                {"100001", -1, 9}, {"all", -1, 9}, {"-1", -1, 9},  {"3.5", -1, 9},
                {" 3", -1, 9},     {"3 ", -1, 9},  {"0x10", -1, 9}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        size_t number = 9;

        assert_int_equal(guard_read_release(rows[i].text, &number, &err), rows[i].result);
        assert_int_equal(number, rows[i].number);
    }
}

static void numbers_may_be_as_large_as_what_holds_them(void **state)
{
    static const struct {
        const char *text;
        int result;
    } rows[] = {
        {"9223372036854775806=100000/2147483647", 0},
        {"9223372036854775807=1/2", -1},
        {"7=1/2147483648", -1},
        {"0=0/0", 0},
        {"9=9/9", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(guard_release) struct guard guard = {0};
        CLEANUP(strbuf_release) struct strbuf text = {0};
        struct error err = {0};

        assert_int_equal(guard_read(&guard, rows[i].text, 0, &err), rows[i].result);
        guard_write(&guard, &text);
        assert_string_equal(strbuf_text(&text), rows[i].result == 0 ? rows[i].text : "");
    }
}

/* Two leaders may have written in one second. */
static void each_that_is_known_answers_for_one_that_is_read(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};
    struct error err = {0};

    (void)state;
    guard_spend(&guard, 5, 100, 1000, 7);
    assert_int_equal(guard_read(&guard, "7=5/100 7=2/96", 9000, &err), 0);
    assert_true(guard_expire(&guard, 1000 + LASTS));
    assert_int_equal(guard_due(&guard), 9000 + LASTS);
    assert_int_equal(guard_left(&guard, 100, 20), 18);
}

static void a_thousand_spendings_are_read(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    CLEANUP(guard_release) struct guard guard = {0};
    struct error err = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        strbuf_format(&text, "%s%d=1/2", i > 0 ? " " : "", i);
    assert_int_equal(guard_read(&guard, strbuf_text(&text), 0, &err), 0);
    assert_int_equal(guard.count, 1000);
}

/* A clock that was set back: the times tell spendings apart. */
static void times_only_rise(void **state)
{
    CLEANUP(guard_release) struct guard guard = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    guard_spend(&guard, 1, 10, 0, 500);
    guard_spend(&guard, 1, 9, 0, 400);
    guard_spend(&guard, 1, 8, 0, 502);
    guard_write(&guard, &text);
    assert_string_equal(strbuf_text(&text), "500=1/10 501=1/9 502=1/8");
}

static void one_that_was_released_is_as_new(void **state)
{
    struct guard guard = {0};

    (void)state;
    guard_spend(&guard, 5, 100, 1000, 7);
    guard_release(&guard);
    assert_int_equal(guard_left(&guard, 100, 20), 20);
    assert_int_equal(guard_due(&guard), INT64_MAX);
    guard_spend(&guard, 5, 100, 1000, 7);
    assert_int_equal(guard_left(&guard, 100, 20), 15);
    guard_release(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_is_the_floor_or_a_tenth),
        cmocka_unit_test(a_tenth_is_of_ours_at_the_start_of_the_window),
        cmocka_unit_test(judges),
        cmocka_unit_test(what_was_spent_counts_for_the_window_and_no_longer),
        cmocka_unit_test(what_was_not_sent_comes_back),
        cmocka_unit_test(the_annotation_survives_in_another_process),
        cmocka_unit_test(what_it_knows_keeps_its_age),
        cmocka_unit_test(another_text_is_refused_and_changes_nothing),
        cmocka_unit_test(a_text_without_end_is_refused),
        cmocka_unit_test(reads_what_a_person_lets_through),
        cmocka_unit_test(numbers_may_be_as_large_as_what_holds_them),
        cmocka_unit_test(each_that_is_known_answers_for_one_that_is_read),
        cmocka_unit_test(a_thousand_spendings_are_read),
        cmocka_unit_test(times_only_rise),
        cmocka_unit_test(one_that_was_released_is_as_new),
    };

    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
