/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers of the API server and of EKS mean for a pass, and which Events it writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/apply_world.h"

static void add_ready(struct apply_world *world, const char *name)
{
    apply_world_add(world, name);
    apply_world_stand(world, name);
}

static void add_many(struct apply_world *world, int count)
{
    for (int i = 0; i < count; i++) {
        char name[16];

        snprintf(name, sizeof name, "b%02d", i);
        add_ready(world, name);
    }
}

static void break_down(struct apply_world *world, enum call_verb verb, enum error_kind kind,
                       int status)
{
    error_set(&world->fails[verb], kind, "the server says no");
    world->fails[verb].status = status;
}

static size_t count_reported(const struct apply_world *world)
{
    size_t count = 0;

    for (size_t i = 0; i < world->binding_count; i++)
        count += world->bindings[i].reason[0] != '\0';
    return count;
}

/* ---- Kubernetes ---- */

static void what_was_written_is_waited_for(void **state)
{
    struct apply_world *world = *state;

    add_ready(world, "reader");
    apply_world_run(world);
    assert_true(writes_pending(&world->intake.writes, "app", "reader"));
    assert_true(world->result.kube_took);
}

static void a_write_that_changed_nothing_is_not_waited_for(void **state)
{
    struct apply_world *world = *state;

    add_ready(world, "reader");
    world->unchanged = true;
    apply_world_run(world);
    assert_false(writes_pending(&world->intake.writes, "app", "reader"));
    assert_true(world->result.kube_took);
}

static void look_at_version(struct apply_world *world, struct call *call)
{
    const struct apply_binding *reader = apply_world_binding(world, "reader");

    if (call->verb == CALL_PATCH_STATUS)
        assert_string_equal(call->in.object.resource_version,
                            reader->finalizers[0] == '-' ? "1" : "2");
}

static void a_second_write_goes_by_the_version_of_the_first(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->has_finalizer = false;
    binding->finalizers = "";
    world->meanwhile = look_at_version;
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
}

static void a_conflict_is_no_trouble_of_the_server(void **state)
{
    static const enum error_kind news[] = {ERROR_CONFLICT, ERROR_NOT_FOUND};
    struct apply_world *world = *state;

    add_many(world, 12);
    for (size_t i = 0; i < sizeof news / sizeof *news; i++) {
        break_down(world, CALL_PATCH_STATUS, news[i], 409);
        apply_world_run(world);
        assert_int_equal(world->result.kube_error.kind, ERROR_NONE);
        assert_int_equal(world->result.refusal.kind, ERROR_NONE);
        assert_int_equal(world->result.writes, 12);
        assert_false(world->result.kube_took);
        assert_int_equal(refusals_count(&world->refusals), 0);
        world->script.now += 2000;
    }
}

/* The watch may have nothing to bring: a webhook may have said it. */
static void a_conflict_that_no_news_explains_is_tried_again(void **state)
{
    struct apply_world *world = *state;
    int64_t start = world->script.now;

    add_ready(world, "reader");
    break_down(world, CALL_PATCH_STATUS, ERROR_CONFLICT, 409);
    apply_world_run(world);
    assert_in_range(world->result.due, start + 1000, start + 2000);
    error_clear(&world->fails[CALL_PATCH_STATUS]);
    apply_world_run(world);
    assert_int_equal(count_reported(world), 0);
    world->script.now = start + 2000;
    apply_world_run(world);
    assert_int_equal(count_reported(world), 1);
    assert_int_equal(world->refusals.count, 0);
}

static void what_a_conflict_announced_is_not_waited_out(void **state)
{
    struct apply_world *world = *state;
    struct binding *reader = apply_world_add(world, "reader");

    apply_world_stand(world, "reader");
    break_down(world, CALL_PATCH_STATUS, ERROR_CONFLICT, 409);
    apply_world_run(world);
    error_clear(&world->fails[CALL_PATCH_STATUS]);
    reader->resource_version = "9";
    apply_world_run(world);
    assert_int_equal(count_reported(world), 1);
}

