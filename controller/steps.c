/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "controller/steps_trouble.h"
#include "reconcile/tag_change.h"

void step_memory_release(struct step_memory *memory)
{
    strbuf_release(&memory->arn);
    strbuf_release(&memory->tags);
}

static int64_t now_of(const struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return ports->now(ports->world);
}

/* ---- what goes out ---- */

/* A random UUID (version 4). A Create keeps its token in the entry, so that a repeat is the same
 * logical create (rule C3). */
static void write_token(const uint64_t random[2], char ret_token[37])
{
    uint64_t high = (random[0] & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    uint64_t low = (random[1] & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);

    snprintf(ret_token, 37, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
             low & UINT64_C(0xffffffffffff));
}

static void draw_token(const struct observe *observe, uint64_t ret_random[2])
{
    const struct ports *ports = observe->intake->ports;

    ret_random[0] = ports->random(ports->world);
    ret_random[1] = ports->random(ports->world) | 1; /* zero means none */
}

/* Changes with all that a Create for this claim asks for. */
static uint64_t hash_claim(const struct claim *claim)
{
    return hash_text(HASH_BEGINNING ^ (uint64_t)claim->binding->generation, claim->binding->uid);
}

static void prepare_create(struct observe *observe, struct plan_step *step,
                           struct step_memory *memory, struct call *call)
{
    struct mirror_entry *entry = step->entry;
    uint64_t wish = hash_claim(step->claim);

    mirror_creating(entry, wish);
    if (!entry->create->token[1])
        draw_token(observe, entry->create->token);
    write_token(entry->create->token, memory->token);
    desired_tags(step->claim, observe->cluster.owner, &memory->tags);
    call->verb = CALL_CREATE_ASSOCIATION;
    call->in.create = (struct create_in){.key = step->want->key,
                                         .access = step->claim->access,
                                         .tags = strbuf_text(&memory->tags),
                                         .token = memory->token};
}

static void prepare_update(struct observe *observe, struct plan_step *step,
                           struct step_memory *memory, struct call *call)
{
    uint64_t random[2];

    draw_token(observe, random);
    write_token(random, memory->token);
    call->verb = CALL_UPDATE_ASSOCIATION;
    call->in.association = (struct association_in){.id = step->entry->association->id,
                                                   .access = step->claim->access,
                                                   .fields = step->fields,
                                                   .token = memory->token};
}

static bool has_missing(const char *there, const char *wanted)
{
    CLEANUP(strbuf_release) struct strbuf missing = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);

    tag_change_missing(there, wanted, &missing);
    return missing.length > 0;
}

static bool has_extra(const char *there, const char *wanted)
{
    CLEANUP(strbuf_release) struct strbuf extra = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);

    tag_change_extra(there, wanted, &extra);
    return extra.length > 0;
}

/* TagResource refuses an empty set, so begin with the call that has something to do. */
static enum step_call tag_call(const struct observe *observe, const struct plan_step *step)
{
    CLEANUP(strbuf_release) struct strbuf wanted = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);
    const char *there = step->entry->association->tags;

    desired_tags(step->claim, observe->cluster.owner, &wanted);
    if (has_missing(there, strbuf_text(&wanted)))
        return STEP_TAG;
    return has_extra(there, strbuf_text(&wanted)) ? STEP_UNTAG : STEP_NONE;
}

/* Tag: what is wanted and not so. Untag: what is there and not wanted. */
static void prepare_tags(struct observe *observe, struct plan_step *step, enum step_call which,
                         struct step_memory *memory, struct call *call)
{
    CLEANUP(strbuf_release) struct strbuf wanted = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);
    const struct association *association = step->entry->association;

    desired_tags(step->claim, observe->cluster.owner, &wanted);
    if (which == STEP_TAG)
        tag_change_missing(association->tags, strbuf_text(&wanted), &memory->tags);
    else
        tag_change_extra(association->tags, strbuf_text(&wanted), &memory->tags);
    call->verb = which == STEP_TAG ? CALL_TAG_ASSOCIATION : CALL_UNTAG_ASSOCIATION;
    cluster_association_arn(&observe->cluster, association->id, &memory->arn);
    call->in.association = (struct association_in){.id = association->id,
                                                   .arn = strbuf_text(&memory->arn),
                                                   .tags = strbuf_text(&memory->tags)};
}

enum step_call step_first(const struct observe *observe, const struct plan_step *step)
{
    switch (step->verb) {
    case PLAN_CREATE:
        return STEP_CREATE;
    case PLAN_CHANGE:
        return step->fields ? STEP_UPDATE : tag_call(observe, step);
    case PLAN_DELETE:
        return STEP_EVIDENCE;
    case PLAN_KEEP:
    case PLAN_UNKNOWN:
    case PLAN_WAIT:
    case PLAN_ADD_ON:
    case PLAN_TAKEN:
    case PLAN_ORPHAN:
    case PLAN_LEAVE:
        break;
    }
    return STEP_NONE;
}

