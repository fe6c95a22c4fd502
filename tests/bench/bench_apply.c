/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench_apply.h"

#include <stdlib.h>

#include "base/mem.h"
#include "controller/apply.h"

#define NOW_MS 3600000
#define WINDOW 32

struct world {
    struct bench_set *set;
    const struct mirror *held; /* in the order of the ids */
    struct bench_apply_counts *counts;
    struct call *calls[2 * WINDOW]; /* answered, not handed back yet: a ring */
    size_t first, count;
    uint64_t randoms;
};

/* ---- the world ---- */

static int64_t world_now(void *context)
{
    (void)context;
    return NOW_MS;
}

static int64_t world_wall(void *context)
{
    (void)context;
    return (int64_t)1763836800 * 1000000;
}

static uint64_t world_random(void *context)
{
    struct world *world = context;

    return ++world->randoms * UINT64_C(0x9e3779b97f4a7c15);
}

static int64_t world_lease_until(void *context)
{
    (void)context;
    return 2 * (int64_t)NOW_MS;
}

static struct association *created(const struct create_in *in)
{
    const struct association association = {.key = in->key,
                                            .id = "a-00000000000000001",
                                            .owner_arn = "",
                                            .described = true,
                                            .access = in->access,
                                            .tags = in->tags,
                                            .external_id = ""};

    return association_copy(&association);
}

static struct association *described(const struct world *world, const char *id)
{
    return association_copy(world->held->entries[strtoul(id + 2, NULL, 10) - 1]->association);
}

static void answer(struct world *world, struct call *call)
{
    switch (call->verb) {
    case CALL_CREATE_ASSOCIATION:
        call->out.association = created(&call->in.create);
        break;
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
        call->out.resource_version = mem_strdup("2");
        break;
    case CALL_GET_BINDING: /* the name's number is the index */
        call->out.binding =
            binding_copy(world->set->bindings[strtoul(call->in.object.name + 1, NULL, 10)]);
        break;
    case CALL_DESCRIBE_ASSOCIATION:
        call->out.association = described(world, call->in.association.id);
        break;
    case CALL_DELETE_ASSOCIATION:
    case CALL_TAG_ASSOCIATION:
    case CALL_WRITE_EVENT:
        break;
    default:
        world->counts->failed++;
        error_set(&call->error, ERROR_TRANSIENT, "the benchmark knows no such call");
    }
}

static void world_start(void *context, struct call *call)
{
    struct world *world = context;

    if (world->count == sizeof world->calls / sizeof *world->calls)
        abort(); /* more under way than the two windows hold */
    world->counts->calls[call->verb]++;
    answer(world, call);
    world->calls[(world->first + world->count++) % (2 * WINDOW)] = call;
}

static enum port_event world_next(void *context, int64_t deadline, struct call **ret_call,
                                  struct changes *ret_changes)
{
    struct world *world = context;

    (void)deadline;
    (void)ret_changes;
    if (world->count == 0)
        return PORT_GONE;
    *ret_call = world->calls[world->first];
    world->first = (world->first + 1) % (2 * WINDOW);
    world->count--;
    return PORT_CALL;
}

static void world_open_watch(void *context, const struct watch_request *request)
{
    (void)context;
    (void)request;
}

/* ---- the run ---- */

static void desire(const struct bench_set *set, struct desired *ret_desired)
{
    const struct desired_input input = {
        .bindings = (const struct binding *const *)set->bindings,
        .binding_count = set->binding_count,
        .accounts = (const struct service_account *const *)set->accounts,
        .account_count = set->account_count,
        .cluster = &set->cluster,
        .own_namespace = BENCH_OWN_NAMESPACE,
    };

    desired_build(&input, ret_desired);
}

/* Callgrind counts what happens inside (--toggle-collect). */
__attribute__((noinline)) static int bench_apply_run(const struct apply *apply)
{
    struct apply_result result;
    struct error err = {0};

    return apply_plan(apply, &result, &err);
}

void bench_apply(struct bench_set *set, struct bench_apply_counts *ret_counts)
{
    struct world world = {.set = set, .counts = ret_counts};
    const struct ports ports = {&world,       world_now,         world_wall,
                                world_random, world_lease_until, world_start,
                                world_next,   world_open_watch};
    const struct observe_settings settings = {.instance = "podbind", .window = WINDOW};
    const struct plan_context context = {
        .owner = set->cluster.owner, .now = NOW_MS, .absence_grace_ms = 300000};
    CLEANUP(intake_release) struct intake intake;
    CLEANUP(observe_release) struct observe observe;
    struct budget budget = {.allowed = SIZE_MAX, .allowed_until = INT64_MAX};
    CLEANUP(reports_release) struct reports reports = {0};
    CLEANUP(refusals_release) struct refusals refusals = {0};
    CLEANUP(roles_release) struct roles roles;
    CLEANUP(desired_release) struct desired desired = {0};
    CLEANUP(plan_release) struct plan plan = {0};
    struct fresh_list fresh = {0};
    struct outcome_context outcome = {.cluster = &observe.cluster,
                                      .mirror = &observe.mirror,
                                      .hold = "",
                                      .blind_reason = "",
                                      .blind_message = ""};
    const struct apply apply = {.intake = &intake,
                                .observe = &observe,
                                .budget = &budget,
                                .reports = &reports,
                                .refusals = &refusals,
                                .roles = &roles,
                                .desired = &desired,
                                .plan = &plan,
                                .context = &context,
                                .outcome = &outcome,
                                .fresh = &fresh,
                                .window = WINDOW};

    *ret_counts = (struct bench_apply_counts){0};
    intake_init(&intake, &ports);
    roles_init(&roles, &ports);
    roles.failures = 1; /* IAM is out of reach */
    roles.closed_until = INT64_MAX;
    observe_init(&observe, &settings, &intake, set->cluster.name);
    observe.cluster = set->cluster;
    observe.mirror = set->mirror;
    set->mirror = (struct mirror){0};
    world.held = &observe.mirror;
    desire(set, &desired);
    plan_make(&desired, &observe.mirror, &context, &plan);
    if (bench_apply_run(&apply) < 0)
        ret_counts->failed++;
}
