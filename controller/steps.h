/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps - what a plan's step is as calls, and what each answer means for the mirror.
 *
 * One step is a chain: CREATE; or UPDATE, TAG, UNTAG (those that are needed); or EVIDENCE (a live
 * GET of the binding, rule D2), for a selected account that is gone ACCOUNT (one of it), DESCRIBE (does it still stand there as the plan saw it?), DELETE. Nothing here
 * decides when a call may go: that is controller/apply.
 */
#pragma once

#include <stdbool.h>

#include "controller/observe.h"
#include "controller/ports.h"
#include "reconcile/plan.h"

enum step_call {
    STEP_NONE, /* the chain is at its end */
    STEP_CREATE,
    STEP_UPDATE,
    STEP_TAG,
    STEP_UNTAG,
    STEP_EVIDENCE, /* the binding */
    STEP_ACCOUNT,  /* the service account that its selector no longer selects */
    STEP_DESCRIBE,
    STEP_DELETE,
};

/* What a call points to; lives as long as the call. Zeroed is empty. */
struct step_memory {
    char token[37]; /* a UUID */
    struct strbuf arn, tags;
};
void step_memory_release(struct step_memory *memory);

/* The first call of a step's chain. */
enum step_call step_first(const struct observe *observe, const struct plan_step *step);

/* Fills in a call. The step's want is in the mirror afterwards: step->entry is never NULL. */
void step_prepare(struct observe *observe, struct plan_step *step, enum step_call which,
                  struct step_memory *memory, struct call *ret_call);

/* Takes an answer into the mirror; returns the next call of the chain. */
enum step_call step_done(struct observe *observe, struct plan_step *step, enum step_call which,
                         struct call *call);
