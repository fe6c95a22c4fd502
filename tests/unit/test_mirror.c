/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tests/unit/mirror_lists.h"

/* ---- the set ---- */

static void entries_are_in_key_order_whatever_came_first(void **state)
{
    static const struct association_key keys[] = {{"b", "a"}, {"a", "b"}, {"a", "a"},
                                                  {"c", ""},  {"a", "c"}, {"a-b", "a"}};
    CLEANUP(mirror_release) struct mirror mirror = {0};

    (void)state;
    assert_null(mirror_find(&mirror, &keys[0]));
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            mirror_entry(&mirror, &keys[i]);
    assert_int_equal(mirror.count, 6);
    for (size_t i = 1; i < mirror.count; i++)
        assert_true(association_key_compare(&mirror.entries[i - 1]->key, &mirror.entries[i]->key) <
                    0);
    assert_ptr_equal(mirror_find(&mirror, &keys[4]), mirror_entry(&mirror, &keys[4]));
    assert_null(mirror_find(&mirror, &(struct association_key){"a", "d"}));
}

/* ---- lists ---- */

static void a_list_shows_existence_and_nothing_else(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct association *items[] = {summary("b", "a-2"), summary("a", "a-1")};

    (void)state;
    mirror_take_list(&mirror, NULL, items, 2, NOW);
    assert_int_equal(mirror.count, 2);
    assert_string_equal(mirror.entries[0]->association->id, "a-1");
    assert_false(mirror.entries[0]->association->described);
    assert_int_equal(mirror.listed_at, NOW);
    list_one(&mirror, "a", "a-1", NOW + 1);
    assert_null(mirror_find(&mirror, KEY("b"))->association);
    list_none(&mirror, NOW + 2);
    assert_null(mirror_find(&mirror, KEY("a"))->association);
    mirror_purge(&mirror, NOW + 2);
    assert_int_equal(mirror.count, 0);
}

static void what_was_described_stays_while_the_id_stays(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry;

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW);
    entry = mirror_find(&mirror, KEY("app-sa"));
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW + 1);
    list_one(&mirror, "app-sa", "a-1", NOW + 2);
    assert_true(entry->association->described);
    assert_int_equal(entry->described_at, NOW + 1);
    list_one(&mirror, "app-sa", "a-2", NOW + 3);
    assert_string_equal(entry->association->id, "a-2");
    assert_false(entry->association->described);
    assert_int_equal(entry->described_at, 0);
}

/* Somebody deleted ours and made another: the failures were those of the one before. */
static void another_id_ends_the_trouble(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_failed(entry, TROUBLE_GHOST, "taken by nobody", 1, NOW, 1000);
    entry->maybe_at = NOW;
    entry->look = true;
    list_one(&mirror, "app-sa", "a-9", NOW + 1);
    assert_null(entry->trouble);
    assert_int_equal(entry->maybe_at, NOW); /* until it can't come any more */
    assert_false(entry->look);
}

static void a_list_of_one_key_leaves_the_others_alone(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct association *items[] = {summary("b", "a-9"), summary("a", "a-3")};

    (void)state;
    list_one(&mirror, "b", "a-2", NOW);
    mirror_take_list(&mirror, KEY("a"), items, 2, NOW + 1); /* EKS gave one more than asked for */
    assert_string_equal(mirror_find(&mirror, KEY("a"))->association->id, "a-3");
    assert_string_equal(mirror_find(&mirror, KEY("b"))->association->id, "a-2");
    mirror_take_list(&mirror, KEY("a"), NULL, 0, NOW + 2);
    assert_null(mirror_find(&mirror, KEY("a"))->association);
    assert_non_null(mirror_find(&mirror, KEY("b"))->association);
    assert_int_equal(mirror.listed_at, NOW);
}

/* ---- our own writes (C5) ---- */

static void what_we_created_stays_though_not_listed_for_a_minute(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    list_none(&mirror, NOW + 1);
    assert_non_null(entry->association);
    list_none(&mirror, LATER - 1);
    assert_non_null(entry->association);
    list_none(&mirror, LATER);
    assert_null(entry->association);
    assert_int_equal(entry->created_at, 0);
}

static void a_list_older_than_our_create_shows_no_one_elses(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-2", NOW);

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW - 5);
    assert_string_equal(entry->association->id, "a-2");
    assert_true(entry->association->described);
    list_one(&mirror, "app-sa", "a-1", LATER);
    assert_string_equal(entry->association->id, "a-1");
}

