/* SPDX-License-Identifier: Apache-2.0 */
/* Passes that EKS makes wait: what goes on meanwhile, what is tried again, and when one is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/apply_world.h"

/* One that only its status is to be written of. */
static void add_known(struct apply_world *world, const char *name)
{
    apply_world_add(world, name);
    apply_world_stand(world, name);
}

/* EKS has just refused a write, and asked to wait for so long with the next. */
static void hold_writes(struct apply_world *world, int64_t ms)
{
    struct throttle *writes = &world->observe.pace.writes;
    int64_t now = world->script.now;

    throttle_done(writes, throttle_start(writes, now), now, THROTTLE_LOST, ms);
}

/* ---- what goes on meanwhile ---- */

static void statuses_wait_while_there_is_something_to_do_in_eks(void **state)
{
    struct apply_world *world = *state;

    add_known(world, "a-known");
    apply_world_add(world, "b-new");
    apply_world_add(world, "c-new");
    world->window = 1;
    apply_world_run(world);
    assert_string_equal(world->order, "b-new c-new b-new c-new a-known ");
}

static void what_has_to_wait_for_eks_holds_up_no_status(void **state)
{
    struct apply_world *world = *state;

    add_known(world, "a-known");
    apply_world_add(world, "b-new");
    apply_world_add(world, "c-new");
    world->window = 1;
    hold_writes(world, 2000);
    apply_world_run(world);
    assert_string_equal(world->order, "a-known b-new b-new c-new c-new ");
}

/* ---- what is tried again ---- */

static void throttle_calls(struct apply_world *world, enum call_verb verb)
{
    error_set(&world->fails[verb], ERROR_THROTTLED, "too many requests");
}

static void let_the_third_create_through(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_CREATE_ASSOCIATION && world->calls[call->verb] == 3)
        world->fails[call->verb] = (struct error){0};
}

static void what_is_throttled_twice_is_made_at_the_third_try_of_the_same_pass(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    throttle_calls(world, CALL_CREATE_ASSOCIATION);
    world->meanwhile = let_the_third_create_through;
    apply_world_run(world);
    assert_true(apply_world_stands(world, "reader"));
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
    assert_null(world->scene.mirror.entries[0]->trouble);
    assert_false(world->result.cut);
}

static void after_three_tries_it_is_left_for_another_pass(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    throttle_calls(world, CALL_CREATE_ASSOCIATION);
    apply_world_run(world);
    assert_int_equal(world->calls[CALL_CREATE_ASSOCIATION], PACE_TRIES);
    assert_false(apply_world_stands(world, "reader"));
    assert_non_null(world->scene.mirror.entries[0]->trouble);
    assert_true(world->result.due > world->script.now);
    assert_false(world->result.cut);
}

/* ---- Deletes go by what was just read ---- */

static void add_leaving(struct apply_world *world)
{
    apply_world_add(world, "reader")->deleting = true;
    apply_world_stand(world, "reader");
}

static void let_the_second_delete_through(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_DELETE_ASSOCIATION && world->calls[call->verb] == 2)
        world->fails[call->verb] = (struct error){0};
}

static void a_delete_that_is_tried_again_begins_with_its_evidence(void **state)
{
    struct apply_world *world = *state;

    add_leaving(world);
    throttle_calls(world, CALL_DELETE_ASSOCIATION);
    world->meanwhile = let_the_second_delete_through;
    apply_world_run(world);
    assert_false(apply_world_stands(world, "reader"));
    assert_int_equal(world->calls[CALL_GET_BINDING], 2);
    assert_int_equal(world->calls[CALL_DESCRIBE_ASSOCIATION], 2);
}

static void be_slow_to_create(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_CREATE_ASSOCIATION)
        world->script.now += 5001;
}

static void be_less_slow_to_create(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_CREATE_ASSOCIATION)
        world->script.now += 5000;
}

static void keep_while_it_waits(struct apply_world *world, struct call *call)
{
    be_slow_to_create(world, call);
    if (call->verb == CALL_CREATE_ASSOCIATION)
        world->scene.bindings[0]->retain = true;
}

/* Its evidence is there before the Create comes back, which holds up all else to EKS. */
static void delete_behind_a_create(struct apply_world *world,
                                   void (*meanwhile)(struct apply_world *, struct call *))
{
    add_leaving(world);
    apply_world_add(world, "slow");
    world->window = 1;
    world->script.newest_first = true;
    world->meanwhile = meanwhile;
    apply_world_run(world);
    assert_true(apply_world_stands(world, "slow"));
}

