/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings that go: when the finalizer may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"
#include "tests/unit/apply_world.h"

/* ---- nothing is left ---- */

static void a_binding_of_which_nothing_is_left_is_let_go(void **state)
{
    struct apply_world *world = *state;

    mirror_note_newcomer(&world->scene.mirror, "uid-reader");
    apply_world_let_go(world, true);
    assert_int_equal(world->event_count, 0);
    assert_false(mirror_is_newcomer(&world->scene.mirror, "uid-reader"));
    assert_string_equal(apply_world_binding(world, "reader")->reason, ""); /* no status */
    assert_int_equal(world->result.writes, 1);
    assert_true(writes_pending(&world->intake.writes, "app", "reader"));
}

static void one_without_our_finalizer_is_nothing_to_us(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->has_finalizer = false;
    apply_world_run(world);
    assert_int_equal(world->result.writes, 0);
}

static void the_object_went_with_its_last_finalizer(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->finalizers = BINDING_FINALIZER;
    world->unchanged = true; /* the answer has its old version */
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->finalizers, "");
    assert_true(writes_pending(&world->intake.writes, "app", "reader"));
}

static void while_others_hold_it_nothing_went(void **state)
{
    struct apply_world *world = *state;

    world->unchanged = true;
    apply_world_let_go(world, true);
    assert_false(writes_pending(&world->intake.writes, "app", "reader"));
}

static void observe_mode_lets_nothing_go(void **state)
{
    struct apply_world *world = *state;

    world->scene.context.mode = PLAN_OBSERVE;
    apply_world_let_go(world, false);
    world->scene.context.mode = PLAN_NO_DELETE; /* nothing would have to be deleted */
    apply_world_let_go(world, true);
}

/* ---- what stays: its tag comes first ---- */

static struct mirror_entry *leave_behind(struct apply_world *world)
{
    world->scene.bindings[0]->retain = true;
    return apply_world_stand(world, "reader");
}

static void what_is_retained_gets_its_tag_first(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry = leave_behind(world);

    apply_world_run(world);
    assert_true(pairs_has(world->eks[0]->tags, TAG_RETAIN, "true"));
    assert_true(pairs_has(entry->association->tags, TAG_RETAIN, "true"));
    assert_int_equal(world->calls[CALL_DELETE_ASSOCIATION], 0);
    apply_world_let_go(world, true);
}

static void a_tag_that_fails_for_a_while_is_waited_for(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    error_set(&world->fails[CALL_TAG_ASSOCIATION], ERROR_TRANSIENT, "not now");
    apply_world_let_go(world, false);
    world->script.now += 60000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Retrying");
    error_clear(&world->fails[CALL_TAG_ASSOCIATION]);
    world->script.now += 60000;
    apply_world_run(world);
    apply_world_let_go(world, true);
}

static void a_tag_that_a_person_has_to_allow_is_not_waited_for(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    error_set(&world->fails[CALL_TAG_ASSOCIATION], ERROR_DENIED, "not allowed");
    apply_world_run(world);
    apply_world_let_go(world, true);
}

static void a_suspended_binding_leaves_no_tag(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    world->scene.bindings[0]->suspend = true;
    apply_world_let_go(world, true);
    assert_int_equal(world->calls[CALL_TAG_ASSOCIATION], 0);
}

/* ---- keys that others take over ---- */

/* `taker`, in the same namespace, is to have what was made for `reader`. */
static struct mirror_entry *hand_over(struct apply_world *world)
{
    struct association association = scene_association("taker", "uid-reader");

    apply_world_add(world, "taker");
    return scene_add_association(&world->scene, &association);
}

static void fail_all(struct apply_world *world)
{
    error_set(&world->fails[CALL_TAG_ASSOCIATION], ERROR_THROTTLED, "not now");
}

static void what_another_takes_over_is_waited_for(void **state)
{
    struct apply_world *world = *state;

    hand_over(world);
    fail_all(world);
    apply_world_let_go(world, false);
}

static void a_hand_over_that_a_person_has_to_mend_is_not_waited_for(void **state)
{
    static const struct {
        enum trouble kind;
        bool lasts;
    } rows[] = {
        {TROUBLE_RETRYING, false}, {TROUBLE_THROTTLED, false},   {TROUBLE_ROLE_WAIT, false},
        {TROUBLE_GHOST, false},    {TROUBLE_DENIED, true},       {TROUBLE_PASS_ROLE, true},
        {TROUBLE_TRUST, true},     {TROUBLE_ROLE_MISSING, true}, {TROUBLE_QUOTA, true},
        {TROUBLE_INVALID, true},   {TROUBLE_HIDDEN, true},
    };
    struct apply_world *world = *state;
    struct mirror_entry *entry = hand_over(world);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mirror_failed(entry, rows[i].kind, "x", 1, world->script.now, 600000);
        apply_world_let_go(world, rows[i].lasts);
        snprintf(world->bindings[0].finalizers, sizeof world->bindings[0].finalizers, "-");
    }
}

