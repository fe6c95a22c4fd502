/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/outcome.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "reconcile/blocker.h"

#define MESSAGE_CAP 1024
#define TRUST_MESSAGE_CAP 2048
#define SECOND_US 1000000

/* How one wanted key stands. */
struct key_standing {
    const char *state;  /* for its row in status */
    const char *reason; /* "" when it is in place */
    bool accepted;
    bool in_place;
    bool unread;                           /* EKS lists it, and its content is about to be read */
    const struct association *association; /* NULL: none known */
};

static struct key_standing step_standing(const struct plan_step *step,
                                         const struct outcome_context *context)
{
    switch (step->verb) {
    case PLAN_KEEP:
        return (struct key_standing){.state = "Associated", .reason = "", .in_place = true};
    case PLAN_ADD_ON:
        return (struct key_standing){.state = "Blocked", .reason = "AddOnOwned"};
    case PLAN_TAKEN:
        return (struct key_standing){.state = "Blocked", .reason = "KeyTaken"};
    case PLAN_WAIT:
        return (struct key_standing){.state = "Waiting", .reason = "WaitingForPropagation"};
    case PLAN_UNKNOWN:
        return (struct key_standing){.state = "Checking", .reason = "Checking"};
    case PLAN_CREATE:
    case PLAN_CHANGE:
    case PLAN_DELETE:
    case PLAN_ORPHAN:
    case PLAN_LEAVE:
        break;
    }
    if (context->cluster->deleting)
        return (struct key_standing){.state = "Stopped", .reason = "ClusterDeleting"};
    if (step->claim->binding->suspend)
        return (struct key_standing){.state = "Suspended", .reason = "Suspended"};
    if (context->mode == PLAN_OBSERVE)
        return (struct key_standing){.state = "Observed", .reason = "ObserveOnly"};
    if (step->verb == PLAN_CREATE)
        return (struct key_standing){.state = "Creating", .reason = "Creating"};
    return (struct key_standing){.state = "Updating", .reason = "Updating"};
}

static struct key_standing want_standing(struct want *want, const struct outcome_context *context)
{
    struct mirror_entry *entry = mirror_find(context->mirror, &want->key);
    const struct mirror_trouble *trouble;
    struct key_standing standing;
    struct plan_step step;

    if (want->verdict == WANT_REFUSED)
        return (struct key_standing){.state = "Refused", .reason = "Refused"};
    if (want->verdict == WANT_CONFLICT)
        return (struct key_standing){.state = "Conflict", .reason = "Conflict"};
    step = plan_judge(want, entry, context->cluster->owner);
    standing = step_standing(&step, context);
    trouble = mirror_trouble(entry, want->claim->binding->generation);
    if (trouble && !context->cluster->deleting &&
        (step.verb == PLAN_CREATE || step.verb == PLAN_CHANGE || step.verb == PLAN_UNKNOWN)) {
        standing.reason = outcome_trouble_reason(trouble->kind);
        standing.state = "Failing";
    }
    if (entry && entry->contest && entry->contest->retry_at > context->now &&
        (strcmp(standing.state, "Failing") == 0 || strcmp(standing.state, "Creating") == 0 ||
         strcmp(standing.state, "Updating") == 0)) {
        standing.reason = "Contested";
        standing.state = "Contested";
    }
    if (context->cluster->verdict != CLUSTER_VERIFIED && !standing.in_place)
        standing.state = "Unverified"; /* nothing is on its way to a cluster that may be another */
    standing.accepted = true;
    standing.association = entry && !entry->deleted_at ? entry->association : NULL;
    standing.unread = standing.association && !standing.association->described &&
                      !(trouble && outcome_trouble_lasts(trouble->kind));
    return standing;
}

/* ---- sentences ---- */

