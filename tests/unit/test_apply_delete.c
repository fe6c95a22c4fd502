/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings that go: what of theirs is deleted, and what is told where it can't be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/apply_world.h"

/* The entry of `reader`'s association, made for it. */
static struct mirror_entry *leave_behind(struct apply_world *world)
{
    return apply_world_stand(world, "reader");
}

static void what_was_made_for_it_is_deleted_and_then_waited_for(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry = leave_behind(world);

    apply_world_let_go(world, false);
    assert_false(apply_world_stands(world, "reader"));
    assert_int_equal(entry->deleted_at, world->script.now);
    assert_true(world->result.wrote);
    assert_int_equal(world->budget.allowed, 99);
    apply_world_let_go(world, false); /* EKS may show it for a while */
    mirror_vanished(entry, world->script.now);
    apply_world_let_go(world, true);
    assert_int_equal(world->event_count, 0);
}

static void after_a_minute_it_goes_unconfirmed_with_a_warning(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry = leave_behind(world);
    const struct apply_event *event;

    mirror_deleted(entry, world->script.now);
    world->script.now += MIRROR_SETTLE_MS - 1;
    apply_world_let_go(world, false);
    world->script.now++;
    apply_world_let_go(world, true);
    event = apply_world_event(world, "reader");
    assert_non_null(event);
    assert_string_equal(event->reason, "DeletionUnconfirmed");
    assert_true(event->warning);
    assert_non_null(strstr(event->note, " association a-reader of service account 'reader'"));
}

static void a_delete_without_a_place_in_the_budget_is_not_sent(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    world->budget.allowed = 0;
    apply_world_let_go(world, false);
    assert_true(apply_world_stands(world, "reader"));
    assert_true(world->result.cut);
    assert_false(world->result.wrote);
}

static void a_delete_that_had_no_effect_is_given_back(void **state)
{
    static const struct {
        enum error_kind kind;
        size_t left;
    } rows[] = {{ERROR_TRANSIENT, 20}, {ERROR_THROTTLED, 20}, {ERROR_DENIED, 20},
                {ERROR_INVALID, 20},   {ERROR_UNKNOWN, 19},   {ERROR_CONFLICT, 19}};
    struct apply_world *world = *state;
    struct mirror_entry *entry = leave_behind(world);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        guard_release(&world->budget.guard);
        guard_spend(&world->budget.guard, 1, 10, world->script.now, 1);
        mirror_succeeded(entry);
        entry->maybe_gone_at = 0;
        error_set(&world->fails[CALL_DELETE_ASSOCIATION], rows[i].kind, "not now");
        apply_world_let_go(world, false);
        assert_true(apply_world_stands(world, "reader"));
        assert_int_equal(guard_left(&world->budget.guard, 10, 20), rows[i].left);
    }
}

static void other_calls_give_nothing_back(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    guard_spend(&world->budget.guard, 1, 10, world->script.now, 1);
    error_set(&world->fails[CALL_DESCRIBE_ASSOCIATION], ERROR_THROTTLED, "not now");
    apply_world_let_go(world, false);
    assert_int_equal(guard_left(&world->budget.guard, 10, 20), 19);
}

static void what_cannot_be_deleted_is_told_in_status(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    error_set(&world->fails[CALL_DELETE_ASSOCIATION], ERROR_DENIED, "EKS says no");
    apply_world_let_go(world, false);
    world->script.now += 1000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "AccessDenied");
    assert_string_equal(apply_world_binding(world, "reader")->ready, "False");
}

static void what_a_mode_forbids_to_delete_is_told_in_status(void **state)
{
    static const enum plan_mode modes[] = {PLAN_NO_DELETE, PLAN_OBSERVE};
    struct apply_world *world = *state;

    leave_behind(world);
    for (size_t i = 0; i < 2; i++) {
        world->scene.context.mode = modes[i];
        apply_world_let_go(world, false);
        world->script.now += 1000;
        apply_world_let_go(world, false);
        assert_string_equal(apply_world_binding(world, "reader")->reason, "DeletionDisabled");
        assert_true(apply_world_stands(world, "reader"));
        world->bindings[0].reason[0] = '\0';
    }
}

static void hold_all(struct apply_world *world)
{
    for (size_t i = 0; i < world->scene.plan.count; i++)
        world->scene.plan.steps[i].held = world->scene.plan.steps[i].verb == PLAN_DELETE;
    world->outcome.hold = "too many at once";
}

