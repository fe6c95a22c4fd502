/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/apply_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reconcile/tag_change.h"

/* ---- EKS ---- */

static struct association **find_id(struct apply_world *world, const char *id)
{
    for (size_t i = 0; i < world->eks_count; i++)
        if (world->eks[i] && strcmp(world->eks[i]->id, id) == 0)
            return &world->eks[i];
    return NULL;
}

static struct association *stand(struct apply_world *world, const struct association *association)
{
    assert_true(world->eks_count < APPLY_ROOM);
    return world->eks[world->eks_count++] = association_copy(association);
}

static void note_order(struct apply_world *world, const char *name)
{
    size_t length = strlen(world->order);

    snprintf(world->order + length, sizeof world->order - length, "%s ", name);
}

static void create(struct apply_world *world, struct call *call)
{
    const struct create_in *in = &call->in.create;
    char id[300];
    const struct association made = {.key = in->key,
                                     .id = id,
                                     .owner_arn = "",
                                     .described = true,
                                     .access = in->access,
                                     .tags = in->tags,
                                     .external_id = ""};

    snprintf(id, sizeof id, "a-%s", in->key.service_account);
    note_order(world, in->key.service_account);
    call->out.association = association_copy(stand(world, &made));
}

static void retag(struct association **place, const struct association_in *in, bool set)
{
    CLEANUP(strbuf_release) struct strbuf tags = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);
    CLEANUP_FREE struct association *before = *place;
    struct association changed = *before;

    if (set)
        tag_change_set(before->tags, in->tags, &tags);
    else
        tag_change_extra(before->tags, in->tags, &tags);
    changed.tags = strbuf_text(&tags);
    *place = association_copy(&changed);
}

static void update(struct association **place, struct call *call)
{
    const struct association_in *in = &call->in.association;
    CLEANUP_FREE struct association *before = *place;
    struct association changed = *before;

    changed.access = in->access;
    *place = association_copy(&changed);
    call->out.association = association_copy(*place);
}

static void answer_association(struct apply_world *world, struct call *call)
{
    struct association **place = find_id(world, call->in.association.id);

    if (!place) {
        error_set(&call->error, ERROR_NOT_FOUND, "no such association");
        call->error.status = 404;
    } else if (call->verb == CALL_DESCRIBE_ASSOCIATION) {
        call->out.association = association_copy(*place);
    } else if (call->verb == CALL_UPDATE_ASSOCIATION) {
        update(place, call);
    } else if (call->verb == CALL_DELETE_ASSOCIATION) {
        mem_free(*place);
        *place = NULL;
    } else {
        retag(place, &call->in.association, call->verb == CALL_TAG_ASSOCIATION);
    }
}

/* ---- the API server ---- */

static struct apply_binding *stored(struct apply_world *world, const char *name)
{
    return &world->bindings[apply_world_binding(world, name) - world->bindings];
}

static void patch(struct apply_world *world, struct call *call)
{
    const struct object_in *in = &call->in.object;
    struct apply_binding *binding = stored(world, in->name);

    if (call->verb == CALL_PATCH_FINALIZERS) {
        snprintf(binding->finalizers, sizeof binding->finalizers, "%s", in->finalizers);
    } else {
        const struct binding_condition *ready = &in->status->conditions[CONDITION_READY];

        note_order(world, in->name);
        snprintf(binding->reason, sizeof binding->reason, "%s", ready->reason);
        snprintf(binding->ready, sizeof binding->ready, "%s", condition_status_name(ready->status));
        snprintf(binding->associated, sizeof binding->associated, "%s",
                 in->status->conditions[CONDITION_ASSOCIATED].message);
    }
    call->out.resource_version = mem_strdup(world->unchanged ? in->resource_version : "2");
}

