/* SPDX-License-Identifier: Apache-2.0 */
/* The window: what starts, in which order, and when a pass is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/apply_world.h"

static void add_many(struct apply_world *world, int count)
{
    for (int i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof name, "b%02d", i);
        apply_world_add(world, name);
    }
}

static size_t count_standing(const struct apply_world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->eks_count; i++)
        count += world->eks[i] != NULL;
    return count;
}

/* ---- chains ---- */

static void a_new_binding_gets_finalizer_association_and_status(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->has_finalizer = false;
    binding->finalizers = "other/one\nother/two";
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->finalizers,
                        "other/one\nother/two\n" BINDING_FINALIZER "\n");
    assert_true(apply_world_stands(world, "reader"));
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
    assert_string_equal(apply_world_binding(world, "reader")->ready, "True");
    assert_true(world->result.wrote);
    assert_true(world->result.kube_took);
    assert_false(world->result.cut);
    assert_int_equal(world->result.writes, 3);
    assert_int_equal(world->result.due, INT64_MAX);
    assert_int_equal(world->result.kube_error.kind, ERROR_NONE);
    assert_true(mirror_is_newcomer(&world->scene.mirror, "uid-reader"));
}

static void the_finalizer_stands_before_anything_is_made(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->has_finalizer = false;
    binding->finalizers = "";
    error_set(&world->fails[CALL_PATCH_FINALIZERS], ERROR_CONFLICT, "modified");
    apply_world_run(world);
    assert_false(apply_world_stands(world, "reader"));
    assert_false(world->result.wrote);
    assert_false(mirror_is_newcomer(&world->scene.mirror, "uid-reader"));
}

static void what_is_as_wanted_needs_no_finalizer_and_no_call_to_eks(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->has_finalizer = false;
    apply_world_stand(world, "reader");
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->finalizers, "-");
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
    assert_false(world->result.wrote);
    assert_int_equal(world->result.writes, 1);
}

static void what_differs_is_changed(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader")->role_name = "team/a/writer";
    apply_world_stand(world, "reader");
    apply_world_run(world);
    assert_string_equal(world->eks[0]->access.role_arn, SCENE_OTHER_ROLE);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
}

static void without_a_plan_only_status_is_written(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader")->has_finalizer = false;
    world->blind = true;
    world->outcome.blind_reason = "EKSUnavailable";
    world->outcome.blind_message = "no answer";
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->finalizers, "-");
    assert_false(apply_world_stands(world, "reader"));
    assert_int_equal(world->result.due, world->script.now + 1000); /* "not Ready" has a second */
    world->script.now += 1000;
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "EKSUnavailable");
    assert_string_equal(apply_world_binding(world, "reader")->ready, "False");
}

static void a_binding_whose_own_write_is_not_seen_yet_is_left_alone(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry;

    apply_world_add(world, "reader")->role_name = "other";
    entry = apply_world_stand(world, "reader");
    mirror_failed(entry, TROUBLE_RETRYING, "x", 1, world->script.now, 5000);
    world->hold = "reader";
    apply_world_run(world);
    assert_int_equal(world->result.writes, 0);
    assert_int_equal(world->result.due, INT64_MAX);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "");
}

static void what_waits_for_its_time_says_when(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry;

    apply_world_add(world, "reader")->role_name = "other";
    apply_world_add(world, "writer")->role_name = "other";
    entry = apply_world_stand(world, "reader");
    mirror_failed(entry, TROUBLE_RETRYING, "x", 1, world->script.now, 700);
    entry = apply_world_stand(world, "writer");
    mirror_failed(entry, TROUBLE_RETRYING, "x", 1, world->script.now, 900);
    apply_world_run(world);
    assert_false(world->result.wrote);
    assert_int_equal(world->result.due, world->script.now + 700);
}

/* ---- how much at once, and in which order ---- */

static void no_more_than_a_window_is_under_way(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 9);
    world->window = 3;
    apply_world_run(world);
    assert_int_equal(count_standing(world), 9);
    assert_int_equal(world->script.most_under_way, 6); /* three to each of EKS and Kubernetes */
}

static void associations_do_not_wait_for_status(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "a-known");
    apply_world_stand(world, "a-known");
    apply_world_add(world, "b-new");
    world->window = 1;
    apply_world_run(world);
    assert_int_equal(world->script.most_under_way, 2);
    assert_string_equal(world->order, "b-new a-known b-new ");
}

