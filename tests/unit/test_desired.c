/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"
#include "tests/unit/scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct selector_requirement any_tier = {.key = "tier", .operation = SELECTOR_EXISTS};

static struct want *only_want(struct scene *scene, const char *binding)
{
    struct claim *claim = scene_claim(scene, binding);

    assert_int_equal(claim->want_count, 1);
    return claim->wants;
}

static struct want *find(const struct scene *scene, const char *namespace, const char *account)
{
    const struct association_key key = {namespace, account};

    return desired_find(&scene->desired, &key);
}

/* ---- roles ---- */

/* They stand in one block, between those that were written out. */
static void role_names_become_ARNs_of_the_cluster(void **state)
{
    static const struct {
        const char *binding, *name, *arn, *computed, *shown;
    } rows[] = {
        {"b0", "a", "", "arn:aws-cn:iam::111122223333:role/a", "a"},
        {"b1", "", "arn:aws-cn:iam::111122223333:role/x/y", "arn:aws-cn:iam::111122223333:role/x/y",
         "x/y"},
        {"b2", "team/b/longer", "", "arn:aws-cn:iam::111122223333:role/team/b/longer",
         "team/b/longer"},
        {"b3", "", "arn:aws-cn:iam::111122223333:user/c", "arn:aws-cn:iam::111122223333:user/c",
         "arn:aws-cn:iam::111122223333:user/c"},
        {"b4", "d", "", "arn:aws-cn:iam::111122223333:role/d", "d"},
    };
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    scene_init(&scene);
    memcpy(scene.cluster.partition, "aws-cn", sizeof "aws-cn");
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct binding binding = scene_binding(rows[i].binding);

        binding.role_name = rows[i].name;
        binding.role_arn = rows[i].arn;
        scene_add_binding(&scene, &binding);
    }
    scene_desire(&scene);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct claim *claim = scene_claim(&scene, rows[i].binding);

        assert_string_equal(claim->access.role_arn, rows[i].computed);
        assert_string_equal(claim_role_short(claim), rows[i].shown);
    }
}

static void refuses_what_is_always_refused(void **state)
{
    static const struct {
        const char *name, *arn, *target, *reason, *sentence;
    } rows[] = {
        {"reader", "", "", "", ""},
        {"aws-service-role/eks.amazonaws.com/AWSServiceRoleForEKS", "", "", "Refused",
         "service-linked role"},
        {"", "arn:aws:iam::111122223333:role/aws-service-role/x/y", "", "Refused",
         "service-linked role"},
        {"", "arn:aws-cn:iam::111122223333:role/reader", "", "Refused",
         "in another partition than the cluster (aws)"},
        {"", "arn:awsome:iam::111122223333:role/reader", "", "Refused", "another partition"},
        {"", "arn:aws:iam::444455556666:role/reader", "", "Refused",
         "in another account than the cluster (111122223333)"},
        {"", "arn:aws:iam::111122223333:user/reader", "", "InvalidSpec", "not an IAM role ARN"},
        {"", "arn:aws:iam:111122223333:role/reader", "", "InvalidSpec", "not an IAM role ARN"},
        {"", "arn:aws:iam::11112222333:role/reader", "", "InvalidSpec", "not an IAM role ARN"},
        {"", "arn:aws:iam::111122223333:role/", "", "InvalidSpec", "not an IAM role ARN"},
        {"", "arn::iam::111122223333:role/reader", "", "InvalidSpec", "not an IAM role ARN"},
        {"", "reader", "", "InvalidSpec", "not an IAM role ARN"},
        {"reader", "", SCENE_TARGET, "", ""}, /* AWS allows another account here */
        {"reader", "", "arn:aws-cn:iam::444455556666:role/target", "Refused",
         "targetRole 'arn:aws-cn:iam::444455556666:role/target' is in another partition"},
        {"reader", "", "arn:aws:iam::444455556666:role/aws-service-role/x", "Refused",
         "service-linked role"},
        {"reader", "", "target", "InvalidSpec", "targetRole 'target' is not an IAM role ARN"},
        {"", "reader", "target", "InvalidSpec", "role 'reader' is not"}, /* one thing at a time */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(scene_release) struct scene scene;
        struct binding binding = scene_binding("one");
        struct claim *claim;

        scene_init(&scene);
        binding.role_name = rows[i].name;
        binding.role_arn = rows[i].arn;
        binding.target_role_arn = rows[i].target;
        scene_add_binding(&scene, &binding);
        scene_desire(&scene);
        claim = scene_claim(&scene, "one");
        assert_string_equal(claim->reason, rows[i].reason);
        assert_int_equal(claim->want_count, rows[i].reason[0] == '\0');
        if (rows[i].reason[0] != '\0' && !strstr(claim->owned_message, rows[i].sentence))
            fail_msg("'%s' does not say '%s'", claim->owned_message, rows[i].sentence);
    }
}

