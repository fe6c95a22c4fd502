/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/mem.h"
#include "crds/pairs.h"

/* ---- one wanted key ---- */

static bool tags_differ(const struct claim *claim, const struct association *association,
                        const char *owner)
{
    CLEANUP(strbuf_release) struct strbuf wanted = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);

    desired_tags(claim, owner, &wanted);
    return strcmp(strbuf_text(&wanted), association->tags) != 0;
}

static bool may_adopt(const struct claim *claim, unsigned difference)
{
    switch (claim->binding->adoption) {
    case ADOPTION_ALWAYS:
        return true;
    case ADOPTION_SAME_ACCESS:
        return difference == 0;
    case ADOPTION_NEVER:
        break;
    }
    return false;
}

static enum plan_verb judge_verb(const struct plan_step *step, const char *owner)
{
    const struct mirror_entry *entry = step->entry;
    const struct association *association = entry ? entry->association : NULL;

    if (!association)
        return PLAN_CREATE;
    if (entry->deleted_at)
        return PLAN_WAIT;
    if (!association->described || entry->maybe_gone_at)
        return PLAN_UNKNOWN;
    if (association->owner_arn[0] != '\0')
        return PLAN_ADD_ON;
    if (!association_is_ours(association, owner) && !may_adopt(step->claim, step->fields))
        return PLAN_TAKEN;
    if (step->fields != 0 || step->tags)
        return PLAN_CHANGE;
    return entry->unshown ? PLAN_UNKNOWN : PLAN_KEEP;
}

struct plan_step plan_judge(struct want *want, struct mirror_entry *entry, const char *owner)
{
    struct plan_step step = {.want = want, .claim = want->claim, .entry = entry};

    if (entry && entry->association && entry->association->described) {
        step.fields = access_difference(&want->claim->access, &entry->association->access);
        step.tags = tags_differ(want->claim, entry->association, owner);
    }
    step.verb = judge_verb(&step, owner);
    return step;
}

/* ---- one key that nobody holds ---- */

/* Finds claims by the UID of their binding. Built when the first unwanted association needs it. */
struct uid_index {
    const struct desired *desired;
    struct claim **claims; /* sorted by UID; NULL: not built */
};

static int by_uid(const void *left, const void *right)
{
    const struct claim *a = *(struct claim *const *)left, *b = *(struct claim *const *)right;

    return strcmp(a->binding->uid, b->binding->uid);
}

static void build_index(struct uid_index *index)
{
    size_t count = index->desired->claim_count;

    index->claims = mem_array(count, sizeof *index->claims);
    for (size_t i = 0; i < count; i++)
        index->claims[i] = &index->desired->claims[i];
    qsort(index->claims, count, sizeof *index->claims, by_uid);
}

static struct claim *claim_of(struct uid_index *index, const struct association *association)
{
    size_t length, low = 0, high = index->desired->claim_count;
    const char *uid = pairs_get(association->tags, TAG_BINDING, &length);

    if (!uid)
        return NULL;
    if (!index->claims)
        build_index(index);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *other = index->claims[middle]->binding->uid;
        int order = strncmp(other, uid, length);