static void a_server_in_trouble_is_left_in_peace_after_eight_failures(void **state)
{
    struct apply_world *world = *state;

    add_many(world, 12);
    world->window = 1;
    break_down(world, CALL_PATCH_STATUS, ERROR_TRANSIENT, 503);
    apply_world_run(world);
    assert_int_equal(world->result.writes, 8);
    assert_int_equal(world->result.kube_error.kind, ERROR_TRANSIENT);
    assert_int_equal(count_reported(world), 0);
}

/* As where a webhook is asked for one namespace, and does not answer. */
static void fail_in_app(struct apply_world *world, struct call *call)
{
    struct error *error = &world->fails[CALL_PATCH_STATUS];

    error_clear(error);
    if (call->verb == CALL_PATCH_STATUS && strcmp(call->in.object.namespace, "app") == 0)
        error_set(error, ERROR_TRANSIENT, "failed calling webhook");
}

static void a_namespace_that_cannot_be_written_holds_up_no_other(void **state)
{
    struct apply_world *world = *state;
    struct association elsewhere;

    add_many(world, 20);
    elsewhere = scene_association("elsewhere", "uid-elsewhere");
    elsewhere.key.namespace = "b-healthy";
    scene_add_association(&world->scene, &elsewhere);
    apply_world_add(world, "elsewhere")->namespace = "b-healthy";
    world->meanwhile = fail_in_app;
    world->window = 1;
    for (int i = 0; i < 2; i++)
        apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "elsewhere")->ready, "True");
    assert_int_equal(world->calls[CALL_PATCH_STATUS], 8 + 1 + 8);
}

static void the_first_trouble_is_told(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "a")->has_finalizer = false;
    add_ready(world, "b");
    break_down(world, CALL_PATCH_FINALIZERS, ERROR_UNKNOWN, 500);
    break_down(world, CALL_PATCH_STATUS, ERROR_TRANSIENT, 503);
    world->window = 1;
    apply_world_run(world);
    assert_int_equal(world->result.kube_error.kind, ERROR_UNKNOWN);
    assert_int_equal(world->result.refusal.kind, ERROR_NONE);
}

static void being_nobody_is_a_trouble_of_ours(void **state)
{
    struct apply_world *world = *state;

    add_ready(world, "reader");
    break_down(world, CALL_PATCH_STATUS, ERROR_DENIED, 401);
    apply_world_run(world);
    assert_int_equal(world->result.kube_error.kind, ERROR_DENIED);
    assert_int_equal(world->refusals.count, 0);
}

static void a_refusal_holds_up_its_binding_alone(void **state)
{
    static const struct {
        enum error_kind kind;
        int status;
    } refusals[] = {{ERROR_DENIED, 403}, {ERROR_INVALID, 422}};
    struct apply_world *world = *state;

    add_ready(world, "a");
    add_ready(world, "b");
    world->fails_for = "a";
    for (size_t i = 0; i < 2; i++) {
        int64_t due;

        break_down(world, CALL_PATCH_STATUS, refusals[i].kind, refusals[i].status);
        apply_world_run(world);
        due = refusals_until(&world->refusals, world->scene.bindings[0]);
        assert_int_equal(world->result.refusal.kind, refusals[i].kind);
        assert_int_equal(world->result.kube_error.kind, ERROR_NONE);
        assert_int_equal(world->refusals.count, 1);
        assert_true(due > world->script.now);
        assert_int_equal(world->result.due, due);
        assert_string_equal(apply_world_binding(world, "b")->reason, "Ready");
        apply_world_run(world); /* not before its time, which the pass tells */
        assert_int_equal(world->result.writes, 1);
        assert_int_equal(world->result.due, due);
        world->script.now = due;
    }
}

static void the_first_refusal_is_told(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "a")->has_finalizer = false;
    add_ready(world, "b");
    break_down(world, CALL_PATCH_FINALIZERS, ERROR_INVALID, 422);
    break_down(world, CALL_PATCH_STATUS, ERROR_DENIED, 403);
    world->window = 1;
    apply_world_run(world);
    assert_int_equal(world->result.refusal.kind, ERROR_INVALID);
    assert_int_equal(world->refusals.count, 2);
}