static void prepare_evidence(const struct plan_step *step, bool account, struct call *call)
{
    call->verb = account ? CALL_GET_SERVICE_ACCOUNT : CALL_GET_BINDING;
    call->in.object = (struct object_in){.namespace = step->claim->binding->namespace,
                                         .name = account ? step->entry->key.service_account
                                                         : step->claim->binding->name};
}

void step_prepare(struct observe *observe, struct plan_step *step, enum step_call which,
                  struct step_memory *memory, struct call *ret_call)
{
    memory->tags.cap = ASSOCIATION_TAGS_CAP;
    ret_call->cluster = observe->cluster.name;
    if (!step->entry)
        step->entry = mirror_entry(&observe->mirror, &step->want->key);
    switch (which) {
    case STEP_CREATE:
        prepare_create(observe, step, memory, ret_call);
        break;
    case STEP_UPDATE:
        prepare_update(observe, step, memory, ret_call);
        break;
    case STEP_TAG:
    case STEP_UNTAG:
        prepare_tags(observe, step, which, memory, ret_call);
        break;
    case STEP_EVIDENCE:
    case STEP_ACCOUNT:
        prepare_evidence(step, which == STEP_ACCOUNT, ret_call);
        break;
    case STEP_DESCRIBE:
    case STEP_DELETE:
        ret_call->verb = which == STEP_DELETE ? CALL_DELETE_ASSOCIATION : CALL_DESCRIBE_ASSOCIATION;
        ret_call->in.association = (struct association_in){.id = step->entry->association->id};
        break;
    case STEP_NONE:
        break;
    }
}

/* ---- what comes back ---- */

static enum step_call create_done(struct observe *observe, struct plan_step *step,
                                  struct call *call)
{
    struct mirror_entry *entry = step->entry;

    if (call->error.kind == ERROR_NONE) {
        mirror_created(entry, call->out.association, now_of(observe));
        call->out.association = NULL;
        return STEP_NONE;
    }
    steps_fail(observe, step, call);
    if (call->error.kind == ERROR_UNKNOWN) { /* C4: it may exist */
        entry->maybe_at = now_of(observe);
        entry->look = true;
    } else if (call->error.kind == ERROR_CONFLICT) { /* C2: something stands there */
        /* The first look comes at once, the repeats with the backoff. */
        if (entry->trouble->failures == 1)
            entry->trouble->retry_at = now_of(observe);
        entry->look = true;
        mirror_not_creating(entry);
    }
    return STEP_NONE;
}

/* The change may have been made: describe it now, and once more when all writes show. One that is
 * refused as it is may start from what is not so any more. */
static void doubt(const struct observe *observe, struct plan_step *step, const struct call *call)
{
    step->entry->recheck |= call->error.kind == ERROR_UNKNOWN || call->error.kind == ERROR_INVALID;
    if (call->error.kind == ERROR_UNKNOWN)
        step->entry->unsure_at = now_of(observe);
}

static enum step_call update_done(struct observe *observe, struct plan_step *step,
                                  struct call *call)
{
    if (call->error.kind == ERROR_NONE) {
        mirror_updated(step->entry, call->out.association, now_of(observe));
        call->out.association = NULL;
        return step->tags ? tag_call(observe, step) : STEP_NONE;
    }
    if (steps_vanished(call) && mirror_refused(step->entry, now_of(observe))) {
        observe->surprised = true;
        return STEP_NONE;
    }
    steps_fail(observe, step, call);
    doubt(observe, step, call);
    step->entry->unshown |= call->error.kind == ERROR_UNKNOWN;
    return STEP_NONE;
}

/* The mirror learns of each call by itself: the chain may be cut after it. */
static void note_tagged(const struct observe *observe, struct mirror_entry *entry,
                        const char *wanted)
{
    CLEANUP(strbuf_release) struct strbuf tags = STRBUF_CAPPED(2 * ASSOCIATION_TAGS_CAP);

    tag_change_set(entry->association->tags, wanted, &tags);
    mirror_retagged(entry, strbuf_text(&tags), mirror_is_settled(&observe->mirror, entry),
                    now_of(observe));
}

static enum step_call tags_done(struct observe *observe, struct plan_step *step,
                                enum step_call which, struct call *call)
{
    CLEANUP(strbuf_release) struct strbuf wanted = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);

    if (steps_vanished(call) && mirror_refused(step->entry, now_of(observe))) {
        observe->surprised = true;
        return STEP_NONE;
    }
    if (call->error.kind != ERROR_NONE) {
        steps_fail(observe, step, call);
        doubt(observe, step, call);
        return STEP_NONE;
    }
    desired_tags(step->claim, observe->cluster.owner, &wanted);
    if (which == STEP_TAG) {
        note_tagged(observe, step->entry, strbuf_text(&wanted));
        return has_extra(step->entry->association->tags, strbuf_text(&wanted)) ? STEP_UNTAG
                                                                               : STEP_NONE;
    }
    mirror_retagged(step->entry, strbuf_text(&wanted),
                    mirror_is_settled(&observe->mirror, step->entry), now_of(observe));
    return STEP_NONE;
}