/* What is undone, how often, since when, and when it is tried again. */
static void say_contest(struct strbuf *message, const struct want *want,
                        const struct mirror_entry *entry)
{
    const struct contest *contest = entry->contest;
    const char *role = entry->association ? entry->association->access.role_arn : "";
    const char *wanted = want->claim->access.role_arn;
    char since[CONTEST_TIME_SIZE], retry[CONTEST_TIME_SIZE];

    contest_time(contest->since_us, since);
    contest_time(contest->retry_us, retry);
    strbuf_str(message,
               "somebody else (Terraform, another controller) undoes what podbind writes: ");
    if (contest->kind == CONTEST_DELETED)
        strbuf_str(message, "the association is deleted");
    else if (contest->kind == CONTEST_TAGS)
        strbuf_str(message, "the tags are changed back");
    else if (role[0] != '\0' && strcmp(role, wanted) != 0)
        strbuf_format(message, "the role is set from %.300s back to %.300s", wanted, role);
    else
        strbuf_str(message, "target role, session policy or session tags are changed back");
    strbuf_format(message, ", %u times since %s; it is written again at %s", contest->count, since,
                  retry);
}

/* Of a role that EKS does not find IAM may know where it is. */
static void say_trouble(struct strbuf *message, const struct claim *claim,
                        const struct mirror_trouble *trouble, const struct role *role)
{
    strbuf_str(message, trouble->text);
    if (trouble->kind == TROUBLE_ROLE_MISSING || trouble->kind == TROUBLE_ROLE_WAIT)
        role_say_elsewhere(role, claim, message);
    if (trouble->kind == TROUBLE_HIDDEN)
        strbuf_str(message, "; no list of EKS has shown by what for two minutes. CloudTrail may "
                            "tell: look for CreatePodIdentityAssociation");
}

static void say_want(struct strbuf *message, const struct want *want,
                     const struct key_standing *standing, const struct outcome_context *context)
{
    const struct mirror_entry *entry = mirror_find(context->mirror, &want->key);

    strbuf_format(message, "service account '%s': ", want->key.service_account);
    if (want->verdict == WANT_REFUSED)
        strbuf_str(message, "those of podbind's own namespace are always refused");
    else if (want->verdict == WANT_CONFLICT)
        blocker_say_holder(message, want->rival, entry);
    else if (strcmp(standing->state, "Contested") == 0)
        say_contest(message, want, entry);
    else if (strcmp(standing->state, "Failing") == 0)
        say_trouble(message, want->claim, entry->trouble, context->role);
    else if (strcmp(standing->state, "Blocked") == 0)
        blocker_say_taken(message, want, standing->association);
    else if (strcmp(standing->state, "Waiting") == 0)
        strbuf_str(message, "waiting for EKS to let go of the deleted association");
    else if (strcmp(standing->state, "Stopped") == 0)
        strbuf_str(message, "EKS is deleting this cluster: nothing is written to it any more");
    else if (strcmp(standing->state, "Suspended") == 0)
        strbuf_str(message, "nothing is written to EKS while spec.suspend is true");
    else if (strcmp(standing->state, "Observed") == 0)
        strbuf_str(message, "podbind runs with --mode=observe and writes nothing");
    else
        strbuf_str(message, "on its way");
}

/* ---- conditions ---- */

struct tally {
    int wanted, in_place, refused, unread;
    const struct want *refused_want, *missing_want, *contested_want;
    struct key_standing refused_standing, missing_standing;
};

static void count_want(struct tally *tally, const struct want *want,
                       const struct key_standing *standing)
{
    tally->wanted++;
    tally->in_place += standing->in_place;
    tally->refused += !standing->accepted;
    tally->unread += standing->unread;
    if (!standing->accepted && !tally->refused_want) {
        tally->refused_want = want;
        tally->refused_standing = *standing;
    }
    if (!standing->in_place && !tally->missing_want) {
        tally->missing_want = want;
        tally->missing_standing = *standing;
    }
    if (want->verdict == WANT_HELD && want->rival && !tally->contested_want)
        tally->contested_want = want;
}

