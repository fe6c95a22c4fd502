/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings that are let go of whatever EKS holds, and the Event that says what is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "controller/apply_run.h"
#include "tests/unit/apply_world.h"

/* `reader` is being deleted. */
static int make_world(void **state)
{
    struct binding *binding;

    apply_world_make(state);
    binding = apply_world_add(*state, "reader");
    binding->deleting = true;
    binding->finalizers = BINDING_FINALIZER;
    return 0;
}

static bool is_let_go(const struct apply_world *world)
{
    return apply_world_binding(world, "reader")->finalizers[0] == '\0';
}

static void stand(struct apply_world *world, const char *account, const char *uid)
{
    struct association association = scene_association(account, uid);

    scene_add_association(&world->scene, &association);
}

static const struct apply_event *told(struct apply_world *world, const char *reason)
{
    const struct apply_event *event = apply_world_event(world, "reader");

    assert_non_null(event);
    assert_string_equal(event->reason, reason);
    return event;
}

static void an_abandoned_binding_goes_at_once_and_leaves_all(void **state)
{
    static const enum plan_mode modes[] = {PLAN_SYNC, PLAN_NO_DELETE, PLAN_OBSERVE};
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    apply_world_stand(world, "reader");
    for (size_t i = 0; i < 3; i++) {
        world->event_count = 0;
        snprintf(world->bindings[0].finalizers, sizeof world->bindings[0].finalizers, "-");
        world->scene.context.mode = modes[i];
        apply_world_run(world);
        assert_true(is_let_go(world));
        assert_true(apply_world_stands(world, "reader"));
        assert_false(told(world, "Abandoned")->warning);
        assert_string_equal(world->events[0].note,
                            "let go as podbind.dev/abandon asks; left in EKS: association "
                            "a-reader of service account 'reader'");
    }
}

static void urge(struct apply_world *world, struct call *call)
{
    world->intake.urgent |= call->verb == CALL_PATCH_FINALIZERS;
}

static void what_is_left_is_told_though_the_pass_is_cut(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    apply_world_stand(world, "reader");
    world->takes_ms = 200;
    world->meanwhile = urge;
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_true(is_let_go(world));
    told(world, "Abandoned");
}

static void one_that_stays_is_not_abandoned(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    world->scene.bindings[0]->deleting = false;
    apply_world_stand(world, "reader");
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->finalizers, "-");
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
}

/* Whoever asks, and whatever else keeps it. */
static void only_a_binding_that_goes_and_has_our_finalizer_is_let_go_of(void **state)
{
    struct apply_world *world = *state;
    const struct apply apply = {.observe = &world->observe, .context = &world->scene.context};
    const struct run run = {.apply = &apply};
    struct binding *binding = world->scene.bindings[0];
    struct claim claim = {.binding = binding};
    const struct job job = {.claim = &claim};

    binding->abandon = true;
    assert_int_equal(run_releases(&run, &job), FAREWELL_ABANDONED);
    binding->deleting = false;
    assert_int_equal(run_releases(&run, &job), FAREWELL_NONE);
    binding->deleting = true;
    binding->has_finalizer = false;
    assert_int_equal(run_releases(&run, &job), FAREWELL_NONE);
}

static void one_without_our_finalizer_needs_no_abandoning(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    world->scene.bindings[0]->has_finalizer = false;
    apply_world_run(world);
    assert_int_equal(world->result.writes, 0);
}

static void what_status_remembers_is_named_where_eks_cannot_be_read(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    world->scene.bindings[0]->status.associations = "one\ta-1\nnone\t\ntwo\ta-2\n";
    world->blind = true;
    apply_world_run(world);
    assert_true(is_let_go(world));
    assert_string_equal(told(world, "Abandoned")->note,
                        "let go as podbind.dev/abandon asks; left in EKS: association a-1 of "
                        "service account 'one', association a-2 of service account 'two'");
}

static void that_nothing_is_known_to_be_left_is_told_too(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    world->blind = true;
    apply_world_run(world);
    assert_string_equal(
        told(world, "Abandoned")->note,
        "let go as podbind.dev/abandon asks; left in EKS: nothing that podbind knows of");
}

static void five_are_named_and_the_others_counted(void **state)
{
    static const char *const accounts[] = {"a", "b", "c", "d", "e", "f", "g"};
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    for (size_t i = 0; i < 5; i++)
        stand(world, accounts[i], "uid-reader");
    stand(world, "other", "uid-another");
    apply_world_run(world);
    assert_non_null(strstr(told(world, "Abandoned")->note, "a-e of service account 'e'"));
    assert_null(strstr(world->events[0].note, "more"));
    world->event_count = 0;
    for (size_t i = 5; i < 7; i++)
        stand(world, accounts[i], "uid-reader");
    apply_world_run(world);
    assert_non_null(
        strstr(told(world, "Abandoned")->note, "a-e of service account 'e' and 2 more"));
    assert_null(strstr(world->events[0].note, "a-f"));
    assert_null(strstr(world->events[0].note, "other"));
}

static void a_cluster_that_is_deleted_takes_all_with_it(void **state)
{
    struct apply_world *world = *state;

    apply_world_stand(world, "reader");
    world->scene.cluster.deleting = world->scene.context.cluster_deleting = true;
    apply_world_run(world);
    assert_true(is_let_go(world));
    assert_true(apply_world_stands(world, "reader"));
    assert_false(told(world, "ClusterDeleting")->warning);
}

static void only_of_our_own_cluster_and_only_where_writes_are_allowed(void **state)
{
    struct apply_world *world = *state;

    apply_world_stand(world, "reader");
    world->scene.cluster.deleting = world->scene.context.cluster_deleting = true;
    world->scene.context.mode = PLAN_OBSERVE;
    apply_world_run(world);
    assert_false(is_let_go(world));
    world->scene.context.mode = PLAN_NO_DELETE;
    world->scene.cluster.verdict = CLUSTER_WRONG;
    apply_world_run(world);
    assert_false(is_let_go(world));
    world->scene.cluster.verdict = CLUSTER_VERIFIED;
    apply_world_run(world);
    assert_true(is_let_go(world));
}

static void nothing_is_told_of_a_finalizer_that_was_not_taken_off(void **state)
{
    struct apply_world *world = *state;

    world->scene.bindings[0]->abandon = true;
    error_set(&world->fails[CALL_PATCH_FINALIZERS], ERROR_CONFLICT, "modified");
    apply_world_run(world);
    assert_int_equal(world->event_count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(an_abandoned_binding_goes_at_once_and_leaves_all),
        TEST(what_is_left_is_told_though_the_pass_is_cut),
        TEST(one_that_stays_is_not_abandoned),
        TEST(only_a_binding_that_goes_and_has_our_finalizer_is_let_go_of),
        TEST(one_without_our_finalizer_needs_no_abandoning),
        TEST(what_status_remembers_is_named_where_eks_cannot_be_read),
        TEST(that_nothing_is_known_to_be_left_is_told_too),
        TEST(five_are_named_and_the_others_counted),
        TEST(a_cluster_that_is_deleted_takes_all_with_it),
        TEST(only_of_our_own_cluster_and_only_where_writes_are_allowed),
        TEST(nothing_is_told_of_a_finalizer_that_was_not_taken_off),
    };

    return cmocka_run_group_tests_name("apply_farewell", tests, NULL, NULL);
}