/* Does the live binding still say what we saw in the store? (D2) */
static bool binding_holds(const struct plan_step *step, const struct binding *live)
{
    const struct binding *seen = step->claim->binding;

    if (!live || strcmp(live->uid, seen->uid) != 0)
        return false;
    if (step->evidence == EVIDENCE_BINDING_DELETED)
        return live->deleting && live->has_finalizer && !live->retain && !live->abandon;
    return !live->deleting && live->generation == seen->generation;
}

static bool account_holds(const struct plan_step *step, const struct call *call)
{
    const struct binding *seen = step->claim->binding;

    return call->error.kind == ERROR_NOT_FOUND ||
           (call->out.service_account && !selector_matches(seen->selector, seen->selector_count,
                                                           call->out.service_account->labels));
}

static enum step_call evidence_done(struct observe *observe, struct plan_step *step,
                                    enum step_call which, struct call *call)
{
    if (which == STEP_ACCOUNT ? account_holds(step, call) : binding_holds(step, call->out.binding))
        return which == STEP_EVIDENCE && step->evidence == EVIDENCE_ACCOUNT_GONE ? STEP_ACCOUNT
                                                                                 : STEP_DESCRIBE;
    if (call->error.kind != ERROR_NONE && call->error.kind != ERROR_NOT_FOUND)
        steps_fail(observe, step, call);
    return STEP_NONE; /* the store will show what has changed */
}

/* Returns false where our own write lies over what was read: that may be older. */
static bool take_description(struct observe *observe, struct plan_step *step, struct call *call)
{
    struct mirror_entry *entry = step->entry;
    bool expected = entry->maybe_gone_at != 0, gone;

    if (steps_vanished(call)) {
        gone = mirror_vanished(entry, now_of(observe));
        observe->surprised |= gone && !expected;
        return gone;
    }
    mirror_described(entry, call->out.association, now_of(observe));
    call->out.association = NULL;
    return !plan_may_delete(step, entry->association, observe->cluster.owner);
}

/* At the end of the settling time reads count again. */
static void wait_for_reads(struct observe *observe, struct plan_step *step)
{
    const struct error older = {
        .text = "EKS does not show yet what was written last: it is looked at again before the "
                "association is deleted"};
    int64_t settled = step->entry->written_at + MIRROR_SETTLE_MS;

    steps_wait(observe, step, TROUBLE_GHOST, &older);
    if (step->entry->trouble->retry_at > settled)
        step->entry->trouble->retry_at = settled;
}

/* Anything but what the plan went by is for the next pass to judge. */
static enum step_call describe_done(struct observe *observe, struct plan_step *step,
                                    struct call *call)
{
    bool right, taken;

    if (call->error.kind != ERROR_NONE && !steps_vanished(call)) {
        steps_fail(observe, step, call);
        return STEP_NONE;
    }
    right = call->error.kind == ERROR_NONE &&
            plan_may_delete(step, call->out.association, observe->cluster.owner);
    taken = take_description(observe, step, call);
    if (right)
        return STEP_DELETE;
    if (taken) {
        mirror_succeeded(step->entry); /* what failed, failed for another state of the key */
        observe->intake->news = true;
    } else {
        wait_for_reads(observe, step);
    }
    return STEP_NONE;
}

static enum step_call delete_done(struct observe *observe, struct plan_step *step,
                                  struct call *call)
{
    int64_t now = now_of(observe);

    if (call->error.kind == ERROR_NONE ||
        (steps_vanished(call) &&
         (step->entry->maybe_gone_at || !mirror_may_lag(step->entry, now)))) {
        mirror_deleted(step->entry, now); /* maybe by a call before, or by hand */
    } else {
        steps_fail(observe, step, call);
        if (call->error.kind == ERROR_UNKNOWN) {
            step->entry->recheck = true;
            step->entry->maybe_gone_at = now;
        }
    }
    return STEP_NONE;
}

enum step_call step_done(struct observe *observe, struct plan_step *step, enum step_call which,
                         struct call *call)
{
    switch (which) {
    case STEP_CREATE:
        return create_done(observe, step, call);
    case STEP_UPDATE:
        return update_done(observe, step, call);
    case STEP_TAG:
    case STEP_UNTAG:
        return tags_done(observe, step, which, call);
    case STEP_EVIDENCE:
    case STEP_ACCOUNT:
        return evidence_done(observe, step, which, call);
    case STEP_DESCRIBE:
        return describe_done(observe, step, call);
    case STEP_DELETE:
        return delete_done(observe, step, call);
    case STEP_NONE:
        break;
    }
    return STEP_NONE;
}
