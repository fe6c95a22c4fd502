/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

static void empty_reads_as_empty_text(void **state)
{
    struct strbuf buf = {0};

    (void)state;
    assert_string_equal(strbuf_text(&buf), "");
    assert_true(strbuf_ok(&buf));
    CLEANUP_FREE char *taken = strbuf_take(&buf);
    assert_string_equal(taken, "");
    strbuf_release(&buf);
}

static void additions_follow_each_other(void **state)
{
    CLEANUP(strbuf_release) struct strbuf buf = {0};

    (void)state;
    strbuf_str(&buf, "a");
    strbuf_char(&buf, 'b');
    strbuf_add(&buf, "c\0d", 3);
    strbuf_add(&buf, NULL, 0);
    strbuf_format(&buf, "<%d>", -7);
    assert_int_equal(buf.length, 9);
    assert_memory_equal(buf.text, "abc\0d<-7>", 10);
}

static void grows_to_its_cap_and_no_further(void **state)
{
    CLEANUP(strbuf_release) struct strbuf buf = STRBUF_CAPPED(1000);

    (void)state;
    for (int i = 0; i < 1000; i++)
        strbuf_char(&buf, 'x');
    assert_true(strbuf_ok(&buf));
    assert_int_equal(strlen(buf.text), 1000);
    strbuf_char(&buf, 'y');
    assert_false(strbuf_ok(&buf));
    assert_int_equal(strlen(buf.text), 1000);
    assert_true(buf.capacity <= 1001);
}

static void addition_over_the_cap_is_dropped_whole(void **state)
{
    CLEANUP(strbuf_release) struct strbuf buf = STRBUF_CAPPED(8);

    (void)state;
    strbuf_str(&buf, "12345");
    strbuf_str(&buf, "6789");
    assert_false(strbuf_ok(&buf));
    strbuf_char(&buf, '6'); /* would fit, but comes after the overflow */
    assert_string_equal(buf.text, "12345");

    strbuf_clear(&buf);
    assert_true(strbuf_ok(&buf));
    strbuf_str(&buf, "ab");
    strbuf_percent(&buf, "c///"); /* 10 bytes, of which the first would fit */
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.text, "ab");

    strbuf_clear(&buf);
    strbuf_json(&buf, "abcd\"\"\""); /* 10 bytes */
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.text, "");

    strbuf_clear(&buf);
    strbuf_format(&buf, "%09d", 1);
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.text, "");

    strbuf_clear(&buf);
    strbuf_format(&buf, "%s", "ab");
    strbuf_format(&buf, "%07d", 1);
    assert_false(strbuf_ok(&buf));
    assert_string_equal(buf.text, "ab");
}

/* Whether a text fits into the room that is left, fills it, or needs more. */
static void formats_into_any_room(void **state)
{
    (void)state;
    for (int length = 0; length < 200; length++) {
        CLEANUP(strbuf_release) struct strbuf buf = {0};

        strbuf_str(&buf, "<");
        strbuf_format(&buf, "%0*d", length, 7);
        strbuf_format(&buf, "%s", ">");
        assert_int_equal(buf.length, (length ? length : 1) + 2);
        assert_int_equal(strlen(buf.text), buf.length);
        assert_string_equal(buf.text + buf.length - 2, "7>");
    }
}

static void default_cap_is_one_mebibyte(void **state)
{
    CLEANUP(strbuf_release) struct strbuf buf = {0};
    CLEANUP_FREE char *block = mem_alloc(STRBUF_DEFAULT_CAP + 1);

    (void)state;
    strbuf_add(&buf, block, STRBUF_DEFAULT_CAP);
    assert_true(strbuf_ok(&buf));
    strbuf_char(&buf, 'x');
    assert_false(strbuf_ok(&buf));
    strbuf_release(&buf);
    strbuf_add(&buf, block, STRBUF_DEFAULT_CAP + 1);
    assert_true(buf.text == NULL);
}

static void take_moves_the_text_out(void **state)
{
    struct strbuf buf = STRBUF_CAPPED(10);

    (void)state;
    strbuf_str(&buf, "first");
    CLEANUP_FREE char *taken = strbuf_take(&buf);
    assert_string_equal(taken, "first");
    assert_string_equal(strbuf_text(&buf), "");
    strbuf_str(&buf, "12345678901"); /* the cap stays */
    assert_false(strbuf_ok(&buf));
    strbuf_release(&buf);
}

static void percent_encodes_as_aws_wants_it(void **state)
{
    CLEANUP(strbuf_release) struct strbuf buf = {0};

    (void)state;
    strbuf_percent(&buf, "arn:aws:eks/a-1_~. +\xC3\xA9%");
    assert_string_equal(buf.text, "arn%3Aaws%3Aeks%2Fa-1_~.%20%2B%C3%A9%25");
}

static void json_escapes(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain \xC3\xA9 \xF0\x9F\x98\x80", "plain \xC3\xA9 \xF0\x9F\x98\x80"},
        {"\"\\/", "\\\"\\\\/"},
        {"\n\r\t\x01\x1b\x7f", "\\n\\r\\t\\u0001\\u001b\\u007f"},
        {"\xC2\x85", "\\u0085"}, /* C1 control */
        {"a\xE2\x80\xAE"
         "b",
         "a\\u202eb"},                                              /* right-to-left override */
        {"\xE2\x80\xA8\xEF\xBB\xBF", "\\u2028\\ufeff"},             /* line separator, BOM */
        {"\xFFx\xC0\xAF", "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD"}, /* no lead; overlong */
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},   /* surrogate */
        {"\xF4\x90\x80\x80z", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz"},
        {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"}, /* cut short */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(strbuf_release) struct strbuf buf = {0};

        strbuf_json(&buf, rows[i].in);
        assert_string_equal(strbuf_text(&buf), rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_reads_as_empty_text),
        cmocka_unit_test(additions_follow_each_other),
        cmocka_unit_test(grows_to_its_cap_and_no_further),
        cmocka_unit_test(addition_over_the_cap_is_dropped_whole),
        cmocka_unit_test(formats_into_any_room),
        cmocka_unit_test(default_cap_is_one_mebibyte),
        cmocka_unit_test(take_moves_the_text_out),
        cmocka_unit_test(percent_encodes_as_aws_wants_it),
        cmocka_unit_test(json_escapes),
    };

    return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
