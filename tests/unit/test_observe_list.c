/* SPDX-License-Identifier: Apache-2.0 */
/* When EKS is listed, what a List that fails leaves, what was deleted, and the rotation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/observe_list.h"
#include "tests/unit/observe_world.h"

static void go_wrong(struct observe_world *world, enum call_verb verb, enum error_kind kind)
{
    error_set(&world->fails[verb], kind, "EKS says no");
}

static void remove_from_eks(struct observe_world *world, const char *account)
{
    for (size_t i = 0; i < world->eks_count; i++)
        if (world->eks[i] && strcmp(world->eks[i]->key.service_account, account) == 0) {
            mem_free(world->eks[i]);
            world->eks[i] = NULL;
        }
}

/* Long after we began to lead, with a List that is fresh. */
static void settle(struct observe_world *world)
{
    observe_world_see(world);
    world->script.now += 2 * MIRROR_SETTLE_MS;
    observe_world_see(world);
    world->lists = world->looks = world->describes = 0;
}

/* ---- lists ---- */

static void all_pages_make_one_list(void **state)
{
    struct observe_world *world = *state;

    for (int i = 0; i < 5; i++) {
        char account[16];

        snprintf(account, sizeof account, "sa-%d", i);
        observe_world_stand(world, account);
    }
    world->page = 2;
    observe_world_see(world);
    assert_int_equal(world->observe.mirror.count, 5);
    assert_int_equal(world->made[CALL_LIST_ASSOCIATIONS], 3);
}

static void a_list_that_breaks_off_is_no_list(void **state)
{
    struct observe_world *world = *state;

    for (int i = 0; i < 5; i++) {
        char account[16];

        snprintf(account, sizeof account, "sa-%d", i);
        observe_world_stand(world, account);
    }
    settle(world);
    remove_from_eks(world, "sa-0");
    world->page = 2;
    world->fails_from = world->made[CALL_LIST_ASSOCIATIONS] + 2;
    go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_TRANSIENT);
    world->script.now += EXISTENCE_MS;
    observe_world_see(world); /* the older one stands */
    assert_int_equal(world->observe.trouble.kind, ERROR_TRANSIENT);
    assert_int_equal(world->observe.mirror.count, 5);
    assert_non_null(observe_world_entry(world, "sa-0")->association);
}

static void a_new_leader_lists_at_once_and_when_all_before_it_shows(void **state)
{
    struct observe_world *world = *state;
    int64_t began = world->script.now;

    observe_world_see(world);
    assert_int_equal(world->lists, 1);
    assert_false(mirror_is_whole(&world->observe.mirror));
    assert_int_equal(observe_due(&world->observe), began + MIRROR_UNSURE_MS);
    world->script.now = began + MIRROR_UNSURE_MS - 1;
    observe_world_see(world);
    assert_int_equal(world->lists, 1);
    world->script.now++;
    observe_world_see(world);
    assert_int_equal(world->lists, 2);
    assert_true(mirror_is_whole(&world->observe.mirror));
    assert_int_equal(observe_list_due(&world->observe), world->script.now + EXISTENCE_MS);
    assert_int_equal(observe_due(&world->observe), world->script.now + EXISTENCE_MS);
    world->script.now += EXISTENCE_MS;
    observe_world_see(world);
    assert_int_equal(world->lists, 3);
}

static void without_any_list_nothing_is_planned(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};
    int64_t due;

    assert_int_equal(observe_cluster(&world->observe, &err), 0);
    go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_DENIED);
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(world->observe.trouble.kind, ERROR_DENIED);
    due = observe_due(&world->observe);
    assert_in_range(due - world->script.now, 500, 2000);
    error_clear(&err);
    world->script.now = due - 1;
    assert_int_equal(observe_world_look(world, &err), -1); /* not asked again so soon */
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(world->lists, 1);
    world->fails[CALL_LIST_ASSOCIATIONS] = (struct error){0};
    world->script.now++;
    assert_int_equal(observe_world_look(world, &err), 0);
    assert_int_equal(world->observe.trouble.kind, ERROR_NONE);
}

/* Whoever asks for a List of all, when one failed just now. */
static void a_list_is_not_repeated_in_a_storm(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};

    observe_world_see(world);
    go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_DENIED);
    assert_int_equal(observe_list(&world->observe, &err), 0);
    assert_int_equal(observe_list(&world->observe, &err), 0);
    assert_int_equal(err.kind, ERROR_DENIED);
    assert_int_equal(world->lists, 2);
    world->observe.list_due = 0;
    assert_int_equal(observe_list_due(&world->observe), world->observe.list_not_before);
    world->script.now = world->observe.list_not_before;
    assert_int_equal(observe_list(&world->observe, &err), 0);
    assert_int_equal(world->lists, 3);
}