        if (order == 0 && other[length] != '\0')
            order = 1;
        if (order == 0)
            return index->claims[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* Does the spec ask for this key, be it refused or lost to another? */
static bool spec_names(const struct claim *claim, const struct association_key *key)
{
    for (size_t i = 0; i < claim->want_count; i++)
        if (strcmp(claim->wants[i].key.service_account, key->service_account) == 0)
            return true;
    return false;
}

static enum evidence evidence_against(const struct claim *claim, const struct association_key *key)
{
    const struct binding *binding = claim->binding;

    if (strcmp(binding->namespace, key->namespace) != 0)
        return EVIDENCE_NONE; /* a binding reaches the accounts beside it only */
    if (binding->deleting)
        return binding->has_finalizer && !binding->retain && !binding->abandon
                   ? EVIDENCE_BINDING_DELETED
                   : EVIDENCE_NONE;
    if (binding->suspend || binding->retain || claim->reason[0] != '\0')
        return EVIDENCE_NONE;
    if (spec_names(claim, key))
        return EVIDENCE_NONE;
    return binding->selector_count > 0 ? EVIDENCE_ACCOUNT_GONE : EVIDENCE_SPEC_MOVED;
}

/* Is it still that binding's? It may have been handed to another, or retained, unseen. */
static enum plan_verb once_settled(const struct mirror *mirror, struct mirror_entry *entry,
                                   enum plan_verb verb)
{
    entry->settle =
        !entry->deleted_at && !entry->maybe_gone_at && !mirror_is_settled(mirror, entry);
    return entry->settle ? PLAN_UNKNOWN : verb;
}

/* Its binding asks for it to stay and is about to go: then the tag alone says so. Not where a Delete
 * of ours may have taken it already. */
static bool goes_untagged(const struct claim *claim, const struct mirror_entry *entry)
{
    const struct binding *binding = claim->binding;

    return binding->deleting && binding->has_finalizer && binding->retain && !binding->abandon &&
           strcmp(binding->namespace, entry->key.namespace) == 0 && !entry->deleted_at &&
           !entry->maybe_gone_at;
}

static struct plan_step judge_unwanted(struct uid_index *index, const struct mirror *mirror,
                                       struct mirror_entry *entry,
                                       const struct plan_context *context)
{
    struct plan_step step = {.verb = PLAN_LEAVE, .entry = entry};
    const struct association *association;

    CANNOT_HAPPEN(!entry, "a key that nobody holds is there because the mirror has it");
    association = entry->association;
    if (!association || !association_is_ours(association, context->owner) ||
        pairs_has(association->tags, TAG_RETAIN, "true"))
        return step;
    step.claim = claim_of(index, association);
    if (!step.claim) {
        step.verb = PLAN_ORPHAN;
        return step;
    }
    if (goes_untagged(step.claim, entry)) {
        step.verb = once_settled(mirror, entry, PLAN_CHANGE);
        step.tags = step.retains = true;
        return step;
    }
    step.evidence = evidence_against(step.claim, &entry->key);
    if (step.evidence == EVIDENCE_ACCOUNT_GONE) {
        if (!entry->absent_since || context->accounts_doubtful)
            entry->absent_since = context->now;
    } else {
        entry->absent_since = 0;
    }
    if (step.evidence != EVIDENCE_NONE)
        step.verb = once_settled(mirror, entry, PLAN_DELETE);
    return step;
}

bool plan_retains(const struct plan_step *step, const struct plan_context *context)
{
    const struct association *association;

    if (!step->retains || step->claim->binding->suspend || context->mode == PLAN_OBSERVE)
        return false;
    association = step->entry->association;
    return association && !pairs_has(association->tags, TAG_RETAIN, "true");
}

bool plan_may_delete(const struct plan_step *step, const struct association *seen,
                     const char *owner)
{
    return strcmp(seen->id, step->entry->association->id) == 0 &&
           association_is_ours(seen, owner) && !pairs_has(seen->tags, TAG_RETAIN, "true") &&
           pairs_has(seen->tags, TAG_BINDING, step->claim->binding->uid);
}

/* ---- the whole set ---- */

static int smaller_head(const struct desired *desired, size_t d, const struct mirror *mirror,
                        size_t m)
{
    if (d == desired->held_count)
        return 1;
    if (m == mirror->count)
        return -1;
    return association_key_compare(&desired->held[d]->key, &mirror->entries[m]->key);
}

static void group_by_claim(const struct desired *desired, struct plan *plan)
{
    size_t *next;

    plan->claim_first = mem_array(desired->claim_count + 1, sizeof *plan->claim_first);
    plan->by_claim = mem_array(plan->count, sizeof *plan->by_claim);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].claim)
            plan->claim_first[plan->steps[i].claim - desired->claims + 1]++;
    for (size_t i = 0; i < desired->claim_count; i++)
        plan->claim_first[i + 1] += plan->claim_first[i];
    next = mem_dup(plan->claim_first, (desired->claim_count + 1) * sizeof *next);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].claim)
            plan->by_claim[next[plan->steps[i].claim - desired->claims]++] = &plan->steps[i];
    mem_free(next);
}

static bool is_unknown(const struct mirror *mirror, const struct mirror_entry *entry)
{
    if (entry->maybe_at)
        return true;
    if (!entry->association || entry->deleted_at)
        return false;
    return !entry->association->described ||
           ((entry->unsure_at || entry->maybe_gone_at) && !mirror_is_settled(mirror, entry));
}

/* Steps come in key order, so equal namespaces are neighbours. */
static void note_unknown(const struct mirror *mirror, struct plan *plan)
{
    size_t capacity = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const struct mirror_entry *entry = plan->steps[i].entry;
        const char *last = plan->unknown_count ? plan->unknown[plan->unknown_count - 1] : "";

        if (!entry || !is_unknown(mirror, entry) || strcmp(last, entry->key.namespace) == 0)
            continue;
        MEM_GROW(plan->unknown, plan->unknown_count, capacity);
        plan->unknown[plan->unknown_count++] = entry->key.namespace;
    }
}

/* Make before break: what a binding no longer names goes after all it names is in place. */
static void break_after_make(const struct desired *desired, struct plan *plan)
{
    for (size_t i = 0; i < desired->claim_count; i++) {
        size_t in_place = 0;

        for (size_t s = plan->claim_first[i]; s < plan->claim_first[i + 1]; s++)
            in_place += plan->by_claim[s]->verb == PLAN_KEEP;
        for (size_t s = plan->claim_first[i]; s < plan->claim_first[i + 1]; s++) {
            struct plan_step *step = plan->by_claim[s];

            if (step->evidence == EVIDENCE_SPEC_MOVED && in_place < desired->claims[i].want_count)
                step->verb = PLAN_LEAVE;
        }
    }
}