static void set(struct outcome *outcome, enum binding_condition_type type,
                enum condition_status status, const char *reason, const char *message)
{
    outcome->status.conditions[type] =
        (struct binding_condition){.status = status, .reason = reason, .message = message};
}

static void say_more(struct strbuf *message, int others)
{
    if (others > 0)
        strbuf_format(message, " (and %d more)", others);
}

static void judge_accepted(struct outcome *outcome, const struct claim *claim,
                           const struct tally *tally, const struct outcome_context *context)
{
    struct strbuf *message = &outcome->accepted_message;
    bool blind = context->blind_reason[0] != '\0';
    enum condition_status status = CONDITION_FALSE;
    const char *reason = "Accepted";

    if (claim->reason[0] != '\0') {
        reason = claim->reason;
        strbuf_str(message, claim->owned_message);
    } else if (context->cluster->account[0] == '\0') {
        status = CONDITION_UNKNOWN;
        reason = blind ? context->blind_reason : cluster_reason(context->cluster);
        strbuf_str(message, blind ? context->blind_message : context->cluster->why);
    } else if (tally->refused_want) {
        reason = tally->refused_standing.reason;
        say_want(message, tally->refused_want, &tally->refused_standing, context);
        say_more(message, tally->refused - 1);
    } else if (tally->contested_want) {
        status = CONDITION_TRUE;
        reason = "ConflictHolder";
        strbuf_format(message, "binding '%s' asks for service account '%s' too; this one is older",
                      tally->contested_want->rival->binding->name,
                      tally->contested_want->key.service_account);
    } else {
        status = CONDITION_TRUE;
        strbuf_str(message, "well-formed and allowed");
    }
    set(outcome, CONDITION_ACCEPTED, status, reason, strbuf_text(message));
}

/* Why the association of a binding that is being deleted still stands. */
static const char *say_stuck(struct strbuf *message, const struct outcome_context *context)
{
    const struct mirror_entry *stuck = context->stuck;

    strbuf_format(message, "association %s of service account '%s' %s: ", stuck->association->id,
                  stuck->key.service_account,
                  stuck->association->described ? "is still there"
                                                : "may be this binding's, and can't be read");
    if (stuck->trouble) {
        strbuf_str(message, stuck->trouble->text);
        return outcome_trouble_reason(stuck->trouble->kind);
    }
    if (context->hold[0] != '\0') {
        strbuf_str(message, context->hold);
        return "DeletionHeld";
    }
    strbuf_str(message, "podbind runs with a --mode that deletes nothing");
    return "DeletionDisabled";
}

/* It is in place; what it no longer asks for may still be there too. */
static const char *say_associated(struct strbuf *message, const struct tally *tally,
                                  const struct outcome_context *context)
{
    const struct mirror_entry *lingering = context->lingering;
    bool fails = lingering && lingering->trouble && outcome_trouble_lasts(lingering->trouble->kind);

    strbuf_str(message, tally->wanted == 0 ? "no service account matches the selector"
                                           : "EKS holds exactly what is wanted");
    if (lingering && lingering->association)
        strbuf_format(message, "; association %s of service account '%s' is still there: %s",
                      lingering->association->id, lingering->key.service_account,
                      fails ? lingering->trouble->text : context->hold);
    return tally->wanted == 0 ? "NothingSelected" : "Associated";
}