static void get(struct apply_world *world, struct call *call)
{
    const struct scene *scene = &world->scene;
    const char *name = call->in.object.name;

    if (call->verb == CALL_GET_BINDING) {
        for (size_t i = 0; i < scene->binding_count; i++)
            if (strcmp(scene->bindings[i]->name, name) == 0)
                call->out.binding = binding_copy(scene->bindings[i]);
    } else {
        note_order(world, name);
        for (size_t i = 0; i < scene->account_count; i++)
            if (strcmp(scene->accounts[i]->name, name) == 0)
                call->out.service_account = service_account_copy(scene->accounts[i]);
    }
    if (!call->out.binding && !call->out.service_account)
        error_set(&call->error, ERROR_NOT_FOUND, "no such object");
}

static void take_event(struct apply_world *world, const struct event_in *in)
{
    struct apply_event *event = &world->events[world->event_count++];

    assert_true(world->event_count <= APPLY_ROOM);
    snprintf(event->binding, sizeof event->binding, "%s", in->binding);
    snprintf(event->reason, sizeof event->reason, "%s", in->reason);
    snprintf(event->note, sizeof event->note, "%s", in->note);
    event->warning = in->warning;
}

/* ---- calls ---- */

static const char *binding_of(const struct call *call)
{
    return call->verb == CALL_PATCH_FINALIZERS || call->verb == CALL_PATCH_STATUS
               ? call->in.object.name
               : "";
}

static void answer(struct script *script, struct call *call)
{
    struct apply_world *world = script->context;
    const struct error *failure = &world->fails[call->verb];

    script->now += world->takes_ms;
    world->calls[call->verb]++;
    if (world->meanwhile)
        world->meanwhile(world, call);
    if (failure->kind != ERROR_NONE &&
        (!world->fails_for || strcmp(world->fails_for, binding_of(call)) == 0)) {
        call->error = *failure;
        return;
    }
    if (call->verb == CALL_CREATE_ASSOCIATION)
        create(world, call);
    else if (call->verb == CALL_PATCH_FINALIZERS || call->verb == CALL_PATCH_STATUS)
        patch(world, call);
    else if (call->verb == CALL_WRITE_EVENT)
        take_event(world, &call->in.event);
    else if (call->verb == CALL_GET_BINDING || call->verb == CALL_GET_SERVICE_ACCOUNT)
        get(world, call);
    else
        answer_association(world, call);
}

/* ---- the world ---- */

static const struct budget_settings budget_settings = {
    .lease_namespace = "podbind-system", .lease_name = "podbind", .floor = GUARD_FLOOR};

void apply_world_init(struct apply_world *world)
{
    *world = (struct apply_world){
        .settings = {.instance = "podbind", .region = "us-west-2"},
        .outcome = {.blind_reason = "", .blind_message = "", .hold = ""},
        .window = 8,
    };
    script_init(&world->script);
    world->script.answer = answer;
    world->script.context = world;
    scene_init(&world->scene);
    intake_init(&world->intake, &world->script.ports);
    observe_init(&world->observe, &world->settings, &world->intake, world->scene.cluster.name);
    budget_init(&world->budget, &budget_settings);
    roles_init(&world->roles, &world->script.ports);
    world->roles.failures = 1;
    world->roles.closed_until = INT64_MAX;
    world->budget.allowed = 100;
    world->budget.allowed_until = INT64_MAX;
    world->scene.mirror.listed_at = 2 * MIRROR_SETTLE_MS;
}

void apply_world_release(struct apply_world *world)
{
    for (size_t i = 0; i < world->eks_count; i++)
        mem_free(world->eks[i]);
    reports_release(&world->reports);
    refusals_release(&world->refusals);
    roles_release(&world->roles);
    budget_release(&world->budget);
    observe_release(&world->observe);
    intake_release(&world->intake);
    scene_release(&world->scene);
    script_release(&world->script);
}

struct binding *apply_world_add(struct apply_world *world, const char *name)
{
    struct binding binding = scene_binding(name);
    struct apply_binding *kept = &world->bindings[world->binding_count++];