static void a_defect_of_the_spec_is_the_reason(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");
    char longest[600];

    (void)state;
    scene_init(&scene);
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    binding.policy_defect = "spec.sessionPolicy is not JSON";
    scene_add_binding(&scene, &binding);
    binding = scene_binding("two");
    binding.defect = longest;
    binding.policy_defect = "both";
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_string_equal(scene_claim(&scene, "one")->reason, "InvalidSessionPolicy");
    assert_string_equal(scene_claim(&scene, "one")->owned_message,
                        "spec.sessionPolicy is not JSON");
    assert_string_equal(scene_claim(&scene, "two")->reason, "InvalidSpec");
    assert_int_equal(strlen(scene_claim(&scene, "two")->owned_message), 480);
    assert_int_equal(scene.desired.want_count, 0);
    assert_int_equal(scene.desired.held_count, 0);
}

/* Before the first DescribeCluster: the keys are known already, the role is not. */
static void a_cluster_not_known_yet_refuses_nothing(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    scene.cluster = (struct cluster){.name = "blue"};
    scene_add_binding(&scene, &binding);
    binding = scene_binding("two");
    binding.role_arn = "arn:aws-cn:iam::999999999999:role/x";
    binding.role_name = "";
    binding.service_account = "b-sa";
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_string_equal(scene_claim(&scene, "one")->reason, "");
    assert_string_equal(scene_claim(&scene, "one")->access.role_arn, "");
    assert_string_equal(scene_claim(&scene, "two")->reason, "");
    assert_int_equal(scene.desired.held_count, 2);
}

/* ---- keys ---- */

static void nothing_wants_nothing(void **state)
{
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    scene_init(&scene);
    scene_desire(&scene);
    assert_int_equal(scene.desired.claim_count, 0);
    assert_int_equal(scene.desired.held_count, 0);
    assert_null(find(&scene, "app", "app-sa"));
}

static void a_named_account_need_not_exist(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    scene_add_binding(&scene, &binding);
    scene_add_account(&scene, "app", "app-sb", "");
    scene_add_account(&scene, "app", "app-s", "");
    scene_add_account(&scene, "apo", "app-sa", "")->has_irsa_role = true;
    scene_desire(&scene);
    assert_string_equal(only_want(&scene, "one")->key.service_account, "app-sa");
    assert_string_equal(only_want(&scene, "one")->key.namespace, "app");
    assert_false(only_want(&scene, "one")->irsa);
    assert_ptr_equal(find(&scene, "app", "app-sa"), only_want(&scene, "one"));
}

static void a_named_account_of_another_namespace_is_another(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    const struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    scene_add_binding(&scene, &binding);
    scene_add_account(&scene, "app-2", "app-sa", "")->has_irsa_role = true;
    scene_desire(&scene);
    assert_false(only_want(&scene, "one")->irsa);
}

static void sees_accounts_that_still_use_IRSA(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    scene_add_binding(&scene, &binding);
    binding = scene_binding("two");
    binding.service_account = "";
    binding.selector = &any_tier;
    binding.selector_count = 1;
    scene_add_binding(&scene, &binding);
    scene_add_account(&scene, "app", "app-sa", "")->has_irsa_role = true;
    scene_add_account(&scene, "app", "web-sa", "tier\tweb\n")->has_irsa_role = true;
    scene_desire(&scene);
    assert_true(only_want(&scene, "one")->irsa);
    assert_true(only_want(&scene, "two")->irsa);
}

static void a_selector_wants_its_matches_beside_it_only(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");
    struct claim *claim;

    (void)state;
    scene_init(&scene);
    binding.service_account = "";
    binding.selector = &any_tier;
    binding.selector_count = 1;
    scene_add_binding(&scene, &binding);
    scene_add_account(&scene, "app", "c", "tier\tdb\n");
    scene_add_account(&scene, "app", "a", "tier\tweb\n");
    scene_add_account(&scene, "app", "b", "team\tx\n");
    scene_add_account(&scene, "app-2", "d", "tier\tweb\n");
    scene_add_account(&scene, "ap", "e", "tier\tweb\n");
    scene_desire(&scene);
    claim = scene_claim(&scene, "one");
    assert_int_equal(claim->want_count, 2);
    assert_string_equal(claim->wants[0].key.service_account, "a");
    assert_string_equal(claim->wants[1].key.service_account, "c");
    assert_int_equal(scene.desired.held_count, 2);
}