static void judge_associated(struct outcome *outcome, const struct tally *tally,
                             const struct claim *claim, const struct outcome_context *context)
{
    struct strbuf *message = &outcome->associated_message;
    const char *cluster_why = cluster_reason(context->cluster);
    enum condition_status status = CONDITION_UNKNOWN;
    const char *reason;

    if (context->stuck) {
        status = CONDITION_FALSE;
        reason = say_stuck(message, context);
    } else if (context->blind_reason[0] != '\0') {
        reason = context->blind_reason;
        strbuf_str(message, context->blind_message);
    } else if (cluster_why[0] != '\0') {
        reason = cluster_why;
        strbuf_str(message, context->cluster->why);
    } else if (claim->reason[0] != '\0') {
        status = CONDITION_FALSE;
        reason = "NotAccepted";
        strbuf_str(message, "nothing is written for a binding that is not accepted");
    } else if (tally->missing_want) {
        status = CONDITION_FALSE;
        reason = tally->missing_standing.reason;
        say_want(message, tally->missing_want, &tally->missing_standing, context);
        say_more(message, tally->wanted - tally->in_place - 1);
    } else {
        status = CONDITION_TRUE;
        reason = say_associated(message, tally, context);
    }
    set(outcome, CONDITION_ASSOCIATED, status, reason, strbuf_text(message));
}

static void judge_trust(struct outcome *outcome, const struct claim *claim,
                        const struct outcome_context *context)
{
    struct strbuf *message = &outcome->trust_message;
    struct role_verdict verdict;

    if (claim->binding->deleting)
        return;
    verdict = role_judge(context->role, claim, context->cluster, message);
    set(outcome, CONDITION_ROLE_TRUSTED, verdict.status, verdict.reason, strbuf_text(message));
}

static const struct binding_condition *first_untrue(const struct outcome *outcome)
{
    for (int type = CONDITION_ACCEPTED; type <= CONDITION_ASSOCIATED; type++)
        if (outcome->status.conditions[type].status != CONDITION_TRUE)
            return &outcome->status.conditions[type];
    return NULL;
}

static void judge_ready(struct outcome *outcome, const struct claim *claim,
                        const struct tally *tally, const struct outcome_context *context)
{
    const struct binding_condition *untrue = first_untrue(outcome);

    outcome->ready = !untrue;
    outcome->unread = tally->unread > 0 && tally->unread == tally->wanted - tally->in_place &&
                      context->cluster->verdict == CLUSTER_VERIFIED;
    if (untrue) {
        outcome->reason = untrue->reason;
        strbuf_str(&outcome->ready_message, untrue->message);
    } else if (tally->wanted == 0) {
        outcome->reason = "NothingSelected";
        strbuf_str(&outcome->ready_message, "no service account matches the selector");
    } else {
        outcome->reason = claim->binding->suspend ? "Suspended" : "Ready";
        strbuf_format(&outcome->ready_message, "new pods of %s get %s",
                      outcome->status.service_accounts, claim->access.role_arn);
    }
    set(outcome, CONDITION_READY, untrue ? CONDITION_FALSE : CONDITION_TRUE, outcome->reason,
        strbuf_text(&outcome->ready_message));
}

static void judge_progress(struct outcome *outcome, const struct outcome_context *context)
{
    const struct binding_condition *ready = &outcome->status.conditions[CONDITION_READY];
    int64_t wait = outcome_patience(outcome->reason);
    bool stalled =
        wait > 0 && context->reason_since > 0 && context->now >= context->reason_since + wait;

    outcome->due = INT64_MAX;
    if (outcome->ready)
        return;
    if (wait > 0 && !stalled)
        outcome->due = (context->reason_since > 0 ? context->reason_since : context->now) + wait;
    set(outcome, stalled ? CONDITION_STALLED : CONDITION_RECONCILING, CONDITION_TRUE, ready->reason,
        ready->message);
}

static void keep_times(struct outcome *outcome, const struct binding *binding, int64_t wall_us)
{
    for (int type = 0; type < CONDITION_COUNT; type++) {
        struct binding_condition *condition = &outcome->status.conditions[type];
        bool same = condition->status == binding->status.conditions[type];

        condition->since_us = same ? (int64_t)binding->status.since_s[type] * SECOND_US : wall_us;
    }
}

/* ---- the whole ---- */

