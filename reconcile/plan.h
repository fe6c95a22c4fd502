/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan - what must change so that EKS holds exactly what the bindings ask for.
 *
 * A merge of two lists sorted by key: the wants that hold their key, and the mirror. Each key gets
 * one step. Pure: equal inputs give equal plans, so a plan can be dropped and made again.
 *
 *     wanted  under the key            step
 *     yes     nothing                  CREATE
 *     yes     not described yet        UNKNOWN    observe describes it first
 *     yes     ours, perhaps deleted    UNKNOWN    until a Describe surely shows it
 *     yes     ours, perhaps updated    UNKNOWN    the same, where it would be as wanted otherwise
 *     yes     ours, as wanted          KEEP
 *     yes     ours, otherwise          CHANGE     Update and tags, whichever differ; hand-overs too
 *     yes     deleted by us, lingers   WAIT       for the key to be free
 *     yes     an add-on's              ADD_ON     never touched
 *     yes     somebody else's          TAKEN      or CHANGE, when `adoption` says so
 *     no      ours, with evidence      DELETE     see enum evidence
 *     no      ours, retained           CHANGE     its binding goes before the tag was written (D5)
 *     no      ours, no binding left    ORPHAN     reported, never deleted
 *     no      anything else            LEAVE
 *
 * A step is only what *should* happen. Whether it may happen now (retry time, suspend, mode, the
 * own-write hold) is plan_may_act().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconcile/desired.h"
#include "reconcile/mirror.h"

enum plan_verb {
    PLAN_KEEP,
    PLAN_CREATE,
    PLAN_UNKNOWN,
    PLAN_CHANGE,
    PLAN_WAIT,
    PLAN_ADD_ON,
    PLAN_TAKEN,
    PLAN_DELETE,
    PLAN_ORPHAN,
    PLAN_LEAVE,
};

/* Why a Delete is right (rule D1). */
enum evidence {
    EVIDENCE_NONE,
    EVIDENCE_BINDING_DELETED, /* (a) it has a deletionTimestamp and our finalizer */
    EVIDENCE_SPEC_MOVED,   /* (b) its spec no longer wants the key, and what it wants is in place */
    EVIDENCE_ACCOUNT_GONE, /* (c) the selected service account is gone or no longer matches */
};

struct plan_step {
    enum plan_verb verb;
    unsigned fields; /* CHANGE: the enum access_field that differ */
    enum evidence evidence;
    bool tags;           /* CHANGE: the tags differ */
    bool retains;        /* CHANGE: for the tag that keeps what its binding leaves behind (D5) */
    bool held;           /* DELETE: set by the pass, the deletion budget does not allow it (D3) */
    struct want *want;   /* NULL when nobody holds the key */
    struct claim *claim; /* the want's, or that of the binding it was made for; or NULL */
    struct mirror_entry *entry; /* NULL when nothing is known under the key */
};

struct plan {
    struct plan_step *steps; /* in key order */
    size_t count;
    struct plan_step **by_claim; /* the steps that have a claim, claim by claim */
    size_t *claim_first; /* claim i owns by_claim[claim_first[i]] up to claim_first[i + 1] */
    size_t orphans;
    const char **unknown; /* namespaces with a key that we can't tell about, sorted */
    size_t unknown_count;
};

enum plan_mode { PLAN_SYNC, PLAN_NO_DELETE, PLAN_OBSERVE };

/* What a pass knows besides the two sets. */
struct plan_context {
    const char *owner; /* our owner tag */
    int64_t now;       /* ms since boot */
    int64_t wall_us;   /* microseconds since 1970 */
    int64_t absence_grace_ms;
    enum plan_mode mode;
    bool accounts_doubtful; /* their state came empty and is asked for again: none counts as gone */
    bool cluster_deleting;  /* EKS reports DELETING: nothing is written any more */
};

/* Borrows from both sets. Notes in the mirror since when a selected account is absent. */
void plan_make(const struct desired *desired, struct mirror *mirror,
               const struct plan_context *context, struct plan *ret_plan);
void plan_release(struct plan *plan);

/* A person asks: Deletes of this claim (its index) that have failed need wait no longer. */
void plan_retry_deletes(const struct plan *plan, size_t claim);

/* The step for one wanted key: what plan_make() would say of it now. After calls it tells whether
 * the key is in place. */
struct plan_step plan_judge(struct want *want, struct mirror_entry *entry, const char *owner);

/* Is the tag that keeps what its binding leaves behind (D5) still to be written, and may it be? */
bool plan_retains(const struct plan_step *step, const struct plan_context *context);

/* Does what a Describe shows just before a Delete (`seen`) still allow it: the association that the
 * plan went by, ours (rule D4), for the same binding, not retained (D5)? */
bool plan_may_delete(const struct plan_step *step, const struct association *seen,
                     const char *owner);

/* True when the step is a Delete whose evidence stands and whose grace time is over, be it that it
 * waits for a retry: what the deletion budget counts as wanted at once. */
bool plan_deletes(const struct plan_step *step, const struct plan_context *context);
/* True when the step has something to do and may do it now. */
bool plan_may_act(const struct plan_step *step, const struct plan_context *context);
/* When a step that may not act now should be looked at again (ms since boot); INT64_MAX: no need.
 */
int64_t plan_due(const struct plan_step *step, const struct plan_context *context);

/* True when there is a key in this namespace whose association was not described yet, or not since
 * a call of ours may have changed it unseen, or where a Create may have had effect unseen: as long
 * as that is so, no binding there can be said to have none. */
bool plan_has_unknown(const struct plan *plan, const char *namespace);