static void a_describe_soon_after_our_update_is_no_news(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - MIRROR_SETTLE_MS);

    (void)state;
    mirror_updated(entry, full("app-sa", "a-1", SCENE_OTHER_ROLE), NOW);
    entry->recheck = true;
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW + 1);
    assert_string_equal(entry->association->access.role_arn, SCENE_OTHER_ROLE);
    assert_int_equal(entry->tried_at, NOW + 1);
    assert_false(entry->recheck);
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), LATER);
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
}

static void an_update_whose_answer_was_lost_shows_by_its_time(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);
    struct association *changed = full("app-sa", "a-1", SCENE_OTHER_ROLE);

    (void)state;
    mirror_retagged(entry, "a\tb\n", true, NOW);
    entry->association->modified_us = 1000;
    entry->unsure_at = NOW;
    changed->modified_us = 1000;
    mirror_described(entry, association_copy(changed), NOW + 1); /* not later: it may be older */
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
    changed->modified_us = 1001;
    mirror_described(entry, changed, NOW + 2);
    assert_string_equal(entry->association->access.role_arn, SCENE_OTHER_ROLE);
    assert_string_equal(entry->association->tags, "a\tb\n");
    assert_false(mirror_is_settled(&mirror, entry));
}

static void new_tags_are_ours_for_a_minute_too(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - MIRROR_SETTLE_MS);

    (void)state;
    mirror_failed(entry, TROUBLE_DENIED, "no", 1, NOW, 1);
    mirror_retagged(entry, "a\tb\n", true, NOW);
    assert_string_equal(entry->association->tags, "a\tb\n");
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
    assert_null(entry->trouble);
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW + 1);
    assert_string_equal(entry->association->tags, "a\tb\n");
}

static void a_refusal_keeps_the_resource_that_it_names(void **state)
{
    static const char refusal[] =
        "EKS answered 403 AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/"
        "podbind-of-a-cluster-with-a-name/1234567890123456789 is not authorized to perform: "
        "eks:UpdatePodIdentityAssociation on resource: arn:aws:eks:us-west-2:111122223333:"
        "podidentityassociation/a-cluster-with-a-name/a-abcdefghijklmnop1";
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - 5);

    (void)state;
    mirror_failed(entry, TROUBLE_DENIED, refusal, 1, NOW, 1);
    assert_string_equal(entry->trouble->text, refusal);
}

static void what_we_deleted_stays_marked_while_it_is_listed(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - 5);

    (void)state;
    mirror_deleted(entry, NOW);
    assert_int_equal(entry->confirm_at, NOW);
    list_one(&mirror, "app-sa", "a-1", NOW + 1);
    assert_int_equal(entry->deleted_at, NOW);
    list_one(&mirror, "app-sa", "a-1", NOW + 2 * MIRROR_SETTLE_MS - 1);
    assert_int_equal(entry->deleted_at, NOW);
    list_none(&mirror, NOW + 2 * MIRROR_SETTLE_MS);
    assert_null(entry->association);
    assert_int_equal(entry->deleted_at, 0);
}

static void a_delete_that_did_not_hold_is_looked_at_anew(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - 5);

    (void)state;
    mirror_deleted(entry, NOW);
    list_one(&mirror, "app-sa", "a-1", NOW + 2 * MIRROR_SETTLE_MS);
    assert_int_equal(entry->deleted_at, 0);
    assert_false(entry->association->described);
    assert_int_equal(entry->described_at, 0);
}

static void another_one_after_our_delete_is_another_one(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - 5);

    (void)state;
    mirror_deleted(entry, NOW);
    list_one(&mirror, "app-sa", "a-2", NOW + 1);
    assert_int_equal(entry->deleted_at, 0);
    assert_string_equal(entry->association->id, "a-2");
}

/* A list that began before our delete says nothing about it. */
static void only_a_list_younger_than_the_delete_shows_it_gone(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW - MIRROR_SETTLE_MS);

    (void)state;
    mirror_deleted(entry, NOW);
    list_none(&mirror, NOW);
    assert_int_equal(entry->deleted_at, NOW);
    list_none(&mirror, NOW + 1);
    assert_null(entry->association);
}