/* A row names what is, or was, this binding's. What is somebody else's is in the message alone. */
static const struct association *association_of_row(const struct want *want,
                                                    const struct key_standing *standing,
                                                    const struct outcome_context *context)
{
    const struct association *association = standing->association;

    return association && (association_is_ours(association, context->cluster->owner) ||
                           blocker_was_ours(want, association))
               ? association
               : NULL;
}

static void add_row(struct outcome *outcome, const struct want *want,
                    const struct key_standing *standing, const struct outcome_context *context)
{
    const struct association *association = association_of_row(want, standing, context);
    struct binding_status *status = &outcome->status;

    if (status->row_count == BINDING_MAX_ROWS) {
        status->omitted++;
        return;
    }
    outcome->owned_rows[status->row_count++] = (struct binding_row){
        .service_account = want->key.service_account,
        .id = association ? association->id : "",
        .state = standing->state,
        .external_id = association ? association->external_id : "",
        .last_changed_us = association ? association->modified_us / SECOND_US * SECOND_US : 0,
    };
}

static void describe(struct outcome *outcome, const struct claim *claim, const struct tally *tally,
                     const struct outcome_context *context)
{
    struct binding_status *status = &outcome->status;

    status->observed_generation = claim->binding->generation;
    status->cluster_name = context->cluster->name;
    status->role = claim_role_short(claim);
    status->role_arn = claim->access.role_arn;
    status->rows = outcome->owned_rows;
    status->wanted = tally->wanted;
    status->in_place = tally->in_place;
    snprintf(outcome->bound, sizeof outcome->bound, "%d/%d", tally->in_place, tally->wanted);
    status->bound = outcome->bound;
    status->service_accounts = claim->binding->service_account;
    if (claim->binding->selector_count > 0) {
        snprintf(outcome->service_accounts, sizeof outcome->service_accounts, "%d selected",
                 tally->wanted);
        status->service_accounts = outcome->service_accounts;
    }
    status->access = outcome->access;
}

void outcome_make(const struct claim *claim, const struct outcome_context *context,
                  struct outcome *ret_outcome)
{
    struct tally tally = {0};
    const struct association **held = mem_array(claim->want_count, sizeof *held);
    size_t rows = claim->want_count < BINDING_MAX_ROWS ? claim->want_count : BINDING_MAX_ROWS;

    *ret_outcome = (struct outcome){.accepted_message = STRBUF_CAPPED(MESSAGE_CAP),
                                    .associated_message = STRBUF_CAPPED(MESSAGE_CAP),
                                    .trust_message = STRBUF_CAPPED(TRUST_MESSAGE_CAP),
                                    .ready_message = STRBUF_CAPPED(MESSAGE_CAP)};
    ret_outcome->owned_rows = mem_array(rows, sizeof *ret_outcome->owned_rows);
    for (size_t i = 0; i < claim->want_count; i++) {
        struct key_standing standing = want_standing(&claim->wants[i], context);

        if (standing.in_place)
            held[tally.in_place] = standing.association;
        count_want(&tally, &claim->wants[i], &standing);
        add_row(ret_outcome, &claim->wants[i], &standing, context);
    }
    describe(ret_outcome, claim, &tally, context);
    judge_accepted(ret_outcome, claim, &tally, context);
    judge_associated(ret_outcome, &tally, claim, context);
    judge_trust(ret_outcome, claim, context);
    judge_ready(ret_outcome, claim, &tally, context);
    judge_progress(ret_outcome, context);
    keep_times(ret_outcome, claim->binding, context->wall_us);
    if (ret_outcome->status.conditions[CONDITION_ASSOCIATED].status == CONDITION_TRUE)
        access_fingerprint(held, (size_t)tally.in_place, ret_outcome->access);
    mem_free(held);
}

void outcome_release(struct outcome *outcome)
{
    mem_free(outcome->owned_rows);
    strbuf_release(&outcome->accepted_message);
    strbuf_release(&outcome->associated_message);
    strbuf_release(&outcome->trust_message);
    strbuf_release(&outcome->ready_message);
    *outcome = (struct outcome){0};
}