static void a_hand_over_that_was_mended_by_an_edit_is_waited_for(void **state)
{
    struct apply_world *world = *state;

    mirror_failed(hand_over(world), TROUBLE_DENIED, "x", 1, world->script.now, 600000);
    world->scene.bindings[1]->generation = 2;
    fail_all(world);
    apply_world_let_go(world, false);
}

static void a_hand_over_that_is_suspended_is_not_waited_for(void **state)
{
    struct apply_world *world = *state;

    hand_over(world);
    world->scene.bindings[1]->suspend = true;
    apply_world_let_go(world, true);
}

static void what_was_made_for_another_is_no_matter(void **state)
{
    static const char *const uids[] = {"uid-another", "uid-reade", "uid-readers", ""};
    struct apply_world *world = *state;
    struct mirror_entry *entry = hand_over(world);

    fail_all(world);
    for (size_t i = 0; i < sizeof uids / sizeof *uids; i++) {
        struct association association = scene_association("taker", uids[i]);

        mem_free(entry->association);
        entry->association = association_copy(&association);
        apply_world_let_go(world, true);
        mirror_succeeded(entry);
        snprintf(world->bindings[0].finalizers, sizeof world->bindings[0].finalizers, "-");
    }
}

static void a_tag_that_is_no_uid_is_no_matter(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry = hand_over(world);
    struct association *before = entry->association, association = *before;

    association.tags =
        TAG_BINDING "\t0123456789012345678901234567890123456789012345678901234567890123\n" TAG_OWNER
                    "\t" SCENE_OWNER "\n";
    entry->association = association_copy(&association);
    mem_free(before);
    fail_all(world);
    apply_world_let_go(world, true);
}

static void a_hand_over_in_another_namespace_is_no_matter(void **state)
{
    struct apply_world *world = *state;
    struct association association = scene_association("taker", "uid-reader");

    association.key.namespace = "other";
    apply_world_add(world, "taker")->namespace = "other";
    scene_add_association(&world->scene, &association);
    fail_all(world);
    apply_world_let_go(world, true);
}

static void each_of_many_that_go_waits_for_its_own(void **state)
{
    struct apply_world *world = *state;

    for (int i = 0; i < 5; i++) {
        char name[16], taker[16], uid[32];
        struct association association;

        snprintf(name, sizeof name, "g%d", i);
        snprintf(taker, sizeof taker, "t%d", 4 - i);
        snprintf(uid, sizeof uid, "uid-%s", name);
        apply_world_add(world, name)->deleting = true;
        if (i == 2)
            continue;
        apply_world_add(world, taker);
        association = scene_association(taker, uid);
        scene_add_association(&world->scene, &association);
    }
    fail_all(world);
    apply_world_let_go(world, true);
    assert_string_equal(apply_world_binding(world, "g2")->finalizers, "");
    for (int i = 0; i < 5; i++) {
        char name[16];

        snprintf(name, sizeof name, "g%d", i);
        if (i != 2)
            assert_string_equal(apply_world_binding(world, name)->finalizers, "-");
    }
}

static void a_key_that_is_to_be_free_again_is_waited_for_a_minute(void **state)
{
    struct apply_world *world = *state;

    mirror_deleted(hand_over(world), world->script.now);
    world->script.now += MIRROR_SETTLE_MS - 1;
    apply_world_let_go(world, false);
    world->script.now++;
    apply_world_let_go(world, true);
}

/* ---- keys that nobody may know of ---- */

static void what_may_have_been_made_unseen_is_waited_for(void **state)
{
    struct apply_world *world = *state;
    const struct association_key key = {"app", "unknown"};
    struct mirror_entry *entry = mirror_entry(&world->scene.mirror, &key);

    mirror_note_newcomer(&world->scene.mirror, "uid-reader");
    entry->maybe_at = world->script.now;
    apply_world_let_go(world, false);
    entry->maybe_at = 0;
    apply_world_let_go(world, true);
}

/* ... unless it never will be: a new leader, say, may have lost the right to read. */
static void what_cannot_be_read_is_told_in_status(void **state)
{
    struct apply_world *world = *state;
    struct association listed = scene_association("listed", "");
    struct mirror_entry *entry;

    listed.described = false;
    listed.tags = "";
    entry = scene_add_association(&world->scene, &listed);
    mirror_failed(entry, TROUBLE_THROTTLED, "slower", TROUBLE_ANY_GENERATION, world->script.now, 0);
    apply_world_let_go(world, false);
    world->script.now += 1000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, ""); /* it passes */
    mirror_failed(entry, TROUBLE_DENIED, "EKS says no", TROUBLE_ANY_GENERATION, world->script.now,
                  0);
    apply_world_let_go(world, false);
    world->script.now += 1000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "AccessDenied");
    assert_string_equal(apply_world_binding(world, "reader")->associated,
                        "association a-listed of service account 'listed' may be this binding's, "
                        "and can't be read: EKS says no");
}

