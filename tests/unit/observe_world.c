/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/observe_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static bool is_listed(const struct association *item, const struct association_key *key)
{
    return item && (key->namespace[0] == '\0' || association_key_compare(&item->key, key) == 0);
}

static void list(struct observe_world *world, struct call *call)
{
    size_t from = (size_t)strtoull(call->in.list.next_token, NULL, 10);
    size_t at = world->endless ? 0 : from;
    struct associations_page *out = &call->out.page;
    char token[32] = "";

    out->items = mem_array(world->page, sizeof *out->items);
    for (; at < world->eks_count && out->count < world->page; at++) {
        struct association summary = {.owner_arn = "", .tags = "", .external_id = ""};

        if (!is_listed(world->eks[at], &call->in.list.key))
            continue;
        summary.key = world->eks[at]->key;
        summary.id = world->eks[at]->id;
        summary.access = (struct access){"", "", "", false};
        out->items[out->count++] = association_copy(&summary);
    }
    if (at < world->eks_count && call->in.list.key.namespace[0] == '\0')
        snprintf(token, sizeof token, "%zu", at);
    out->next_token = mem_strdup(token);
}

static void describe(struct observe_world *world, struct call *call)
{
    for (size_t i = 0; i < world->eks_count; i++)
        if (world->eks[i] && strcmp(world->eks[i]->id, call->in.association.id) == 0)
            call->out.association = association_copy(world->eks[i]);
    if (!call->out.association) {
        error_set(&call->error, ERROR_NOT_FOUND, "no such association");
        call->error.status = 404;
    }
}

static void describe_cluster(const struct observe_world *world, struct call *call)
{
    call->out.cluster = (struct cluster_facts){mem_strdup(world->arn), mem_strdup(world->status),
                                               mem_strdup(world->issuer), mem_strdup("")};
}

static void count(struct observe_world *world, const struct call *call)
{
    bool of_key = call->in.list.key.namespace && call->in.list.key.namespace[0] != '\0';

    world->made[call->verb]++;
    if (call->verb == CALL_DESCRIBE_ASSOCIATION)
        world->describes++;
    if (call->verb == CALL_LIST_ASSOCIATIONS && call->in.list.next_token[0] == '\0') {
        world->looks += of_key;
        world->lists += !of_key;
    }
}

static void answer(struct script *script, struct call *call)
{
    struct observe_world *world = script->context;

    count(world, call);
    script->gone |= world->dies && call->verb == world->dies;
    if (world->fails[call->verb].kind && world->made[call->verb] >= world->fails_from) {
        call->error = world->fails[call->verb];
    } else if (world->missing && call_is_eks(call->verb)) {
        error_set(&call->error, ERROR_NOT_FOUND, "no such cluster");
        call->error.status = 404;
        call->detail = DETAIL_CLUSTER_MISSING;
    } else if (call->verb == CALL_LIST_ASSOCIATIONS) {
        list(world, call);
    } else if (call->verb == CALL_DESCRIBE_ASSOCIATION) {
        describe(world, call);
    } else if (call->verb == CALL_DESCRIBE_CLUSTER) {
        describe_cluster(world, call);
    } else {
        call->out.identity = (struct kube_identity){mem_strdup("kube-uid"),
                                                    mem_strdup(OBSERVE_ISSUER), mem_strdup("")};
    }
}

void observe_world_init(struct observe_world *world)
{
    *world = (struct observe_world){
        .settings = {.instance = "podbind",
                     .region = "us-west-2",
                     .existence_interval_ms = EXISTENCE_MS,
                     .describe_interval_ms = DESCRIBE_MS,
                     .rotation_ms = ROTATION_MS,
                     .window = 4},
        .page = 100,
        .arn = "arn:aws:eks:us-west-2:111122223333:cluster/blue",
        .issuer = OBSERVE_ISSUER,
        .status = "ACTIVE",
    };
    script_init(&world->script);
    world->script.answer = answer;
    world->script.context = world;
    scene_init(&world->scene);
    intake_init(&world->intake, &world->script.ports);
    observe_init(&world->observe, &world->settings, &world->intake, "blue");
    observe_restart(&world->observe);
}

void observe_world_release(struct observe_world *world)
{
    for (size_t i = 0; i < world->eks_count; i++)
        mem_free(world->eks[i]);
    observe_release(&world->observe);
    intake_release(&world->intake);
    scene_release(&world->scene);
    script_release(&world->script);
}

struct association **observe_world_stand(struct observe_world *world, const char *account)
{
    struct association association = scene_association(account, "uid-reader");

    assert_true(world->eks_count < OBSERVE_ROOM);
    world->eks[world->eks_count] = association_copy(&association);
    return &world->eks[world->eks_count++];
}

struct mirror_entry *observe_world_entry(const struct observe_world *world, const char *account)
{
    const struct association_key key = {"app", account};

    return mirror_find(&world->observe.mirror, &key);
}

int observe_world_look(struct observe_world *world, struct error *err)
{
    scene_desire(&world->scene);
    return observe_associations(&world->observe, &world->scene.desired, err);
}

void observe_world_see(struct observe_world *world)
{
    struct error err = {0};

    assert_int_equal(observe_cluster(&world->observe, &err), 0);
    assert_int_equal(observe_world_look(world, &err), 0);
}

int observe_world_make(void **state)
{
    *state = mem_alloc(sizeof(struct observe_world));
    observe_world_init(*state);
    return 0;
}

int observe_world_end(void **state)
{
    observe_world_release(*state);
    mem_free(*state);
    return 0;
}
