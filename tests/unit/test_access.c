/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "reconcile/access.h"
#include "tests/unit/scene.h"

/* The expected digests were computed with another tool from the text that the manual gives:
 *   printf 'app\0app-sa\0arn:aws:iam::111122223333:role/reader\0\0E\0\n' | sha256sum
 */
#define FIRST_ALONE "0344e396"
#define SECOND_ALONE "d325c7ab"
#define FIRST_THEN_SECOND "6b26334b"

static struct association first(void)
{
    return scene_association("app-sa", "uid-1");
}

static struct association second(void)
{
    struct association row = scene_association("b-sa", "uid-1");

    row.access =
        (struct access){SCENE_OTHER_ROLE, SCENE_TARGET, "{\"Version\":\"2012-10-17\"}", false};
    return row;
}

static void no_rows_are_none(void **state)
{
    char text[ACCESS_TEXT_SIZE];

    (void)state;
    access_fingerprint(NULL, 0, text);
    assert_string_equal(text, "none");
}

static void is_the_SHA256_that_the_manual_describes(void **state)
{
    struct association a = first(), b = second();
    const struct association *rows[] = {&a, &b};
    char text[ACCESS_TEXT_SIZE];

    (void)state;
    access_fingerprint(rows, 1, text);
    assert_string_equal(text, FIRST_ALONE);
    access_fingerprint(rows + 1, 1, text);
    assert_string_equal(text, SECOND_ALONE);
    access_fingerprint(rows, 2, text);
    assert_string_equal(text, FIRST_THEN_SECOND);
}

/* Blue and green hold the same access under other ids. */
static void ids_tags_and_times_are_not_in_it(void **state)
{
    struct association green = first();
    const struct association *rows[] = {&green};
    char text[ACCESS_TEXT_SIZE];

    (void)state;
    green.id = "a-green";
    green.tags = "podbind.dev/owner\tgreen/podbind\n";
    green.external_id = "external";
    green.modified_us = 1700000000000000;
    access_fingerprint(rows, 1, text);
    assert_string_equal(text, FIRST_ALONE);
}

/* A text may not move over a field's border unseen. */
static void each_field_is_in_it(void **state)
{
    struct association others[] = {first(), first(), first(), first(), first(), first(), first()};
    char text[ACCESS_TEXT_SIZE];

    (void)state;
    others[0].key.namespace = "apq";
    others[1].key.service_account = "app-sb";
    others[2].access.role_arn = SCENE_OTHER_ROLE;
    others[3].access.target_role_arn = SCENE_TARGET;
    others[4].access.session_tags = false;
    others[5].access.policy = "{}";
    others[6].key = (struct association_key){"appapp", "-sa"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct association *rows[] = {&others[i]};

        access_fingerprint(rows, 1, text);
        assert_string_not_equal(text, FIRST_ALONE);
        assert_int_equal(strspn(text, "0123456789abcdef"), 8);
        assert_int_equal(text[8], '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_rows_are_none),
        cmocka_unit_test(is_the_SHA256_that_the_manual_describes),
        cmocka_unit_test(ids_tags_and_times_are_not_in_it),
        cmocka_unit_test(each_field_is_in_it),
    };

    return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