static void waits_grow_and_begin_anew_after_a_success(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};
    int64_t waits[6];

    observe_world_see(world);
    for (size_t i = 0; i < 6; i++) {
        bool well = i == 4;

        world->script.now += EXISTENCE_MS;
        world->fails[CALL_LIST_ASSOCIATIONS] = (struct error){0};
        if (!well)
            go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_TRANSIENT);
        observe_list(&world->observe, &err);
        waits[i] = world->observe.list_not_before - world->script.now;
        if (well)
            assert_int_equal(world->observe.list_not_before, 0);
    }
    assert_in_range(waits[0], 500, 2000);
    assert_true(waits[3] > 3 * waits[0]);
    assert_in_range(waits[5], 500, 2000);
}

static void a_list_without_end_is_none(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};

    observe_world_stand(world, "app-sa");
    observe_world_stand(world, "second");
    world->page = 1;
    world->endless = true;
    assert_int_equal(observe_list(&world->observe, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(world->observe.mirror.count, 0);
}

static void a_missing_cluster_is_doubted(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};

    settle(world);
    world->missing = true;
    world->script.now += EXISTENCE_MS;
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_string_equal(err.text, "EKS says that the cluster does not exist");
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_UNVERIFIED);
    assert_int_equal(observe_due(&world->observe), 0);
}

static void a_world_that_ends_ends_each_look(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};

    observe_world_stand(world, "app-sa");
    observe_world_see(world);
    world->script.gone = true;
    assert_int_equal(observe_list(&world->observe, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    assert_int_equal(world->observe.trouble.kind, ERROR_NONE);
    assert_int_equal(observe_world_look(world, &err), 0); /* nothing is due, nothing asked */
    observe_world_entry(world, "app-sa")->recheck = true;
    error_clear(&err);
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    observe_world_entry(world, "app-sa")->recheck = false;
    observe_world_entry(world, "app-sa")->look = true;
    error_clear(&err);
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    observe_world_entry(world, "app-sa")->look = false;
    observe_world_entry(world, "app-sa")->deleted_at = 1;
    error_clear(&err);
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
}

/* ---- what was deleted ---- */

static void what_was_deleted_is_looked_at_until_it_is_gone(void **state)
{
    static const int64_t waits[] = {500, 500, 1000, 2000, 4000, 8000, 10000, 10000};
    struct observe_world *world = *state;
    struct mirror_entry *entry;
    int64_t began;

    observe_world_stand(world, "app-sa");
    settle(world);
    entry = observe_world_entry(world, "app-sa");
    began = world->script.now;
    mirror_deleted(entry, began);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        observe_world_see(world);
        assert_int_equal(entry->confirm_at, world->script.now + waits[i]);
        assert_int_equal(observe_due(&world->observe), entry->confirm_at);
        assert_int_equal(world->describes, i + 1);
        observe_world_see(world);
        assert_int_equal(world->describes, i + 1);
        world->script.now = entry->confirm_at;
    }
    remove_from_eks(world, "app-sa");
    observe_world_see(world);
    assert_null(observe_world_entry(world, "app-sa")->association);
    assert_false(world->observe.surprised); /* it is what we wanted */
    assert_true(observe_due(&world->observe) > world->script.now);
}

static void many_deletions_are_confirmed_by_one_list(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    observe_world_stand(world, "b");
    settle(world);
    mirror_deleted(observe_world_entry(world, "a"), world->script.now);
    mirror_deleted(observe_world_entry(world, "b"), world->script.now);
    world->script.now += 5;
    remove_from_eks(world, "a");
    remove_from_eks(world, "b");
    observe_world_see(world);
    assert_int_equal(world->describes, 0);
    assert_int_equal(world->lists, 1);
    assert_null(observe_world_entry(world, "a")->association);
    assert_null(observe_world_entry(world, "b")->association);
}

/* ---- by rotation ---- */

static void turn(struct observe_world *world)
{
    struct error err = {0};

    assert_int_equal(observe_rotate(&world->observe, &err), 0);
}

static void the_longest_unseen_has_its_turn_one_at_a_time(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    observe_world_stand(world, "b");
    observe_world_stand(world, "c");
    settle(world);
    world->script.now += 2 * DESCRIBE_MS;
    observe_world_entry(world, "b")->tried_at = 5;
    observe_world_entry(world, "a")->described_at = 7;
    for (int i = 0; i < 3; i++) {
        static const char *const order[] = {"c", "b", "a"};

        assert_false(observe_world_entry(world, order[i])->association->described);
        turn(world);
        assert_true(observe_world_entry(world, order[i])->association->described);
        assert_int_equal(world->describes, i + 1);
        assert_int_equal(world->observe.rotation_due, world->script.now + ROTATION_MS);
        turn(world); /* not yet */
        assert_int_equal(world->describes, i + 1);
        world->script.now += ROTATION_MS;
    }
    turn(world); /* each at most once in an interval */
    assert_int_equal(world->describes, 3);
    assert_int_equal(world->observe.rotation_due,
                     observe_world_entry(world, "c")->described_at + DESCRIBE_MS);
    world->script.now = world->observe.rotation_due;
    turn(world);
    assert_int_equal(world->describes, 4);
    assert_int_equal(observe_world_entry(world, "c")->described_at, world->script.now);
}