    assert_true(world->binding_count <= APPLY_ROOM);
    binding.service_account = name;
    snprintf(kept->name, sizeof kept->name, "%s", name);
    snprintf(kept->finalizers, sizeof kept->finalizers, "-");
    return scene_add_binding(&world->scene, &binding);
}

struct mirror_entry *apply_world_stand(struct apply_world *world, const char *name)
{
    char uid[300];
    struct association association;

    snprintf(uid, sizeof uid, "uid-%s", name);
    association = scene_association(name, uid);
    stand(world, &association);
    return scene_add_association(&world->scene, &association);
}

int apply_world_pass(struct apply_world *world, struct error *err)
{
    struct scene *scene = &world->scene;
    struct apply apply = {.intake = &world->intake,
                          .observe = &world->observe,
                          .budget = &world->budget,
                          .reports = &world->reports,
                          .refusals = &world->refusals,
                          .roles = &world->roles,
                          .desired = &scene->desired,
                          .plan = world->blind ? NULL : &scene->plan,
                          .context = &scene->context,
                          .outcome = &world->outcome,
                          .fresh = &world->fresh,
                          .window = world->window};
    int result;

    scene->context.now = world->script.now;
    scene_plan(scene);
    if (world->hold)
        scene_claim(scene, world->hold)->held = true;
    if (world->prepare)
        world->prepare(world);
    world->observe.mirror = scene->mirror;
    world->observe.cluster = scene->cluster;
    world->outcome.cluster = &world->observe.cluster;
    world->outcome.mirror = &world->observe.mirror;
    world->outcome.mode = scene->context.mode;
    result = apply_plan(&apply, &world->result, err);
    scene->mirror = world->observe.mirror;
    world->observe.mirror = (struct mirror){0};
    return result;
}

void apply_world_run(struct apply_world *world)
{
    struct error err = {0};

    assert_int_equal(apply_world_pass(world, &err), 0);
}

bool apply_world_stands(const struct apply_world *world, const char *service_account)
{
    for (size_t i = 0; i < world->eks_count; i++)
        if (world->eks[i] && strcmp(world->eks[i]->key.service_account, service_account) == 0)
            return true;
    return false;
}

const struct apply_binding *apply_world_binding(const struct apply_world *world, const char *name)
{
    for (size_t i = 0; i < world->binding_count; i++)
        if (strcmp(world->bindings[i].name, name) == 0)
            return &world->bindings[i];
    fail_msg("no binding %s", name);
    return NULL;
}

const struct apply_event *apply_world_event(const struct apply_world *world, const char *name)
{
    const struct apply_event *found = NULL;

    for (size_t i = 0; i < world->event_count; i++)
        if (strcmp(world->events[i].binding, name) == 0) {
            assert_null(found);
            found = &world->events[i];
        }
    return found;
}

/* ---- for tests ---- */

int apply_world_make(void **state)
{
    *state = mem_alloc(sizeof(struct apply_world));
    apply_world_init(*state);
    return 0;
}

int apply_world_make_leaving(void **state)
{
    struct binding *binding;

    apply_world_make(state);
    binding = apply_world_add(*state, "reader");
    binding->deleting = true;
    binding->finalizers = "first/one\n" BINDING_FINALIZER "\nlast/one";
    return 0;
}

int apply_world_end(void **state)
{
    apply_world_release(*state);
    mem_free(*state);
    return 0;
}

bool apply_world_is_let_go(const struct apply_world *world)
{
    return strcmp(apply_world_binding(world, "reader")->finalizers, "first/one\nlast/one\n") == 0;
}

void apply_world_let_go(struct apply_world *world, bool expected)
{
    apply_world_run(world);
    assert_true(apply_world_is_let_go(world) == expected);
    if (!expected)
        assert_string_equal(apply_world_binding(world, "reader")->finalizers, "-");
}