static void a_404_is_the_end_of_it(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    entry->look = true;
    assert_true(mirror_vanished(entry, LATER)); /* deleted by somebody else */
    assert_null(entry->association);
    assert_false(entry->look);
    mirror_created(entry, full("app-sa", "a-2", SCENE_ROLE), LATER + 2);
    mirror_deleted(entry, LATER + 3);
    assert_true(mirror_vanished(entry, LATER + 4));
    assert_null(entry->association);
    assert_int_equal(entry->deleted_at, 0);
}

/* A Describe may be older than our Create. */
static void a_404_soon_after_our_create_is_no_news(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    assert_false(mirror_vanished(entry, LATER - 1));
    assert_string_equal(entry->association->id, "a-1");
}

/* Somebody deleted it: the write knows, Lists don't yet. */
static void what_an_update_did_not_find_is_not_taken_in_again(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW);
    assert_true(mirror_refused(entry, NOW + 1));
    list_one(&mirror, "app-sa", "a-1", NOW + 2);
    assert_null(entry->association);
    list_one(&mirror, "app-sa", "a-2", NOW + 3);
    assert_string_equal(entry->association->id, "a-2");
}

/* It says that it is there still, nothing else. */
static void a_describe_of_what_we_deleted_changes_nothing(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    mirror_deleted(entry, NOW + 1);
    mirror_described(entry, full("app-sa", "a-1", "arn:aws:iam::111122223333:role/older"), NOW + 2);
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
    assert_int_equal(entry->deleted_at, NOW + 1);
}

/* Created and deleted in quick succession: missing first, then shown though it is not there. */
static void what_we_deleted_is_not_taken_in_again(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    mirror_deleted(entry, NOW + 1);
    assert_true(mirror_vanished(entry, NOW + 2));
    list_one(&mirror, "app-sa", "a-1", NOW + 3);
    assert_null(entry->association);
    mirror_purge(&mirror, NOW + 2 * MIRROR_SETTLE_MS);
    assert_ptr_equal(mirror_find(&mirror, KEY("app-sa")), entry);
    list_one(&mirror, "app-sa", "a-1", NOW + 1 + 2 * MIRROR_SETTLE_MS);
    assert_string_equal(entry->association->id, "a-1");
}

static void a_create_ends_the_trouble_but_not_the_one_before_it(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    entry->maybe_at = NOW - 3;
    mirror_creating(entry, 1);
    entry->create->token[0] = entry->create->token[1] = 7;
    mirror_failed(entry, TROUBLE_RETRYING, "timeout", 1, NOW - 1, 1000);
    mirror_created(entry, full("app-sa", "a-1", SCENE_ROLE), NOW);
    assert_int_equal(entry->maybe_at, NOW - 3); /* that one may come late */
    assert_null(entry->create);
    assert_null(entry->trouble);
    assert_int_equal(entry->described_at, NOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_in_key_order_whatever_came_first),
        cmocka_unit_test(a_list_shows_existence_and_nothing_else),
        cmocka_unit_test(what_was_described_stays_while_the_id_stays),
        cmocka_unit_test(another_id_ends_the_trouble),
        cmocka_unit_test(a_list_of_one_key_leaves_the_others_alone),
        cmocka_unit_test(what_we_created_stays_though_not_listed_for_a_minute),
        cmocka_unit_test(a_list_older_than_our_create_shows_no_one_elses),
        cmocka_unit_test(a_describe_soon_after_our_update_is_no_news),
        cmocka_unit_test(an_update_whose_answer_was_lost_shows_by_its_time),
        cmocka_unit_test(new_tags_are_ours_for_a_minute_too),
        cmocka_unit_test(a_refusal_keeps_the_resource_that_it_names),
        cmocka_unit_test(what_we_deleted_stays_marked_while_it_is_listed),
        cmocka_unit_test(a_delete_that_did_not_hold_is_looked_at_anew),
        cmocka_unit_test(another_one_after_our_delete_is_another_one),
        cmocka_unit_test(only_a_list_younger_than_the_delete_shows_it_gone),
        cmocka_unit_test(a_404_is_the_end_of_it),
        cmocka_unit_test(a_404_soon_after_our_create_is_no_news),
        cmocka_unit_test(what_an_update_did_not_find_is_not_taken_in_again),
        cmocka_unit_test(a_describe_of_what_we_deleted_changes_nothing),
        cmocka_unit_test(what_we_deleted_is_not_taken_in_again),
        cmocka_unit_test(a_create_ends_the_trouble_but_not_the_one_before_it),
    };

    return cmocka_run_group_tests_name("mirror", tests, NULL, NULL);
}
