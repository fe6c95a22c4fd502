/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/sync.h"

#include <stdio.h>

#include "base/mem.h"
#include "controller/apply.h"

#define ORPHANS_NAMED 10

void sync_init(struct sync *sync, const struct sync_settings *settings, const struct ports *ports)
{
    *sync = (struct sync){.ports = ports,
                          .settings = settings,
                          .due = INT64_MAX,
                          .kube_backoff = {.base_ms = 500, .cap_ms = 15000}};
    intake_init(&sync->intake, ports);
    observe_init(&sync->observe, &settings->observe, &sync->intake, settings->cluster_name);
    budget_init(&sync->budget, &settings->budget);
    roles_init(&sync->roles, ports);
    sync->intake.aside = (struct intake_aside){.context = &sync->roles, .back = roles_back};
}

void sync_release(struct sync *sync)
{
    intake_release(&sync->intake);
    observe_release(&sync->observe);
    budget_release(&sync->budget);
    reports_release(&sync->reports);
    refusals_release(&sync->refusals);
    roles_release(&sync->roles);
}

static void build_desired(struct sync *sync, struct desired *ret_desired)
{
    const struct store *bindings = &sync->intake.informers[RESOURCE_BINDINGS].store;
    const struct store *accounts = &sync->intake.informers[RESOURCE_SERVICE_ACCOUNTS].store;
    const struct desired_input input = {
        .bindings = (const struct binding *const *)bindings->records,
        .binding_count = bindings->count,
        .accounts = (const struct service_account *const *)accounts->records,
        .account_count = accounts->count,
        .cluster = &sync->observe.cluster,
        .own_namespace = sync->settings->own_namespace,
    };

    desired_build(&input, ret_desired);
    for (size_t i = 0; i < ret_desired->claim_count; i++) /* W4 */
        ret_desired->claims[i].held =
            writes_pending(&sync->intake.writes, ret_desired->claims[i].binding->namespace,
                           ret_desired->claims[i].binding->name);
}

/* The annotation podbind.dev/reconcile-at has changed. */
static bool is_asked_for(const struct claim *claim, const struct fresh_list *fresh)
{
    const struct fresh_binding *changed =
        fresh_find(fresh, claim->binding->namespace, claim->binding->name);

    return changed && changed->recheck;
}

/* Describe what stands there, list what does not. */
static void recheck_keys(struct sync *sync, const struct desired *desired,
                         const struct fresh_list *fresh)
{
    for (size_t i = 0; i < desired->claim_count && fresh->count > 0; i++) {
        const struct claim *claim = &desired->claims[i];
        size_t asked = is_asked_for(claim, fresh) ? claim->want_count : 0;

        for (size_t j = 0; j < asked; j++) {
            struct mirror_entry *entry = mirror_entry(&sync->observe.mirror, &claim->wants[j].key);

            mirror_succeeded(entry); /* a person asks: no more waiting */
            mirror_uncontest(entry);
            entry->look = true;
            entry->recheck = true;
        }
    }
}

/* What it no longer wants, too. */
static void retry_deletes(const struct desired *desired, const struct plan *plan,
                          const struct fresh_list *fresh)
{
    for (size_t i = 0; i < desired->claim_count && fresh->count > 0; i++)
        if (is_asked_for(&desired->claims[i], fresh))
            plan_retry_deletes(plan, i);
}

/* Why nothing can be said of EKS; a wrong or unverified cluster tells by itself. */
static void explain_blindness(const struct observe *observe, struct outcome_context *outcome)
{
    const struct error *trouble = &observe->trouble;

    outcome->blind_reason = outcome->blind_message = "";
    if (trouble->kind == ERROR_NONE || observe->cluster.verdict == CLUSTER_WRONG ||
        (observe->cluster.verdict == CLUSTER_VERIFIED && observe->mirror.listed_at))
        return;
    outcome->blind_message = trouble->text;
    outcome->blind_reason = trouble->kind == ERROR_DENIED      ? "AccessDenied"
                            : trouble->kind == ERROR_THROTTLED ? "Throttled"
                                                               : "EKSUnavailable";
}

static void name_orphans(struct sync_facts *facts, const struct plan *plan)
{
    size_t named = 0, length = 0;

    facts->orphan_ids[0] = '\0';
    for (size_t i = 0; i < plan->count && named < ORPHANS_NAMED; i++) {
        int written;

        if (plan->steps[i].verb != PLAN_ORPHAN)
            continue;
        written = snprintf(facts->orphan_ids + length, sizeof facts->orphan_ids - length, "%s%s",
                           named++ ? " " : "", plan->steps[i].entry->association->id);
        length += written > 0 ? (size_t)written : 0;
        if (length >= sizeof facts->orphan_ids)
            return;
    }
}