static void what_a_person_has_just_changed_goes_first(void **state)
{
    struct apply_world *world = *state;
    char namespace[] = "app", name[] = "b02";
    struct fresh_binding fresh = {.namespace = namespace, .name = name};

    add_many(world, 4);
    world->window = 1;
    world->fresh = (struct fresh_list){.items = &fresh, .count = 1, .capacity = 1};
    apply_world_run(world);
    assert_memory_equal(world->order, "b02 b00 b02 ", 8);
    assert_int_equal(count_standing(world), 4);
}

static void more_than_a_block_of_tasks_wait_in_their_order(void **state)
{
    struct apply_world *world = *state;
    char expected[1024] = "";

    add_many(world, 64);
    world->window = 1;
    world->script.newest_first = true;
    apply_world_run(world);
    assert_int_equal(count_standing(world), 64);
    for (int i = 0; i < 64; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "b%02d ", i);
    for (size_t i = 0; i < 64; i++)
        assert_memory_equal(world->eks[i]->id + 2, expected + 4 * i, 3);
}

/* ---- what stops it ---- */

static void nothing_is_written_without_the_lease(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 2);
    world->script.lease_until = world->script.now + PORT_CALL_TIMEOUT_MS - 1;
    apply_world_run(world);
    assert_int_equal(world->result.writes, 0);
    assert_int_equal(world->result.due, world->script.now + 200);
    assert_int_equal(count_standing(world), 0);
    assert_false(world->result.cut);
}

static void lose_lease(struct apply_world *world, struct call *call)
{
    (void)call;
    world->script.lease_until = 0;
}

static void a_lease_that_is_lost_on_the_way_stops_what_follows(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader")->has_finalizer = false;
    world->meanwhile = lose_lease;
    apply_world_run(world);
    assert_true(apply_world_binding(world, "reader")->finalizers[0] != '-');
    assert_int_equal(count_standing(world), 0);
    assert_int_equal(world->result.writes, 1);
}

static void nothing_is_written_to_a_cluster_that_is_not_verified(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    world->scene.cluster.verdict = CLUSTER_UNVERIFIED;
    apply_world_run(world);
    assert_int_equal(count_standing(world), 0);
    assert_int_equal(world->result.due, world->script.now + 200);
}

static void doubt_cluster(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_UPDATE_ASSOCIATION)
        observe_doubt_cluster(&world->observe);
}

static void a_cluster_that_comes_into_doubt_stops_what_follows(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "a")->role_name = "other";
    apply_world_add(world, "b")->role_name = "other";
    apply_world_stand(world, "a");
    apply_world_stand(world, "b");
    world->window = 1;
    world->meanwhile = doubt_cluster;
    apply_world_run(world);
    assert_string_not_equal(world->eks[0]->access.role_arn, SCENE_ROLE);
    assert_string_equal(world->eks[1]->access.role_arn, SCENE_ROLE);
}

static void status_is_written_though_the_cluster_is_not_verified(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    apply_world_stand(world, "reader");
    world->scene.cluster.verdict = CLUSTER_WRONG;
    world->blind = true;
    apply_world_run(world);
    world->script.now += 1000;
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "WrongCluster");
}

static void urge(struct apply_world *world, struct call *call)
{
    (void)call;
    world->intake.urgent = true;
}

static void a_persons_change_cuts_the_pass_after_a_tenth_of_a_second(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 5);
    world->window = 1;
    world->takes_ms = 50;
    world->meanwhile = urge;
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(world->script.started, 3); /* two Creates, and a status on its way */
}

static void bring_change(struct apply_world *world, struct call *call)
{
    (void)call;
    script_change(&world->script, RESOURCE_BINDINGS, 1, CHANGE_BOOKMARK, NULL, "9", NULL);
}

static void other_news_cut_it_after_a_second(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 9);
    world->window = 1;
    world->takes_ms = 250;
    bring_change(world, NULL);
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(world->script.now, 1000000 + 6 * 250); /* the sixth was on its way */
}

/* The next pass would leave it alone until the store shows the finalizer. */
static void what_has_got_its_finalizer_is_made_before_a_pass_is_cut(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 2);
    for (size_t i = 0; i < world->scene.binding_count; i++)
        world->scene.bindings[i]->has_finalizer = false;
    world->window = 1;
    world->takes_ms = 1000;
    bring_change(world, NULL);
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_true(apply_world_stands(world, "b00"));
    assert_string_equal(apply_world_binding(world, "b01")->finalizers, "-");
}

static void a_pass_that_is_cut_makes_no_more_for_long(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 9);
    world->window = 1;
    world->takes_ms = 1000;
    bring_change(world, NULL);
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(count_standing(world), 2); /* of which one came after the cut */
}

static void without_news_a_pass_takes_its_time(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 3);
    world->window = 1;
    world->takes_ms = 900;
    apply_world_run(world);
    assert_false(world->result.cut);
    assert_int_equal(count_standing(world), 3);
}