static void a_refused_finalizer_waits_too(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "a")->has_finalizer = false;
    break_down(world, CALL_PATCH_FINALIZERS, ERROR_DENIED, 403);
    apply_world_run(world);
    world->fails[CALL_PATCH_FINALIZERS] = (struct error){0};
    apply_world_run(world);
    assert_string_equal(apply_world_binding(world, "a")->finalizers, "-");
    world->script.now = refusals_until(&world->refusals, world->scene.bindings[0]);
    apply_world_run(world);
    assert_string_not_equal(apply_world_binding(world, "a")->finalizers, "-");
    assert_int_equal(world->refusals.count, 0); /* it was taken */
}

/* ---- EKS ---- */

static void look_after_failure(struct apply_world *world, enum error_kind kind)
{
    break_down(world, CALL_CREATE_ASSOCIATION, kind, 500);
    apply_world_run(world);
    assert_false(apply_world_stands(world, "reader"));
}

static void a_call_that_failed_is_tried_again_when_its_time_comes(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader");
    look_after_failure(world, ERROR_TRANSIENT);
    assert_true(world->result.wrote);
    assert_int_equal(world->result.due, world->scene.mirror.entries[0]->trouble->retry_at);
    world->fails[CALL_CREATE_ASSOCIATION] = (struct error){0};
    world->script.now = world->result.due;
    apply_world_run(world);
    assert_true(apply_world_stands(world, "reader"));
}

static void a_change_of_role_and_tags_goes_on_call_after_call(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->role_name = "team/a/writer";
    binding->tags = "team\ta\n";
    apply_world_stand(world, "reader");
    apply_world_run(world);
    assert_string_equal(world->eks[0]->access.role_arn, SCENE_OTHER_ROLE);
    assert_non_null(strstr(world->eks[0]->tags, "team\ta\n"));
    assert_string_equal(apply_world_binding(world, "reader")->reason, "Ready");
}

static void urge(struct apply_world *world, struct call *call)
{
    world->intake.urgent = call->verb == CALL_UPDATE_ASSOCIATION;
}

static void a_chain_that_is_cut_goes_no_further(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->role_name = "team/a/writer";
    binding->tags = "team\ta\n";
    apply_world_stand(world, "reader");
    apply_world_add(world, "second");
    apply_world_add(world, "third")->has_finalizer = false;
    world->takes_ms = 200;
    world->window = 1;
    world->meanwhile = urge;
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(count_reported(world), 0);
    assert_null(strstr(world->eks[0]->tags, "team\ta\n"));
}

/* ---- Events ---- */

static void the_first_reason_that_is_not_ready_is_a_warning(void **state)
{
    struct apply_world *world = *state;
    struct mirror_entry *entry;
    const struct apply_event *event;

    apply_world_add(world, "reader")->role_name = "other";
    entry = apply_world_stand(world, "reader");
    mirror_failed(entry, TROUBLE_DENIED, "EKS says no", 1, world->script.now, 600000);
    apply_world_run(world);
    assert_int_equal(world->event_count, 0); /* a second's patience */
    world->script.now += 1000;
    apply_world_run(world);
    event = apply_world_event(world, "reader");
    assert_non_null(event);
    assert_string_equal(event->reason, "AccessDenied");
    assert_non_null(strstr(event->note, "EKS says no"));
    assert_true(event->warning);
    assert_int_equal(world->reports.notices.count, 1);
}

static void becoming_ready_is_no_warning(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");
    const struct apply_event *event;

    binding->status.ready_reason = "KeyTaken";
    apply_world_stand(world, "reader");
    apply_world_run(world);
    event = apply_world_event(world, "reader");
    assert_non_null(event);
    assert_string_equal(event->reason, "Ready");
    assert_string_equal(event->note, "new pods of reader get " SCENE_ROLE);
    assert_false(event->warning);
}

static void being_ready_from_the_first_is_no_event(void **state)
{
    struct apply_world *world = *state;

    add_ready(world, "reader");
    apply_world_run(world);
    assert_int_equal(world->event_count, 0);
    assert_int_equal(world->reports.notices.count, 0);
}