static void what_cannot_be_read_elsewhere_is_no_matter(void **state)
{
    struct apply_world *world = *state;
    struct association listed = scene_association("listed", "");

    listed.described = false;
    listed.tags = "";
    listed.key.namespace = "zzz";
    mirror_failed(scene_add_association(&world->scene, &listed), TROUBLE_DENIED, "EKS says no",
                  TROUBLE_ANY_GENERATION, world->script.now, 0);
    apply_world_let_go(world, true);
}

static void before_a_whole_list_only_newcomers_go(void **state)
{
    struct apply_world *world = *state;

    world->scene.mirror.epoch = world->script.now;
    world->scene.mirror.listed_at = world->script.now + MIRROR_UNSURE_MS - 1;
    apply_world_let_go(world, false);
    mirror_note_newcomer(&world->scene.mirror, "uid-reader");
    apply_world_let_go(world, true);
}

static void a_whole_list_is_enough_where_nothing_stands(void **state)
{
    struct apply_world *world = *state;

    world->scene.mirror.epoch = world->script.now;
    world->scene.mirror.listed_at = world->script.now + MIRROR_UNSURE_MS;
    apply_world_let_go(world, true);
}

static void what_stands_in_its_namespace_must_have_been_described_since(void **state)
{
    struct apply_world *world = *state;
    struct association foreign = scene_association("foreign", "uid-another");
    struct mirror_entry *here, *there;

    foreign.tags = "";
    here = scene_add_association(&world->scene, &foreign);
    foreign.key.namespace = "zzz";
    there = scene_add_association(&world->scene, &foreign);
    world->scene.mirror.epoch = here->described_at; /* too early to show all */
    world->scene.mirror.listed_at = here->described_at + MIRROR_UNSURE_MS;
    apply_world_let_go(world, false);
    assert_true(here->settle);
    assert_false(there->settle);
    here->described_at += MIRROR_UNSURE_MS;
    apply_world_let_go(world, true);
}

static void what_we_deleted_there_hides_nothing(void **state)
{
    struct apply_world *world = *state;
    struct association foreign = scene_association("foreign", "uid-another");
    struct mirror_entry *here = scene_add_association(&world->scene, &foreign);

    world->scene.mirror.epoch = here->described_at;
    world->scene.mirror.listed_at = here->described_at + MIRROR_UNSURE_MS;
    here->deleted_at = world->script.now;
    apply_world_let_go(world, true);
}

static void each_namespace_is_looked_at_by_itself(void **state)
{
    struct apply_world *world = *state;
    struct association foreign = scene_association("foreign", "uid-another");
    struct binding *other = apply_world_add(world, "second");

    other->namespace = "b-settled";
    other->deleting = true;
    other->finalizers = BINDING_FINALIZER;
    foreign.tags = "";
    scene_add_association(&world->scene, &foreign);
    foreign.key.namespace = "b-settled";
    scene_add_association(&world->scene, &foreign)->described_at += MIRROR_UNSURE_MS;
    world->scene.mirror.epoch = 2 * MIRROR_SETTLE_MS;
    world->scene.mirror.listed_at = world->scene.mirror.epoch + MIRROR_UNSURE_MS;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "second")->finalizers, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make_leaving, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_binding_of_which_nothing_is_left_is_let_go),
        TEST(one_without_our_finalizer_is_nothing_to_us),
        TEST(the_object_went_with_its_last_finalizer),
        TEST(while_others_hold_it_nothing_went),
        TEST(observe_mode_lets_nothing_go),
        TEST(what_is_retained_gets_its_tag_first),
        TEST(a_tag_that_fails_for_a_while_is_waited_for),
        TEST(a_tag_that_a_person_has_to_allow_is_not_waited_for),
        TEST(a_suspended_binding_leaves_no_tag),
        TEST(what_another_takes_over_is_waited_for),
        TEST(a_hand_over_that_a_person_has_to_mend_is_not_waited_for),
        TEST(a_hand_over_that_was_mended_by_an_edit_is_waited_for),
        TEST(a_hand_over_that_is_suspended_is_not_waited_for),
        TEST(what_was_made_for_another_is_no_matter),
        TEST(a_tag_that_is_no_uid_is_no_matter),
        TEST(a_hand_over_in_another_namespace_is_no_matter),
        TEST(each_of_many_that_go_waits_for_its_own),
        TEST(a_key_that_is_to_be_free_again_is_waited_for_a_minute),
        TEST(what_may_have_been_made_unseen_is_waited_for),
        TEST(what_cannot_be_read_is_told_in_status),
        TEST(what_cannot_be_read_elsewhere_is_no_matter),
        TEST(before_a_whole_list_only_newcomers_go),
        TEST(a_whole_list_is_enough_where_nothing_stands),
        TEST(what_stands_in_its_namespace_must_have_been_described_since),
        TEST(what_we_deleted_there_hides_nothing),
        TEST(each_namespace_is_looked_at_by_itself),
    };

    return cmocka_run_group_tests_name("apply_leave", tests, NULL, NULL);
}
