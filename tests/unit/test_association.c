/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "reconcile/association.h"
#include "tests/unit/scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void keys_are_in_byte_order_namespace_first(void **state)
{
    static const struct association_key sorted[] = {
        {"", ""},    {"A", "z"},   {"a", ""},      {"a", "b"},     {"a", "b-c"}, {"a", "b.a"},
        {"a-b", ""}, {"a-b", "a"}, {"b", "a\x7f"}, {"b", "a\xc3"}, {"b", "b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(sorted); i++)
        for (size_t j = 0; j < COUNT(sorted); j++) {
            int order = association_key_compare(&sorted[i], &sorted[j]);

            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void names_each_field_that_differs(void **state)
{
    const struct access base = {SCENE_ROLE, SCENE_TARGET, "{}", true};
    static const struct {
        struct access other;
        unsigned fields;
    } rows[] = {
        {{SCENE_ROLE, SCENE_TARGET, "{}", true}, 0},
        {{SCENE_OTHER_ROLE, SCENE_TARGET, "{}", true}, ACCESS_ROLE},
        {{SCENE_ROLE, "", "{}", true}, ACCESS_TARGET_ROLE},
        {{SCENE_ROLE, SCENE_TARGET, "", true}, ACCESS_POLICY},
        {{SCENE_ROLE, SCENE_TARGET, "{}", false}, ACCESS_SESSION_TAGS},
        {{"", "", "", false},
         ACCESS_ROLE | ACCESS_TARGET_ROLE | ACCESS_POLICY | ACCESS_SESSION_TAGS},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(access_difference(&base, &rows[i].other), rows[i].fields);
        assert_int_equal(access_difference(&rows[i].other, &base), rows[i].fields);
    }
}

/* D4: an add-on's, another owner's, one without our tag and one not described are not ours. */
static void ours_needs_our_tag_read_from_EKS_and_no_add_on(void **state)
{
    struct association association = scene_association("app-sa", "u");

    (void)state;
    assert_true(association_is_ours(&association, SCENE_OWNER));
    assert_false(association_is_ours(&association, "kube-uid/other"));
    assert_false(association_is_ours(&association, "kube-uid/pod"));
    association.described = false;
    assert_false(association_is_ours(&association, SCENE_OWNER));
    association.described = true;
    association.owner_arn = "arn:aws:eks:us-west-2:111122223333:addon/blue/x/y";
    assert_false(association_is_ours(&association, SCENE_OWNER));
    association.owner_arn = "";
    association.tags = "podbind.dev/binding\tu\n";
    assert_false(association_is_ours(&association, SCENE_OWNER));
    association.tags = "podbind.dev/owner\tkube-uid/podbind2\n";
    assert_false(association_is_ours(&association, SCENE_OWNER));
    association.tags = "";
    assert_false(association_is_ours(&association, SCENE_OWNER));
}

static void a_copy_stands_alone(void **state)
{
    char namespace[] = "app", account[] = "app-sa", id[] = "a-1", role[] = "role",
         target[] = "target", policy[] = "{}", tags[] = "k\tv\n", owner[] = "add-on",
         external[] = "external";
    char *texts[] = {namespace, account, id, role, target, policy, tags, owner, external};
    const struct association from = {.key = {namespace, account},
                                     .id = id,
                                     .owner_arn = owner,
                                     .described = true,
                                     .access = {role, target, policy, true},
                                     .tags = tags,
                                     .external_id = external,
                                     .modified_us = 1700000000123456};
    CLEANUP_FREE struct association *copy = association_copy(&from);

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        memset(texts[i], '#', strlen(texts[i]));
    assert_string_equal(copy->key.namespace, "app");
    assert_string_equal(copy->key.service_account, "app-sa");
    assert_string_equal(copy->id, "a-1");
    assert_string_equal(copy->owner_arn, "add-on");
    assert_string_equal(copy->access.role_arn, "role");
    assert_string_equal(copy->access.target_role_arn, "target");
    assert_string_equal(copy->access.policy, "{}");
    assert_string_equal(copy->tags, "k\tv\n");
    assert_string_equal(copy->external_id, "external");
    assert_true(copy->described);
    assert_true(copy->access.session_tags);
    assert_int_equal(copy->modified_us, 1700000000123456);
}

static void a_copy_of_a_summary_has_empty_texts(void **state)
{
    const struct association from = {.key = {"app", "app-sa"},
                                     .id = "a-1",
                                     .owner_arn = "",
                                     .access = {"", "", "", false},
                                     .tags = "",
                                     .external_id = ""};
    CLEANUP_FREE struct association *copy = association_copy(&from);

    (void)state;
    assert_false(copy->described);
    assert_string_equal(copy->access.role_arn, "");
    assert_string_equal(copy->tags, "");
    assert_string_equal(copy->id, "a-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_in_byte_order_namespace_first),
        cmocka_unit_test(names_each_field_that_differs),
        cmocka_unit_test(ours_needs_our_tag_read_from_EKS_and_no_add_on),
        cmocka_unit_test(a_copy_stands_alone),
        cmocka_unit_test(a_copy_of_a_summary_has_empty_texts),
    };

    return cmocka_run_group_tests_name("association", tests, NULL, NULL);
}
