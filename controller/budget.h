/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget - asks the deletion budget before a pass deletes anything (rule D3).
 *
 * The rule is reconcile/guard's; here is how it stands on the Lease. Before the first Delete of a
 * pass: read the Lease's annotations, look whether our own definition is being deleted, write what
 * is about to be spent, under the version that was read. Whoever leads by then, and whatever they
 * spent, has changed that version. Only then may that many Deletes be sent, within GUARD_USE_MS.
 * What was not sent, or surely had no effect, is given back with the next writing.
 *
 * Anything that can't be read or written holds every Delete: `why` says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "controller/intake.h"
#include "reconcile/guard.h"
#include "reconcile/plan.h"

struct budget_settings {
    const char *lease_namespace, *lease_name; /* for the sentence that says how to let them go */
    size_t floor;                             /* GUARD_FLOOR */
};

struct budget {
    const struct budget_settings *settings;
    struct guard guard;
    bool known;              /* the Lease was read since we lead */
    char *written, *release; /* owned: the annotations as we wrote or read them last; NULL: never */
    size_t allowed;          /* Deletes of this pass that may still be sent */
    size_t unsent;           /* ... of earlier passes that were not */
    size_t released;         /* what a person lets through, as the Lease said last */
    bool by_person;          /* these were let through, and count to no budget */
    bool stopped;            /* our definition is being deleted, or gone */
    int64_t allowed_until;   /* ms since boot */
    int64_t look_at;         /* no look at the Lease before, while some are held */
    struct backoff backoff;
    int64_t due;   /* when to ask again by time alone; INT64_MAX: no need */
    size_t wanted; /* Deletes that the last pass wanted */
    size_t held;   /* of them, not allowed */
    size_t left;   /* of the budget */
    char why[512]; /* why they are held and what to do, a sentence; "" when none is */
};

void budget_init(struct budget *budget, const struct budget_settings *settings);
void budget_release(struct budget *budget);
/* We lead from now on: what stands on the Lease may be another's. */
void budget_restart(struct budget *budget);

/* Decides which Deletes of the plan may go, and marks the others as held. Returns -1 only when the
 * world is gone. */
int budget_decide(struct budget *budget, struct intake *intake, struct plan *plan,
                  const struct plan_context *context, struct error *err);

/* A Delete is about to be sent. Returns false when it may not be. */
bool budget_take(struct budget *budget, int64_t now);
/* One that was sent surely had no effect. */
void budget_give_back(struct budget *budget);