static void what_was_deleted_has_no_turn(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    settle(world);
    mirror_deleted(observe_world_entry(world, "a"), world->script.now);
    turn(world);
    assert_int_equal(world->describes, 0);
    assert_int_equal(world->observe.rotation_due, world->script.now + DESCRIBE_MS);
}

static void what_a_list_brings_new_has_its_turn_first(void **state)
{
    struct observe_world *world = *state;

    settle(world);
    turn(world);
    assert_int_equal(world->observe.rotation_due, world->script.now + DESCRIBE_MS);
    observe_world_stand(world, "a");
    world->script.now += EXISTENCE_MS;
    observe_world_see(world);
    turn(world);
    assert_int_equal(world->describes, 1);
}

static void a_cluster_that_is_not_verified_is_not_read(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    settle(world);
    world->observe.cluster.verdict = CLUSTER_UNVERIFIED;
    turn(world);
    assert_int_equal(world->describes, 0);
    assert_int_equal(world->observe.rotation_due, world->script.now + ROTATION_MS);
}

static void others_have_their_turn_when_one_cannot_be_read(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    observe_world_stand(world, "b");
    settle(world);
    go_wrong(world, CALL_DESCRIBE_ASSOCIATION, ERROR_DENIED);
    turn(world);
    world->fails[CALL_DESCRIBE_ASSOCIATION] = (struct error){0};
    world->script.now += ROTATION_MS;
    turn(world);
    assert_false(observe_world_entry(world, "a")->association->described);
    assert_true(observe_world_entry(world, "b")->association->described);
}

/* By turns: nothing, access, tags, the owner, and what status tells. */
static void only_what_changed_is_news(void **state)
{
    struct observe_world *world = *state;
    struct association **place = observe_world_stand(world, "a");

    settle(world);
    turn(world);
    assert_true(world->intake.news); /* it was not known */
    for (int i = 0; i < 6; i++) {
        CLEANUP_FREE struct association *before = *place;
        struct association changed = *before;

        if (i == 1)
            changed.access.role_arn = SCENE_OTHER_ROLE;
        if (i == 2)
            changed.tags = "a\tb\n";
        if (i == 3)
            changed.owner_arn = "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1";
        if (i == 4)
            changed.external_id = "x";
        if (i == 5)
            changed.modified_us = 5;
        *place = association_copy(&changed);
        world->intake.news = false;
        world->script.now += DESCRIBE_MS;
        turn(world);
        assert_int_equal(world->describes, i + 2);
        assert_true(world->intake.news == (i > 0));
    }
    remove_from_eks(world, "a");
    world->intake.news = false;
    world->script.now += DESCRIBE_MS;
    turn(world);
    assert_true(world->intake.news);
    assert_true(world->observe.surprised);
}

static void a_world_that_ends_ends_the_turn(void **state)
{
    struct observe_world *world = *state;
    struct error err = {0};

    observe_world_stand(world, "a");
    settle(world);
    world->intake.news = false;
    world->script.gone = true;
    assert_int_equal(observe_rotate(&world->observe, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
    assert_false(world->intake.news);
}

/* ---- a new leader ---- */

static void a_new_leader_forgets_all(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "a");
    settle(world);
    turn(world);
    go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_TRANSIENT);
    world->script.now += EXISTENCE_MS;
    observe_world_see(world);
    observe_restart(&world->observe);
    assert_int_equal(world->observe.mirror.count, 0);
    assert_int_equal(world->observe.mirror.epoch, world->script.now);
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_UNVERIFIED);
    assert_int_equal(observe_due(&world->observe), 0);
    world->fails[CALL_LIST_ASSOCIATIONS] = (struct error){0};
    world->lists = 0;
    observe_world_see(world);
    assert_int_equal(world->lists, 1);
    turn(world);
    assert_true(observe_world_entry(world, "a")->association->described);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, observe_world_make, observe_world_end)
    const struct CMUnitTest tests[] = {
        TEST(all_pages_make_one_list),
        TEST(a_list_that_breaks_off_is_no_list),
        TEST(a_new_leader_lists_at_once_and_when_all_before_it_shows),
        TEST(without_any_list_nothing_is_planned),
        TEST(a_list_is_not_repeated_in_a_storm),
        TEST(waits_grow_and_begin_anew_after_a_success),
        TEST(a_list_without_end_is_none),
        TEST(a_missing_cluster_is_doubted),
        TEST(a_world_that_ends_ends_each_look),
        TEST(what_was_deleted_is_looked_at_until_it_is_gone),
        TEST(many_deletions_are_confirmed_by_one_list),
        TEST(the_longest_unseen_has_its_turn_one_at_a_time),
        TEST(what_was_deleted_has_no_turn),
        TEST(what_a_list_brings_new_has_its_turn_first),
        TEST(a_cluster_that_is_not_verified_is_not_read),
        TEST(others_have_their_turn_when_one_cannot_be_read),
        TEST(only_what_changed_is_news),
        TEST(a_world_that_ends_ends_the_turn),
        TEST(a_new_leader_forgets_all),
    };

    return cmocka_run_group_tests_name("observe_list", tests, NULL, NULL);
}
