/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync - ONE PASS. Start reading here.
 *
 * A pass plans the whole set anew: what the bindings want × what EKS holds. It may be repeated, or
 * cut short, anywhere; nothing is remembered but what controller/observe and controller/report
 * keep, and which bindings the API server refuses (controller/refusals).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controller/budget.h"
#include "controller/intake.h"
#include "controller/observe.h"
#include "controller/refusals.h"
#include "controller/report.h"
#include "controller/roles.h"
#include "reconcile/plan.h"

struct sync_settings {
    const char *cluster_name;  /* "": the one whose issuer is ours */
    const char *own_namespace; /* podbind's own: its service accounts are always refused */
    enum plan_mode mode;
    int64_t absence_grace_ms;
    size_t window; /* calls under way at once, to each of EKS and Kubernetes */
    struct observe_settings observe;
    struct budget_settings budget;
};

/* What the last pass found, for logs and metrics. */
struct sync_facts {
    uint64_t passes;
    size_t bindings, ready, wanted, in_place, orphans;
    char orphan_ids[320]; /* the first ten, as a list */
    size_t writes;        /* of the last pass */
    int64_t pass_ms;      /* how long it took */
    int64_t finished_at;  /* ms since boot of the last pass that saw EKS and was not cut; 0: none */
    struct error trouble; /* why the last pass could not see EKS, or write to Kubernetes */
    struct error refusal; /* what the API server refused in the last pass because of one binding */
    size_t refused;       /* bindings that it lets nobody write */
};

struct sync {
    const struct ports *ports;
    const struct sync_settings *settings;
    struct intake intake;
    struct observe observe;
    struct budget budget;
    struct reports reports;
    struct refusals refusals;
    struct roles roles;
    bool leading;
    bool again;         /* the last pass left work, or wrote: make another one at once */
    int64_t not_before; /* no pass earlier: the API server refused our writes */
    struct backoff kube_backoff;
    int64_t due; /* when a pass has something to do by time alone, ms since boot */
    struct sync_facts facts;
};

void sync_init(struct sync *sync, const struct sync_settings *settings, const struct ports *ports);
void sync_release(struct sync *sync);

/* Returns 0, or -1 with ERROR_GONE when the world is gone. That EKS can't be read or a call failed
 * is not an error of the pass: facts.trouble tells, `due` says when to try again. */
int sync_once(struct sync *sync, struct error *err);
