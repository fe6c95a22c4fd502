/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - carries a plan out: keeps a window of calls full, and asks before each start.
 *
 * A job is one binding with its steps. Its calls follow one another as a chain,
 *
 *     finalizer ─▶ Create, Update, tags ─▶ status          (a binding that stays)
 *     evidence ─▶ Delete ... gone ─▶ finalizer off         (a binding that goes)
 *
 * and the chains of all jobs run side by side: EKS and Kubernetes each have a window of their own,
 * so associations never wait for status writes. Order within a window: what a person has just
 * changed, then finalizers, then status, then the status of bindings that are not Ready.
 *
 * Before *each* start: may a write still end within the lease (W3), is the cluster still verified
 * (W1), has the call its turn with EKS (W6); before a Delete, has the budget one left (D3). What EKS
 * lets wait holds up nothing that goes to Kubernetes, and is tried again here when it was refused
 * because there were too many; a Delete begins anew with its evidence, also when it has waited for
 * 5 s. Between completions: has a person changed something, has the slice of time run out. Then no
 * more is started but the Events of what was written (and, unless it was a person, for a fifth of a
 * second writes to EKS for what has its finalizer), what is under way is waited for, and the caller
 * makes a new pass. So a plan may be cut anywhere, and nothing is lost by it. A pass is given up when
 * the API server fails eight writes; the next one begins behind the namespace where it did.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controller/budget.h"
#include "controller/observe.h"
#include "controller/refusals.h"
#include "controller/report.h"
#include "controller/roles.h"
#include "reconcile/plan.h"

struct apply {
    struct intake *intake;
    struct observe *observe;
    struct budget *budget;
    struct reports *reports;
    struct refusals *refusals;
    struct roles *roles;
    const struct desired *desired;
    struct plan *plan; /* NULL: EKS can't be read or must not be written; only status is */
    const struct plan_context *context;
    const struct outcome_context *outcome; /* times are set here */
    const struct fresh_list *fresh;
    size_t window; /* calls under way at once, to each of EKS and Kubernetes */
};

struct apply_result {
    bool cut;                /* there is more to do: make another pass at once */
    bool wrote;              /* something was written to EKS: look again */
    int64_t due;             /* when there is something to do by time alone; INT64_MAX: nothing */
    size_t writes;           /* calls made that change something */
    bool kube_took;          /* the API server took a finalizer or a status */
    struct error kube_error; /* the first write to Kubernetes that failed, other than by conflict,
                                and not because of the one binding */
    struct error refusal; /* the first write that the API server refused for the binding's sake */
};

/* Returns 0, or -1 when the world is gone (ERROR_GONE). */
int apply_plan(const struct apply *apply, struct apply_result *ret_result, struct error *err);