static void what_the_budget_holds_is_told_in_status(void **state)
{
    struct apply_world *world = *state;

    leave_behind(world);
    world->prepare = hold_all;
    apply_world_let_go(world, false);
    world->script.now += 1000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "DeletionHeld");
}

/* The deletion is a new generation. */
static void what_failed_before_the_deletion_is_not_told_in_status(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->generation = 2;
    mirror_failed(leave_behind(world), TROUBLE_DENIED, "EKS says no", 1, world->script.now, 0);
    world->prepare = hold_all;
    apply_world_let_go(world, false);
    world->script.now += 1000;
    apply_world_let_go(world, false);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "DeletionHeld");
}

/* It stays, and asks for another account than it did: what it had is still there. */
static void move_away(struct apply_world *world)
{
    struct association old;

    world->scene.bindings[0]->deleting = false;
    leave_behind(world);
    old = scene_association("old", "uid-reader"); /* its texts last until the next one is made */
    scene_add_association(&world->scene, &old);
}

static void what_lingers_of_a_binding_that_stays_is_told_beside(void **state)
{
    struct apply_world *world = *state;

    move_away(world);
    world->prepare = hold_all;
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
    assert_non_null(strstr(apply_world_binding(world, "reader")->associated,
                           "association a-old of service account 'old'"));
    assert_non_null(strstr(apply_world_binding(world, "reader")->associated, "too many at once"));
}

static void what_may_not_be_deleted_of_a_binding_that_stays_is_told_beside(void **state)
{
    struct apply_world *world = *state;

    move_away(world);
    error_set(&world->fails[CALL_DESCRIBE_ASSOCIATION], ERROR_DENIED, "EKS says no");
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
    assert_non_null(
        strstr(apply_world_binding(world, "reader")->associated,
               "association a-old of service account 'old' is still there: EKS says no"));
}

static void reads_before_a_delete_keep_to_the_window(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct apply_world *world = *state;

    for (size_t i = 0; i < 6; i++) {
        apply_world_add(world, names[i])->deleting = true;
        apply_world_stand(world, names[i]);
    }
    world->window = 2;
    apply_world_run(world);
    for (size_t i = 0; i < 6; i++)
        assert_false(apply_world_stands(world, names[i]));
    assert_true(world->script.most_under_way <= 4); /* two to each of EKS and Kubernetes */
}

static void measure_evidence(struct apply_world *world, struct call *call)
{
    size_t reads = call->verb == CALL_GET_BINDING;

    for (size_t i = 0; i < world->script.under_way_count; i++)
        reads += world->script.under_way[i]->verb == CALL_GET_BINDING;
    if (reads > world->most_reads)
        world->most_reads = reads;
}

/* What was read would be old by then. */
static void no_more_deletes_have_their_evidence_than_may_soon_leave(void **state)
{
    struct apply_world *world = *state;

    for (int i = 0; i < 40; i++) {
        char name[16];

        snprintf(name, sizeof name, "b%02d", i);
        apply_world_add(world, name)->deleting = true;
        apply_world_stand(world, name);
    }
    world->window = 50;
    world->meanwhile = measure_evidence;
    apply_world_run(world);
    for (size_t i = 0; i < world->eks_count; i++)
        assert_null(world->eks[i]);
    assert_in_range(world->most_reads, 1, 2 * throttle_window(&(struct throttle){0}));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make_leaving, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(what_was_made_for_it_is_deleted_and_then_waited_for),
        TEST(after_a_minute_it_goes_unconfirmed_with_a_warning),
        TEST(a_delete_without_a_place_in_the_budget_is_not_sent),
        TEST(a_delete_that_had_no_effect_is_given_back),
        TEST(other_calls_give_nothing_back),
        TEST(what_cannot_be_deleted_is_told_in_status),
        TEST(what_a_mode_forbids_to_delete_is_told_in_status),
        TEST(what_the_budget_holds_is_told_in_status),
        TEST(what_failed_before_the_deletion_is_not_told_in_status),
        TEST(what_lingers_of_a_binding_that_stays_is_told_beside),
        TEST(what_may_not_be_deleted_of_a_binding_that_stays_is_told_beside),
        TEST(reads_before_a_delete_keep_to_the_window),
        TEST(no_more_deletes_have_their_evidence_than_may_soon_leave),
    };

    return cmocka_run_group_tests_name("apply_delete", tests, NULL, NULL);
}
