/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crds/pairs.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void writes_sorted_in_byte_order(void **state)
{
    struct pair pairs[] = {{"b", "2"}, {"B", ""}, {"a/b", "x y"}, {"\xc3\xa9", "3"}, {"a", "1"}};
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    strbuf_str(&text, "before|");
    assert_true(pairs_write(pairs, COUNT(pairs), &text));
    assert_string_equal(strbuf_text(&text), "before|B\t\na\t1\na/b\tx y\nb\t2\n\xc3\xa9\t3\n");
}

static void same_map_in_another_order_is_the_same_text(void **state)
{
    struct pair one[] = {{"x", "1"}, {"y", "2"}, {"z", "3"}};
    struct pair other[] = {{"z", "3"}, {"x", "1"}, {"y", "2"}};
    CLEANUP(strbuf_release) struct strbuf first = {0};
    CLEANUP(strbuf_release) struct strbuf second = {0};

    (void)state;
    assert_true(pairs_write(one, COUNT(one), &first));
    assert_true(pairs_write(other, COUNT(other), &second));
    assert_string_equal(strbuf_text(&first), strbuf_text(&second));
}

static void refuses_what_it_cannot_hold(void **state)
{
    struct pair rows[][2] = {
        {{"a", "1"}, {"a", "2"}},  {{"", "1"}, {"a", "2"}},    {{"a", "1\n"}, {"b", "2"}},
        {{"a", "1"}, {"b\t", ""}}, {{"a", "\x1f"}, {"b", ""}}, {{"a", "1"}, {"b", "\x7f"}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};

        assert_false(pairs_write(rows[i], 2, &text));
        assert_int_equal(text.length, 0);
    }
}

static void no_pairs_are_an_empty_text(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    const char *cursor = "";
    struct pair_view pair;
    size_t length = 7;

    (void)state;
    assert_true(pairs_write(NULL, 0, &text));
    assert_string_equal(strbuf_text(&text), "");
    assert_false(pairs_next(&cursor, &pair));
    assert_null(pairs_get("", "a", &length));
    assert_int_equal(length, 7);
}

static void finds_whole_keys_and_whole_values(void **state)
{
    const char *pairs = "ab\tone\nabc\t\nb\tab\n";
    size_t length = 0;

    (void)state;
    assert_memory_equal(pairs_get(pairs, "ab", &length), "one", 3);
    assert_int_equal(length, 3);
    assert_non_null(pairs_get(pairs, "abc", &length));
    assert_int_equal(length, 0);
    assert_null(pairs_get(pairs, "a", &length));
    assert_null(pairs_get(pairs, "one", &length));
    assert_true(pairs_has(pairs, "ab", "one"));
    assert_true(pairs_has(pairs, "abc", ""));
    assert_false(pairs_has(pairs, "ab", "on"));
    assert_false(pairs_has(pairs, "ab", "one\nabc"));
    assert_false(pairs_has(pairs, "c", ""));
}

static void walks_every_pair_once(void **state)
{
    const char *cursor = "a\t1\nbb\t\n";
    struct pair_view pair;

    (void)state;
    assert_true(pairs_next(&cursor, &pair));
    assert_int_equal(pair.key_length, 1);
    assert_memory_equal(pair.key, "a", 1);
    assert_int_equal(pair.value_length, 1);
    assert_memory_equal(pair.value, "1", 1);
    assert_true(pairs_next(&cursor, &pair));
    assert_int_equal(pair.key_length, 2);
    assert_memory_equal(pair.key, "bb", 2);
    assert_int_equal(pair.value_length, 0);
    assert_false(pairs_next(&cursor, &pair));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_sorted_in_byte_order),
        cmocka_unit_test(same_map_in_another_order_is_the_same_text),
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(no_pairs_are_an_empty_text),
        cmocka_unit_test(finds_whole_keys_and_whole_values),
        cmocka_unit_test(walks_every_pair_once),
    };

    return cmocka_run_group_tests_name("pairs", tests, NULL, NULL);
}
