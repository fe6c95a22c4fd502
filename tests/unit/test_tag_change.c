/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reconcile/tag_change.h"

static const struct {
    const char *there, *wanted;
    const char *missing, *extra, *set;
} cases[] = {
    {"", "", "", "", ""},
    {"a\t1\n", "a\t1\n", "", "", "a\t1\n"},
    {"", "a\t1\nb\t2\n", "a\t1\nb\t2\n", "", "a\t1\nb\t2\n"},
    {"a\t1\nb\t2\n", "", "", "a\t1\nb\t2\n", "a\t1\nb\t2\n"},
    {"a\t1\n", "a\t2\n", "a\t2\n", "", "a\t2\n"},
    {"b\t1\nd\t1\n", "a\t1\nc\t1\n", "a\t1\nc\t1\n", "b\t1\nd\t1\n", "a\t1\nb\t1\nc\t1\nd\t1\n"},
    {"ab\t1\n", "a\t1\n", "a\t1\n", "ab\t1\n", "a\t1\nab\t1\n"}, /* the shorter key first */
    {"a\t\n", "a\tx\n", "a\tx\n", "", "a\tx\n"},                 /* an empty value is a value */
    {"a\tx\n", "a\t\n", "a\t\n", "", "a\t\n"},
};

static void says_what_to_set_and_what_to_take_away(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(strbuf_release) struct strbuf missing = {0}, extra = {0}, set = {0};

        tag_change_missing(cases[i].there, cases[i].wanted, &missing);
        assert_string_equal(strbuf_text(&missing), cases[i].missing);
        tag_change_extra(cases[i].there, cases[i].wanted, &extra);
        assert_string_equal(strbuf_text(&extra), cases[i].extra);
        tag_change_set(cases[i].there, cases[i].wanted, &set);
        assert_string_equal(strbuf_text(&set), cases[i].set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_to_set_and_what_to_take_away),
    };

    return cmocka_run_group_tests_name("tag_change", tests, NULL, NULL);
}