static void an_account_that_still_carries_a_role_is_a_warning(void **state)
{
    struct apply_world *world = *state;
    const struct apply_event *event;

    add_ready(world, "reader");
    scene_add_account(&world->scene, "app", "reader", "")->has_irsa_role = true;
    apply_world_run(world);
    event = apply_world_event(world, "reader");
    assert_non_null(event);
    assert_string_equal(event->reason, "IRSAFallback");
    assert_true(event->warning);
    assert_non_null(strstr(event->note, "service account 'reader' still carries"));
}

static void no_event_follows_a_status_that_was_not_taken(void **state)
{
    struct apply_world *world = *state;
    struct binding *binding = apply_world_add(world, "reader");

    binding->status.ready_reason = "KeyTaken";
    apply_world_stand(world, "reader");
    break_down(world, CALL_PATCH_STATUS, ERROR_CONFLICT, 409);
    apply_world_run(world);
    assert_int_equal(world->event_count, 0);
    assert_false(writes_pending(&world->intake.writes, "app", "reader"));
}

static void expect_no_series(struct apply_world *world, struct call *call)
{
    (void)world;
    if (call->verb == CALL_WRITE_EVENT)
        assert_int_equal(call->in.event.series_count, 0);
}

/* There is nothing to fold it into. */
static void an_event_that_was_not_taken_is_written_anew(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader")->status.ready_reason = "KeyTaken";
    apply_world_stand(world, "reader");
    error_set(&world->fails[CALL_WRITE_EVENT], ERROR_TRANSIENT, "no answer");
    world->meanwhile = expect_no_series;
    for (int i = 0; i < 2; i++)
        apply_world_run(world);
    assert_int_equal(world->calls[CALL_WRITE_EVENT], 2);
}

static void urge_by_status(struct apply_world *world, struct call *call)
{
    world->intake.urgent |= call->verb == CALL_PATCH_STATUS;
}

/* Nobody would tell it later: status says it already. */
static void an_event_follows_its_status_though_the_pass_is_cut(void **state)
{
    struct apply_world *world = *state;

    apply_world_add(world, "reader")->status.ready_reason = "KeyTaken";
    apply_world_stand(world, "reader");
    add_ready(world, "second");
    world->takes_ms = 200;
    world->window = 1;
    world->meanwhile = urge_by_status;
    apply_world_run(world);
    assert_true(world->result.cut);
    assert_int_equal(count_reported(world), 1);
    assert_non_null(apply_world_event(world, "reader"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, apply_world_make, apply_world_end)
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_waited_for),
        TEST(a_write_that_changed_nothing_is_not_waited_for),
        TEST(a_second_write_goes_by_the_version_of_the_first),
        TEST(a_conflict_is_no_trouble_of_the_server),
        TEST(a_conflict_that_no_news_explains_is_tried_again),
        TEST(what_a_conflict_announced_is_not_waited_out),
        TEST(a_server_in_trouble_is_left_in_peace_after_eight_failures),
        TEST(a_namespace_that_cannot_be_written_holds_up_no_other),
        TEST(the_first_trouble_is_told),
        TEST(being_nobody_is_a_trouble_of_ours),
        TEST(a_refusal_holds_up_its_binding_alone),
        TEST(the_first_refusal_is_told),
        TEST(a_refused_finalizer_waits_too),
        TEST(a_call_that_failed_is_tried_again_when_its_time_comes),
        TEST(a_change_of_role_and_tags_goes_on_call_after_call),
        TEST(a_chain_that_is_cut_goes_no_further),
        TEST(the_first_reason_that_is_not_ready_is_a_warning),
        TEST(becoming_ready_is_no_warning),
        TEST(being_ready_from_the_first_is_no_event),
        TEST(an_account_that_still_carries_a_role_is_a_warning),
        TEST(no_event_follows_a_status_that_was_not_taken),
        TEST(an_event_follows_its_status_though_the_pass_is_cut),
        TEST(an_event_that_was_not_taken_is_written_anew),
    };

    return cmocka_run_group_tests_name("apply_call", tests, NULL, NULL);
}