static void end(struct apply_world *world, struct call *call)
{
    if (call->verb == CALL_CREATE_ASSOCIATION)
        world->script.gone = true;
}

static void a_world_that_ends_ends_the_pass(void **state)
{
    struct apply_world *world = *state;
    struct error err = {0};

    add_many(world, 5);
    world->meanwhile = end;
    assert_int_equal(apply_world_pass(world, &err), -1);
    assert_int_equal(err.kind, ERROR_GONE);
}

/* It is on its way to a Delete, which others may wait for. */
static void the_account_of_what_goes_is_read_before_status_is_written(void **state)
{
    static const struct selector_requirement web = {.key = "web", .operation = SELECTOR_EXISTS};
    struct apply_world *world = *state;
    struct association association = scene_association("gone", "uid-selector");
    struct binding *selector = apply_world_add(world, "selector");

    selector->service_account = "";
    selector->selector = &web;
    selector->selector_count = 1;
    scene_add_association(&world->scene, &association);
    apply_world_add(world, "a");
    world->scene.context.absence_grace_ms = 0;
    world->window = 1;
    apply_world_run(world);
    assert_memory_equal(world->order, "a gone a ", 9);
}

/* ---- what is remembered ---- */

static void what_is_remembered_of_a_binding_ends_with_it(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_DENIED, "EKS says no");
    apply_world_run(world);
    assert_int_equal(world->reports.count, 1); /* since when it is not Ready */
    apply_world_run(world);
    assert_int_equal(world->reports.count, 1);
    mem_free(world->scene.bindings[--world->scene.binding_count]);
    apply_world_run(world);
    assert_int_equal(world->reports.count, 0);
}

/* Since when it is not Ready decides when it counts as stalled. */
static void what_is_remembered_outlives_a_pass_that_leaves_the_binding_alone(void **state)
{
    struct apply_world *world = *state;
    int64_t since = world->script.now;

    apply_world_add(world, "reader");
    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_DENIED, "EKS says no");
    apply_world_run(world);
    world->script.now += 500;
    world->hold = "reader"; /* its own write is not seen yet */
    apply_world_run(world);
    world->hold = NULL;
    world->script.lease_until = 0; /* the pass stops before it comes to status */
    apply_world_run(world);
    assert_int_equal(world->reports.count, 1);
    assert_int_equal(world->reports.items[0].since, since);
}

static void a_pass_that_is_cut_has_not_looked_at_all(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    error_set(&world->fails[CALL_CREATE_ASSOCIATION], ERROR_DENIED, "EKS says no");
    apply_world_run(world);
    assert_int_equal(world->reports.count, 1);
    world->script.now += 600000; /* it is tried again, and that pass is cut before its status */
    world->takes_ms = 100;
    world->meanwhile = urge;
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(world->reports.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(a_new_binding_gets_finalizer_association_and_status),
        TEST(the_finalizer_stands_before_anything_is_made),
        TEST(what_is_as_wanted_needs_no_finalizer_and_no_call_to_eks),
        TEST(what_differs_is_changed),
        TEST(without_a_plan_only_status_is_written),
        TEST(a_binding_whose_own_write_is_not_seen_yet_is_left_alone),
        TEST(what_waits_for_its_time_says_when),
        TEST(no_more_than_a_window_is_under_way),
        TEST(associations_do_not_wait_for_status),
        TEST(what_a_person_has_just_changed_goes_first),
        TEST(more_than_a_block_of_tasks_wait_in_their_order),
        TEST(nothing_is_written_without_the_lease),
        TEST(a_lease_that_is_lost_on_the_way_stops_what_follows),
        TEST(nothing_is_written_to_a_cluster_that_is_not_verified),
        TEST(a_cluster_that_comes_into_doubt_stops_what_follows),
        TEST(status_is_written_though_the_cluster_is_not_verified),
        TEST(a_persons_change_cuts_the_pass_after_a_tenth_of_a_second),
        TEST(other_news_cut_it_after_a_second),
        TEST(what_has_got_its_finalizer_is_made_before_a_pass_is_cut),
        TEST(a_pass_that_is_cut_makes_no_more_for_long),
        TEST(without_news_a_pass_takes_its_time),
        TEST(a_world_that_ends_ends_the_pass),
        TEST(the_account_of_what_goes_is_read_before_status_is_written),
        TEST(what_is_remembered_of_a_binding_ends_with_it),
        TEST(what_is_remembered_outlives_a_pass_that_leaves_the_binding_alone),
        TEST(a_pass_that_is_cut_has_not_looked_at_all),
    };

    return cmocka_run_group_tests_name("apply", tests, NULL, NULL);
}
