/* SPDX-License-Identifier: Apache-2.0 */
/* How many calls: no storms, and the deletion budget over all lives and replicas of the operator. */
#include <stdlib.h>
#include <string.h>

#include "reconcile/guard.h"
#include "tests/sim/invariant.h"
#include "tests/sim/replica.h"

/* What people let through may be used this long after it was taken off their number. */
#define RELEASE_LASTS_MS (GUARD_WINDOW_MS + GUARD_USE_MS)
/* One that was sent in time may take effect that much later. */
#define LATE_MS 26000
/* There are five roles, and people name and mend them all the time. */
#define ROLES_A_MINUTE 30

/* ---- the deletion budget (rule D3) ---- */

static void log_at(struct budget_log *log, int64_t at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        log->at[log->next % BUDGET_LOG] = at;
        log->next++;
    }
}

static size_t since(const struct budget_log *log, int64_t then)
{
    size_t first = log->next > BUDGET_LOG ? log->next - BUDGET_LOG : 0, count = 0;

    for (size_t i = first; i < log->next; i++)
        count += log->at[i % BUDGET_LOG] > then;
    return count;
}

/* With the definition all bindings go, and that is nobody's wish for what they had made to go. */
static void check_definition(struct world *world, size_t released)
{
    const struct kube_world *kube = &world->kube;

    if (kube->definition != DEFINITION_INSTALLED && released == 0 &&
        kube->ending_at + GUARD_USE_MS + LATE_MS < world->now)
        world_fail(world, "budget", "a Delete, and the definition has been going for %d s",
                   (int)((world->now - kube->ending_at) / 1000));
}

void invariant_budget(struct world *world)
{
    size_t released = since(&world->let_through, world->now - RELEASE_LASTS_MS);
    size_t allowed = DELETION_FLOOR + released;

    check_definition(world, released);

    log_at(&world->deletions, world->now, 1);
    if (released > 0)
        world->tally->sometimes[SOMETIMES_RELEASED]++;
    if (since(&world->deletions, world->now - GUARD_WINDOW_MS + LATE_MS) > allowed)
        world_fail(world, "budget", "more than %zu Deletes in ten minutes", allowed);
}

void invariant_let_through(struct world *world, const char *before, const char *after)
{
    long was = before ? strtol(before, NULL, 10) : 0, is = after ? strtol(after, NULL, 10) : 0;

    if (was > is)
        log_at(&world->let_through, world->now, (size_t)(was - is));
}

/* ---- storms ---- */

static void check_rate(struct world *world, struct recent *recent, size_t most, const char *what)
{
    size_t before = (recent->next + RECENT_MAX - most) % RECENT_MAX;

    if (recent->at[before] > 0 && recent->at[before] + 60000 > world->now)
        world_fail(world, "storm", "more than %zu %s in a minute", most, what);
    recent->at[recent->next] = world->now;
    recent->next = (recent->next + 1) % RECENT_MAX;
}

static void note_fought(struct world *world, const struct call *call)
{
    const struct model_association *one;

    if (call->verb == CALL_CREATE_ASSOCIATION) {
        fight_check(world, call->in.create.key.namespace, call->in.create.key.service_account);
        return;
    }
    one = world_association(world, call->in.association.id);
    if (one)
        fight_check(world, one->namespace, one->service_account);
}

/* ---- Retry-After (rule W6) ---- */

void invariant_asked(struct replica *replica, const struct call *call, int64_t retry_after_ms)
{
    if (call_is_eks(call->verb) && replica->asked_count < ASKED_MOST)
        replica->asked[replica->asked_count++] = (struct asked){call, retry_after_ms, false};
}

void invariant_no_cluster(struct replica *replica, const struct call *call)
{
    if (replica->asked_count < ASKED_MOST)
        replica->asked[replica->asked_count++] = (struct asked){call, 0, true};
}

void invariant_told(struct replica *replica, const struct call *call)
{
    int64_t *held_until = &replica->held_until[call_writes(call->verb)];

    for (size_t i = 0; i < replica->asked_count; i++) {
        struct asked *asked = &replica->asked[i];

        if (asked->call != call)
            continue;
        if (asked->no_cluster)
            replica->cluster_read = false; /* to be checked again before any write */
        if (*held_until < replica->world->now + asked->retry_after_ms)
            *held_until = replica->world->now + asked->retry_after_ms;
        *asked = replica->asked[--replica->asked_count];
        return;
    }
}

static void check_held(const struct replica *replica, const struct call *call)
{
    int64_t left = replica->held_until[call_writes(call->verb)] - replica->world->now;

    if (call_is_eks(call->verb) && left > 0)
        world_fail(replica->world, "throttle", "%s, and EKS has asked to wait for %d ms more",
                   call_name(call->verb), (int)left);
}

/* However many name it, and whatever IAM says. */
static void check_role(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;

    for (const struct errand *errand = world->errands; errand; errand = errand->next)
        if (errand->replica == replica && errand->work.verb == CALL_READ_ROLE &&
            strcmp(errand->work.in.role.name, call->in.role.name) == 0)
            world_fail(world, "storm", "GetRole %s is under way already", call->in.role.name);
    check_rate(world, &replica->place->roles, ROLES_A_MINUTE, "GetRoles");
}

void invariant_rate(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    struct place *place = replica->place;

    check_held(replica, call);
    if (call->verb == CALL_LIST_ASSOCIATIONS && call->in.list.key.namespace[0] == '\0' &&
        call->in.list.next_token[0] == '\0')
        check_rate(world, &place->lists, 24, "whole Lists");
    else if (call->verb == CALL_DESCRIBE_CLUSTER && strcmp(call->cluster, CLUSTER_NAME) == 0)
        check_rate(world, &place->checks, 40, "checks of the cluster");
    else if (call->verb == CALL_READ_ROLE)
        check_role(replica, call);
    if (call_is_eks(call->verb) && call_writes(call->verb))
        note_fought(world, call);
    if (call_is_eks(call->verb) && call_writes(call->verb))
        check_rate(world, &place->mutations, 400, "writes to EKS");
}