/* What EKS holds is told of only where it was seen; else what was seen last stands. */
static void count(struct sync *sync, const struct desired *desired, const struct plan *plan)
{
    struct sync_facts *facts = &sync->facts;

    facts->passes++;
    facts->bindings = desired->claim_count;
    facts->wanted = desired->want_count;
    facts->ready = 0;
    for (size_t i = 0; i < desired->claim_count; i++)
        facts->ready +=
            desired->claims[i].binding->status.conditions[CONDITION_READY] == CONDITION_TRUE;
    if (!plan)
        return;
    facts->orphans = plan->orphans;
    name_orphans(facts, plan);
    facts->in_place = 0;
    for (size_t i = 0; i < plan->count; i++)
        facts->in_place += plan->steps[i].verb == PLAN_KEEP;
}

/* Writes that the API server refuses are not repeated in a storm; while it takes others, the next
 * pass is never far. */
static void pause_after(struct sync *sync, const struct apply_result *result)
{
    const struct ports *ports = sync->ports;
    const struct error *kube_error = &result->kube_error;
    int64_t wait;

    if (kube_error->kind == ERROR_NONE || result->kube_took)
        backoff_reset(&sync->kube_backoff);
    if (kube_error->kind == ERROR_NONE)
        return;
    sync->facts.trouble = *kube_error;
    wait = backoff_next(&sync->kube_backoff, ports->random(ports->world));
    if (wait < kube_error->retry_after_ms)
        wait = kube_error->retry_after_ms;
    sync->not_before = ports->now(ports->world) + wait;
    sync->again = true;
}

static int act(struct sync *sync, const struct desired *desired, struct plan *plan,
               const struct plan_context *context, const struct fresh_list *fresh,
               struct error *err)
{
    struct outcome_context outcome = {.cluster = &sync->observe.cluster,
                                      .mirror = &sync->observe.mirror,
                                      .mode = sync->settings->mode,
                                      .hold = sync->budget.why};
    struct apply apply = {
        .intake = &sync->intake,
        .observe = &sync->observe,
        .budget = &sync->budget,
        .reports = &sync->reports,
        .refusals = &sync->refusals,
        .roles = &sync->roles,
        .desired = desired,
        .plan = plan,
        .context = context,
        .outcome = &outcome,
        .fresh = fresh,
        .window = sync->settings->window,
    };
    struct apply_result result;

    explain_blindness(&sync->observe, &outcome);
    if (apply_plan(&apply, &result, err) < 0)
        return -1;
    sync->again = result.cut || result.wrote || sync->observe.cut;
    sync->due = plan && sync->budget.due < result.due ? sync->budget.due : result.due;
    sync->facts.writes = result.writes;
    sync->facts.refusal = result.refusal;
    sync->facts.refused = refusals_count(&sync->refusals);
    pause_after(sync, &result);
    return 0;
}

int sync_once(struct sync *sync, struct error *err)
{
    CLEANUP(fresh_release) struct fresh_list fresh = {0};
    CLEANUP(desired_release) struct desired desired = {0};
    CLEANUP(plan_release) struct plan plan = {0}; /* borrows from the desired set */
    struct plan_context context = {.owner = sync->observe.cluster.owner,
                                   .absence_grace_ms = sync->settings->absence_grace_ms,
                                   .mode = sync->settings->mode};
    bool sees_eks;

    intake_taken(&sync->intake, &fresh);
    sync->observe.cut = false;
    sees_eks = observe_cluster(&sync->observe, err) == 0;
    build_desired(sync, &desired);
    recheck_keys(sync, &desired, &fresh);
    if (sees_eks)
        sees_eks = observe_associations(&sync->observe, &desired, err) == 0;
    if (!sees_eks && err->kind == ERROR_GONE)
        return -1;
    sync->facts.trouble =
        sees_eks ? sync->observe.trouble : *err; /* the last List's, or why none */

    context.now = sync->ports->now(sync->ports->world);
    context.wall_us = sync->ports->wall(sync->ports->world);
    context.cluster_deleting = sync->observe.cluster.deleting;
    context.accounts_doubtful = intake_doubts(&sync->intake, RESOURCE_SERVICE_ACCOUNTS);
    if (sees_eks) {
        plan_make(&desired, &sync->observe.mirror, &context, &plan);
        retry_deletes(&desired, &plan, &fresh);
        if (budget_decide(&sync->budget, &sync->intake, &plan, &context, err) < 0)
            return -1;
    }
    count(sync, &desired, sees_eks ? &plan : NULL);
    return act(sync, &desired, sees_eks ? &plan : NULL, &context, &fresh, err);
}