static void a_binding_that_is_being_deleted_wants_nothing(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    binding.deleting = true;
    binding.created_us = 1;
    scene_add_binding(&scene, &binding);
    binding = scene_binding("two");
    binding.created_us = 2;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_int_equal(scene_claim(&scene, "one")->want_count, 0);
    assert_int_equal(only_want(&scene, "two")->verdict, WANT_HELD);
    assert_null(only_want(&scene, "two")->rival);
}

static void accounts_of_our_own_namespace_are_refused(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    binding.namespace = "podbind-system";
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_int_equal(only_want(&scene, "one")->verdict, WANT_REFUSED);
    assert_int_equal(scene.desired.held_count, 0);
    assert_null(find(&scene, "podbind-system", "app-sa"));
}

/* ---- conflicts ---- */

static void the_older_binding_holds_the_key(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("a-young");

    (void)state;
    scene_init(&scene);
    binding.created_us = 20;
    scene_add_binding(&scene, &binding);
    binding = scene_binding("z-old");
    binding.created_us = 10;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_int_equal(only_want(&scene, "z-old")->verdict, WANT_HELD);
    assert_ptr_equal(only_want(&scene, "z-old")->rival, scene_claim(&scene, "a-young"));
    assert_int_equal(only_want(&scene, "a-young")->verdict, WANT_CONFLICT);
    assert_ptr_equal(only_want(&scene, "a-young")->rival, scene_claim(&scene, "z-old"));
    assert_int_equal(scene.desired.held_count, 1);
    assert_ptr_equal(find(&scene, "app", "app-sa"), only_want(&scene, "z-old"));
}

static void of_three_born_together_the_first_name_holds(void **state)
{
    static const char *const names[] = {"b", "c", "a"};
    CLEANUP(scene_release) struct scene scene;

    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct binding binding = scene_binding(names[i]);

        scene_add_binding(&scene, &binding);
    }
    scene_desire(&scene);
    assert_int_equal(only_want(&scene, "a")->verdict, WANT_HELD);
    assert_non_null(only_want(&scene, "a")->rival);
    assert_ptr_equal(only_want(&scene, "b")->rival, scene_claim(&scene, "a"));
    assert_ptr_equal(only_want(&scene, "c")->rival, scene_claim(&scene, "a"));
    assert_int_equal(scene.desired.held_count, 1);
}

static void an_older_binding_that_is_refused_holds_nothing(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("old");

    (void)state;
    scene_init(&scene);
    binding.created_us = 1;
    binding.role_name = "aws-service-role/x";
    scene_add_binding(&scene, &binding);
    binding = scene_binding("young");
    binding.created_us = 2;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    assert_int_equal(only_want(&scene, "young")->verdict, WANT_HELD);
}

/* Decided per key: the other keys of the loser go on. */
static void a_conflict_takes_one_key_only(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    struct binding binding = scene_binding("named");
    struct claim *claim;

    (void)state;
    scene_init(&scene);
    binding.service_account = "b";
    scene_add_binding(&scene, &binding);
    binding = scene_binding("select");
    binding.created_us = 5;
    binding.service_account = "";
    binding.selector = &any_tier;
    binding.selector_count = 1;
    scene_add_binding(&scene, &binding);
    scene_add_account(&scene, "app", "a", "tier\t\n");
    scene_add_account(&scene, "app", "b", "tier\t\n");
    scene_add_account(&scene, "app", "c", "tier\t\n");
    scene_desire(&scene);
    claim = scene_claim(&scene, "select");
    assert_int_equal(claim->wants[0].verdict, WANT_HELD);
    assert_int_equal(claim->wants[1].verdict, WANT_CONFLICT);
    assert_int_equal(claim->wants[2].verdict, WANT_HELD);
    assert_int_equal(scene.desired.held_count, 3);
    for (size_t i = 1; i < scene.desired.held_count; i++)
        assert_true(association_key_compare(&scene.desired.held[i - 1]->key,
                                            &scene.desired.held[i]->key) < 0);
    assert_ptr_equal(find(&scene, "app", "b")->claim, scene_claim(&scene, "named"));
    assert_null(find(&scene, "app", "d"));
    assert_null(find(&scene, "", ""));
}