/* An edit begins anew. */
static void note_contest(struct mirror_entry *entry, const struct claim *claim,
                         const struct plan_context *context)
{
    if (!contest_is_of(entry->contest, claim->binding->uid, claim->binding->generation))
        mirror_uncontest(entry);
    else
        contest_tell(entry->contest, context->now, context->wall_us);
}

static void note_claim(const struct plan_step *step)
{
    if (step->entry && step->claim)
        mirror_claimed(step->entry, step->claim->binding->uid, step->claim->binding->generation);
}

void plan_make(const struct desired *desired, struct mirror *mirror,
               const struct plan_context *context, struct plan *ret_plan)
{
    struct uid_index index = {.desired = desired};
    struct plan plan = {0};
    size_t d = 0, m = 0;

    plan.steps = mem_array(desired->held_count + mirror->count, sizeof *plan.steps);
    while (d < desired->held_count || m < mirror->count) {
        int head = smaller_head(desired, d, mirror, m);
        struct want *want = head <= 0 ? desired->held[d++] : NULL;
        struct mirror_entry *entry = head >= 0 ? mirror->entries[m++] : NULL;

        if (want && entry)
            entry->absent_since = 0;
        if (want && entry && entry->contest)
            note_contest(entry, want->claim, context);
        plan.steps[plan.count++] = want ? plan_judge(want, entry, context->owner)
                                        : judge_unwanted(&index, mirror, entry, context);
        plan.orphans += plan.steps[plan.count - 1].verb == PLAN_ORPHAN;
        note_claim(&plan.steps[plan.count - 1]);
    }
    group_by_claim(desired, &plan);
    break_after_make(desired, &plan);
    note_unknown(mirror, &plan);
    mem_free(index.claims);
    *ret_plan = plan;
}

void plan_retry_deletes(const struct plan *plan, size_t claim)
{
    for (size_t i = plan->claim_first[claim]; i < plan->claim_first[claim + 1]; i++)
        if (plan->by_claim[i]->verb == PLAN_DELETE)
            mirror_succeeded(plan->by_claim[i]->entry);
}

void plan_release(struct plan *plan)
{
    mem_free(plan->steps);
    mem_free(plan->by_claim);
    mem_free(plan->claim_first);
    mem_free(plan->unknown);
    *plan = (struct plan){0};
}

/* ---- may it happen now? ---- */

static bool has_work(const struct plan_step *step, const struct plan_context *context)
{
    if (context->cluster_deleting)
        return false;
    switch (step->verb) {
    case PLAN_CREATE:
    case PLAN_CHANGE:
        return !step->claim->binding->suspend && context->mode != PLAN_OBSERVE;
    case PLAN_DELETE:
        CANNOT_HAPPEN(!step->entry, "what is to be deleted stands in the mirror");
        return !step->entry->deleted_at && context->mode == PLAN_SYNC;
    case PLAN_KEEP:
    case PLAN_UNKNOWN:
    case PLAN_WAIT:
    case PLAN_ADD_ON:
    case PLAN_TAKEN:
    case PLAN_ORPHAN:
    case PLAN_LEAVE:
        break;
    }
    return false;
}

static int64_t grace_ends(const struct plan_step *step, const struct plan_context *context)
{
    if (step->evidence != EVIDENCE_ACCOUNT_GONE)
        return 0;
    CANNOT_HAPPEN(!step->entry, "evidence is about what stands in the mirror");
    return step->entry->absent_since + context->absence_grace_ms;
}

bool plan_deletes(const struct plan_step *step, const struct plan_context *context)
{
    return step->verb == PLAN_DELETE && has_work(step, context) &&
           grace_ends(step, context) <= context->now;
}

int64_t plan_due(const struct plan_step *step, const struct plan_context *context)
{
    const struct mirror_trouble *trouble;
    int64_t due;

    if (!has_work(step, context))
        return INT64_MAX;
    due = grace_ends(step, context);
    if (step->want && step->entry && step->entry->contest && step->entry->contest->retry_at > due)
        due = step->entry->contest->retry_at;
    trouble = mirror_trouble(step->entry, step->claim->binding->generation);
    return trouble && trouble->retry_at > due ? trouble->retry_at : due;
}

bool plan_may_act(const struct plan_step *step, const struct plan_context *context)
{
    return step->claim && !step->claim->held && !step->held &&
           !(step->entry && step->entry->look) && plan_due(step, context) <= context->now;
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

bool plan_has_unknown(const struct plan *plan, const char *namespace)
{
    return plan->unknown_count > 0 && bsearch(&namespace, plan->unknown, plan->unknown_count,
                                              sizeof *plan->unknown, compare_names) != NULL;
}
