/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench_core.h"

#include "base/mem.h"
#include "reconcile/outcome.h"

static void count_steps(const struct plan *plan, struct bench_core_counts *counts)
{
    for (size_t i = 0; i < plan->count; i++) {
        enum plan_verb verb = plan->steps[i].verb;

        counts->kept += verb == PLAN_KEEP;
        counts->created += verb == PLAN_CREATE;
        counts->changed += verb == PLAN_CHANGE;
        counts->deleted += verb == PLAN_DELETE;
    }
    counts->steps = plan->count;
}

__attribute__((noinline)) void bench_core_pass(struct bench_set *set,
                                               struct bench_core_counts *ret_counts)
{
    const struct desired_input input = {
        .bindings = (const struct binding *const *)set->bindings,
        .binding_count = set->binding_count,
        .accounts = (const struct service_account *const *)set->accounts,
        .account_count = set->account_count,
        .cluster = &set->cluster,
        .own_namespace = BENCH_OWN_NAMESPACE,
    };
    const struct plan_context context = {
        .owner = set->cluster.owner, .now = 3600000, .absence_grace_ms = 300000};
    const struct outcome_context about = {.cluster = &set->cluster,
                                          .mirror = &set->mirror,
                                          .now = 3600000,
                                          .wall_us = (int64_t)1763836800 * 1000000,
                                          .hold = "",
                                          .blind_reason = "",
                                          .blind_message = ""};
    CLEANUP(desired_release) struct desired desired = {0};
    CLEANUP(plan_release) struct plan plan = {0};

    *ret_counts = (struct bench_core_counts){0};
    desired_build(&input, &desired);
    plan_make(&desired, &set->mirror, &context, &plan);
    for (size_t i = 0; i < desired.claim_count; i++) {
        struct outcome outcome;

        outcome_make(&desired.claims[i], &about, &outcome);
        ret_counts->ready += outcome.ready;
        outcome_release(&outcome);
    }
    ret_counts->wants = desired.want_count;
    count_steps(&plan, ret_counts);
}
