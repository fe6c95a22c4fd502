/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "controller/apply_run.h"
#include "crds/pairs.h"

static bool still_stands(const struct plan_step *step, int64_t now)
{
    const struct mirror_entry *entry = step->entry;

    if (step->evidence != EVIDENCE_BINDING_DELETED || !entry->association)
        return false;
    return !entry->deleted_at || now < entry->deleted_at + MIRROR_SETTLE_MS;
}

/* A retained association is told by its tag alone once its binding is gone. Where somebody has to
 * mend first what keeps it from being written, or `suspend` forbids it, it is not waited for. */
bool run_awaits_tag(const struct run *run, const struct plan_step *step)
{
    const struct mirror_trouble *trouble;

    if (!plan_retains(step, run->apply->context))
        return false;
    trouble = mirror_trouble(step->entry, step->claim->binding->generation);
    return !(trouble && outcome_trouble_lasts(trouble->kind));
}

/* ---- keys that others take over ---- */

/* Is it about to be another's, or about to go? A hand-over that somebody has to mend first, or that
 * `suspend` forbids, is not waited for. */
static bool is_passing(const struct plan_step *step, const struct plan_context *context)
{
    const struct mirror_entry *entry = step->entry;

    if (step->verb == PLAN_WAIT)
        return context->now < entry->deleted_at + MIRROR_SETTLE_MS;
    return step->verb == PLAN_CHANGE &&
           !(entry->trouble && outcome_trouble_lasts(entry->trouble->kind)) &&
           plan_due(step, context) != INT64_MAX;
}

static int by_uid(const void *left, const void *right)
{
    return strcmp(((const struct handover *)left)->uid, ((const struct handover *)right)->uid);
}

static void note_handover(struct run *run, const struct plan_step *step, size_t *capacity)
{
    struct handover handover = {.namespace = step->want->key.namespace};
    size_t length;
    const char *uid = pairs_get(step->entry->association->tags, TAG_BINDING, &length);

    if (!uid || length >= sizeof handover.uid)
        return; /* not the UID of any binding */
    memcpy(handover.uid, uid, length);
    MEM_GROW(run->handovers, run->handover_count, *capacity);
    run->handovers[run->handover_count++] = handover;
}

/* Once a run, so that thousands of bindings that go need not each look through the plan. */
static void find_handovers(struct run *run)
{
    const struct plan *plan = run->apply->plan;
    size_t capacity = 0;

    run->handovers_found = true;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].want && is_passing(&plan->steps[i], run->apply->context))
            note_handover(run, &plan->steps[i], &capacity);
    if (run->handover_count > 0)
        qsort(run->handovers, run->handover_count, sizeof *run->handovers, by_uid);
}

static size_t first_handover(const struct run *run, const char *uid)
{
    size_t low = 0, high = run->handover_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(run->handovers[middle].uid, uid) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What was made for this binding stands under a key that another one holds now: until its tag says
 * so, or it is gone, only this binding answers for it. */
static bool is_handing_over(struct run *run, const struct binding *binding)
{
    if (!run->handovers_found)
        find_handovers(run);
    for (size_t i = first_handover(run, binding->uid);
         i < run->handover_count && strcmp(run->handovers[i].uid, binding->uid) == 0; i++)
        if (strcmp(run->handovers[i].namespace, binding->namespace) == 0)
            return true;
    return false;
}

/* ---- keys that nobody may know of ---- */

static bool is_settled(const struct mirror *mirror, const struct mirror_entry *entry)
{
    return !entry->association || entry->deleted_at || mirror_is_settled(mirror, entry);
}

/* Was every association of the namespace described since whoever led before us can have written?
 * Asks for a Describe of each that was not. */
static bool settle_all(const struct mirror *mirror, const char *namespace)
{
    const struct association_key first = {.namespace = namespace, .service_account = ""};
    bool settled = true;

    for (size_t i = mirror_position(mirror, &first); i < mirror->count; i++) {
        struct mirror_entry *entry = mirror->entries[i];

        if (strcmp(entry->key.namespace, namespace) != 0)
            break;
        if (is_settled(mirror, entry))
            continue;
        entry->settle = true;
        settled = false;
    }
    return settled;
}

/* Bindings come namespace by namespace: one answer is kept. */
static bool all_is_settled(struct run *run, const struct mirror *mirror, const char *namespace)
{
    if (!run->settle_namespace || strcmp(run->settle_namespace, namespace) != 0) {
        run->settle_namespace = namespace;
        run->settled = settle_all(mirror, namespace);
    }
    return run->settled;
}

static const struct mirror_entry *find_unreadable(const struct mirror *mirror,
                                                  const char *namespace)
{
    const struct association_key first = {.namespace = namespace, .service_account = ""};

    for (size_t i = mirror_position(mirror, &first);
         i < mirror->count && strcmp(mirror->entries[i]->key.namespace, namespace) == 0; i++) {
        const struct mirror_entry *entry = mirror->entries[i];

        if (entry->association && !entry->association->described && entry->trouble &&
            outcome_trouble_lasts(entry->trouble->kind))
            return entry;
    }
    return NULL;
}

/* Bindings come namespace by namespace: one answer is kept. */
const struct mirror_entry *run_unreadable(struct run *run, const char *namespace)
{
    const struct plan *plan = run->apply->plan;

    if (!plan || !plan_has_unknown(plan, namespace))
        return NULL;
    if (!run->unread_namespace || strcmp(run->unread_namespace, namespace) != 0) {
        run->unread_namespace = namespace;
        run->unreadable = find_unreadable(&run->apply->observe->mirror, namespace);
    }
    return run->unreadable;
}

/* Can nothing of it be left that we don't know of? */
static bool is_known_whole(struct run *run, const struct binding *binding)
{
    const struct mirror *mirror = &run->apply->observe->mirror;

    if (plan_has_unknown(run->apply->plan, binding->namespace))
        return false;
    return mirror_is_newcomer(mirror, binding->uid) ||
           (mirror_is_whole(mirror) && all_is_settled(run, mirror, binding->namespace));
}

bool run_may_let_go(struct run *run, const struct job *job)
{
    int64_t now = run->ports->now(run->ports->world);

    for (size_t i = 0; i < job->step_count; i++)
        if (still_stands(job->steps[i], now) || run_awaits_tag(run, job->steps[i]))
            return false;
    return !is_handing_over(run, job->claim->binding) && is_known_whole(run, job->claim->binding);
}
