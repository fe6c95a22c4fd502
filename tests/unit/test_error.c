/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"

static void set_fills_everything_and_fails(void **state)
{
    struct error err = {.status = 409, .retry_after_ms = 5, .code = "Old", .text = "old"};

    (void)state;
    assert_int_equal(error_set(&err, ERROR_DENIED, "role %s: %d", "r", 7), -1);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(err.status, 0);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.code, "");
    assert_string_equal(err.text, "role r: 7");
}

static void wrap_keeps_kind_status_and_code(void **state)
{
    struct error err = {.kind = ERROR_CONFLICT, .status = 409, .code = "InUse", .text = "taken"};

    (void)state;
    assert_int_equal(error_wrap(&err, "creating '%s'", "a/b"), -1);
    assert_int_equal(err.kind, ERROR_CONFLICT);
    assert_int_equal(err.status, 409);
    assert_string_equal(err.code, "InUse");
    assert_string_equal(err.text, "creating 'a/b': taken");
}

static void arguments_may_be_the_error_itself(void **state)
{
    struct error err = {.kind = ERROR_UNKNOWN, .code = "Reset", .text = "cut"};

    (void)state;
    error_set(&err, ERROR_BUG, "%s (%s)", err.text, err.code);
    assert_string_equal(err.text, "cut (Reset)");
    error_wrap(&err, "%s", err.text);
    assert_string_equal(err.text, "cut (Reset): cut (Reset)");
}

static void text_is_one_line(void **state)
{
    struct error err;

    (void)state;
    error_set(&err, ERROR_INVALID, "%s", "a\nb\r\tc\x1b[31md\x7f");
    assert_string_equal(err.text, "a b  c [31md ");
}

static void long_text_is_cut_between_characters(void **state)
{
    char text[600];
    struct error err;

    (void)state;
    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 3);
    text[sizeof text - 3] = '\0';
    error_set(&err, ERROR_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), 510); /* 170 whole characters of 3 bytes in 511 */
    error_wrap(&err, "x");
    assert_int_equal(strlen(err.text), 510);
    assert_memory_equal(err.text, "x: \xE2\x82\xAC", 6);
}

static void text_that_just_fits_is_whole(void **state)
{
    char text[sizeof((struct error *)NULL)->text];
    struct error err;

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&err, ERROR_INVALID, "%s", text);
    assert_string_equal(err.text, text);
}

static void clear_forgets_all(void **state)
{
    struct error err = {.kind = ERROR_GONE, .status = 410, .code = "Expired", .text = "old"};
    struct error none = {0};

    (void)state;
    error_clear(&err);
    assert_memory_equal(&err, &none, sizeof err);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = ERROR_NONE; a <= ERROR_BUG; a++)
        for (int b = ERROR_NONE; b < a; b++)
            assert_string_not_equal(error_kind_name((enum error_kind)a),
                                    error_kind_name((enum error_kind)b));
    assert_string_equal(error_kind_name(ERROR_THROTTLED), "throttled");
    assert_string_equal(error_kind_name((enum error_kind)99), "bug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_fills_everything_and_fails),
        cmocka_unit_test(wrap_keeps_kind_status_and_code),
        cmocka_unit_test(arguments_may_be_the_error_itself),
        cmocka_unit_test(text_is_one_line),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(text_that_just_fits_is_whole),
        cmocka_unit_test(clear_forgets_all),
        cmocka_unit_test(every_kind_has_a_name_of_its_own),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