static void evidence_that_grew_old_is_asked_for_again(void **state)
{
    struct apply_world *world = *state;

    delete_behind_a_create(world, be_slow_to_create);
    assert_int_equal(world->calls[CALL_GET_BINDING], 2);
    assert_int_equal(world->calls[CALL_DELETE_ASSOCIATION], 1);
    assert_false(apply_world_stands(world, "reader"));
}

static void evidence_of_five_seconds_is_not_old(void **state)
{
    struct apply_world *world = *state;

    delete_behind_a_create(world, be_less_slow_to_create);
    assert_int_equal(world->calls[CALL_GET_BINDING], 1);
    assert_false(apply_world_stands(world, "reader"));
}

static void what_is_to_be_kept_since_its_evidence_grew_old_is_not_deleted(void **state)
{
    struct apply_world *world = *state;

    delete_behind_a_create(world, keep_while_it_waits);
    assert_true(apply_world_stands(world, "reader"));
    assert_int_equal(world->calls[CALL_DELETE_ASSOCIATION], 0);
}

static void end_after_many_looks(struct apply_world *world, struct call *call)
{
    (void)call;
    world->script.gone = world->calls[CALL_GET_BINDING] > 20;
}

static void slow_answers_do_not_keep_a_delete_from_leaving(void **state)
{
    struct apply_world *world = *state;
    struct error err = {0};

    add_leaving(world);
    world->takes_ms = 2600;
    world->meanwhile = end_after_many_looks;
    assert_int_equal(apply_world_pass(world, &err), 0);
    assert_false(apply_world_stands(world, "reader"));
}

/* ---- when it is cut ---- */

static void urge(struct apply_world *world, struct call *call)
{
    (void)call;
    world->intake.urgent = true;
}

/* The first status comes back after so long, with news of a person's change. */
static size_t count_statuses_until_cut(struct apply_world *world, int64_t takes_ms)
{
    add_known(world, "a-known");
    add_known(world, "b-known");
    apply_world_add(world, "c-new");
    world->window = 1;
    world->takes_ms = takes_ms;
    world->meanwhile = urge;
    hold_writes(world, 60000);
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_false(apply_world_stands(world, "c-new"));
    return world->calls[CALL_PATCH_STATUS];
}

static void a_persons_change_cuts_a_pass_that_waits_after_a_tenth_of_a_second(void **state)
{
    assert_int_equal(count_statuses_until_cut(*state, 100), 1);
}

static void a_persons_change_does_not_cut_it_before(void **state)
{
    assert_int_equal(count_statuses_until_cut(*state, 99), 2);
}

static void a_pass_that_waits_for_five_seconds_is_cut(void **state)
{
    struct apply_world *world = *state;
    int64_t start = world->script.now;

    apply_world_add(world, "reader");
    hold_writes(world, 5000);
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(world->script.now, start + 5000);
    assert_false(apply_world_stands(world, "reader"));
}

static void other_news_do_not_cut_it_before(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    script_change(&world->script, RESOURCE_BINDINGS, 1, CHANGE_BOOKMARK, NULL, "9", NULL);
    hold_writes(world, 4999);
    apply_world_run(world);
    assert_true(apply_world_stands(world, "reader"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(statuses_wait_while_there_is_something_to_do_in_eks),
        TEST(what_has_to_wait_for_eks_holds_up_no_status),
        TEST(what_is_throttled_twice_is_made_at_the_third_try_of_the_same_pass),
        TEST(after_three_tries_it_is_left_for_another_pass),
        TEST(a_delete_that_is_tried_again_begins_with_its_evidence),
        TEST(evidence_that_grew_old_is_asked_for_again),
        TEST(evidence_of_five_seconds_is_not_old),
        TEST(what_is_to_be_kept_since_its_evidence_grew_old_is_not_deleted),
        TEST(slow_answers_do_not_keep_a_delete_from_leaving),
        TEST(a_persons_change_cuts_a_pass_that_waits_after_a_tenth_of_a_second),
        TEST(a_persons_change_does_not_cut_it_before),
        TEST(a_pass_that_waits_for_five_seconds_is_cut),
        TEST(other_news_do_not_cut_it_before),
    };

    return cmocka_run_group_tests_name("apply_pace", tests, NULL, NULL);
}