/* ---- tags ---- */

static void tags_are_the_users_and_ours(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    CLEANUP(strbuf_release) struct strbuf tags = {0}, retained = {0};
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    binding.tags = "a\t1\npodbind.dev/owner\tmine\npodbind.dev/x\ty\nzz\t\n";
    scene_add_binding(&scene, &binding);
    binding = scene_binding("two");
    binding.retain = true;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    desired_tags(scene_claim(&scene, "one"), SCENE_OWNER, &tags);
    assert_string_equal(strbuf_text(&tags), "a\t1\npodbind.dev/binding\tuid-one\n"
                                            "podbind.dev/owner\tkube-uid/podbind\nzz\t\n");
    desired_tags(scene_claim(&scene, "two"), SCENE_OWNER, &retained);
    assert_string_equal(strbuf_text(&retained),
                        "podbind.dev/binding\tuid-two\npodbind.dev/owner\tkube-uid/podbind\n"
                        "podbind.dev/retain\ttrue\n");
}

static size_t count_pairs(const char *pairs)
{
    struct pair_view pair;
    size_t count = 0;

    while (pairs_next(&pairs, &pair))
        count++;
    return count;
}

/* 45 tags of 128 and 256 characters, four bytes each: as much as the schema lets in. */
static void the_largest_tags_that_a_user_may_set_fit(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    CLEANUP(strbuf_release) struct strbuf user = {0}, tags = {0};
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < 45; i++) {
        strbuf_format(&user, "%02d", i);
        for (int c = 0; c < 126 + 256; c++)
            strbuf_str(&user, c == 126 ? "\t\xf0\x90\x90\xa8" : "\xf0\x90\x90\xa8");
        strbuf_char(&user, '\n');
    }
    binding.tags = user.text;
    binding.retain = true;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    desired_tags(scene_claim(&scene, "one"), SCENE_OWNER, &tags);
    assert_int_equal(count_pairs(strbuf_text(&tags)), 48);
    assert_true(pairs_has(strbuf_text(&tags), TAG_OWNER, SCENE_OWNER));
}

/* A CustomResourceDefinition of another version may let in more. */
static void no_more_tags_are_taken_than_EKS_takes(void **state)
{
    CLEANUP(scene_release) struct scene scene;
    CLEANUP(strbuf_release) struct strbuf user = {0}, tags = {0};
    struct binding binding = scene_binding("one");

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < 60; i++)
        strbuf_format(&user, "%02d\t\n", i);
    binding.tags = user.text;
    binding.retain = true;
    scene_add_binding(&scene, &binding);
    scene_desire(&scene);
    desired_tags(scene_claim(&scene, "one"), SCENE_OWNER, &tags);
    assert_int_equal(count_pairs(strbuf_text(&tags)), 50);
    assert_true(pairs_has(strbuf_text(&tags), TAG_OWNER, SCENE_OWNER));
    assert_true(pairs_has(strbuf_text(&tags), TAG_RETAIN, "true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(role_names_become_ARNs_of_the_cluster),
        cmocka_unit_test(refuses_what_is_always_refused),
        cmocka_unit_test(a_defect_of_the_spec_is_the_reason),
        cmocka_unit_test(a_cluster_not_known_yet_refuses_nothing),
        cmocka_unit_test(nothing_wants_nothing),
        cmocka_unit_test(a_named_account_need_not_exist),
        cmocka_unit_test(a_named_account_of_another_namespace_is_another),
        cmocka_unit_test(sees_accounts_that_still_use_IRSA),
        cmocka_unit_test(a_selector_wants_its_matches_beside_it_only),
        cmocka_unit_test(a_binding_that_is_being_deleted_wants_nothing),
        cmocka_unit_test(accounts_of_our_own_namespace_are_refused),
        cmocka_unit_test(the_older_binding_holds_the_key),
        cmocka_unit_test(of_three_born_together_the_first_name_holds),
        cmocka_unit_test(an_older_binding_that_is_refused_holds_nothing),
        cmocka_unit_test(a_conflict_takes_one_key_only),
        cmocka_unit_test(tags_are_the_users_and_ours),
        cmocka_unit_test(the_largest_tags_that_a_user_may_set_fit),
        cmocka_unit_test(no_more_tags_are_taken_than_EKS_takes),
    };

    return cmocka_run_group_tests_name("desired", tests, NULL, NULL);
}
