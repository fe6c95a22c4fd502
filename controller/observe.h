/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe - looks at EKS and keeps the mirror true: is it our cluster, what does it list, what do
 * the associations hold whose content we don't know.
 *
 * A List shows existence only, a Describe the content. So: a full List every existence interval and
 * after a surprise (10 s apart at least); a Describe at once where a decision needs it; the others
 * by rotation, one at a time. A List that did not complete is no list: nothing is taken from it.
 */
#pragma once

#include <stdint.h>

#include "base/backoff.h"
#include "base/error.h"
#include "controller/intake.h"
#include "controller/observe_search.h"
#include "controller/pace.h"
#include "reconcile/cluster.h"
#include "reconcile/desired.h"
#include "reconcile/mirror.h"

struct observe_settings {
    const char *instance;
    const char *region; /* for sentences */
    int64_t existence_interval_ms;
    int64_t describe_interval_ms; /* the same association at most this often by rotation */
    int64_t rotation_ms;          /* between two Describes by rotation */
    size_t window;                /* calls under way at once */
};

struct observe {
    const struct observe_settings *settings;
    struct intake *intake;
    struct mirror mirror;
    struct pace pace;       /* of all calls to EKS */
    struct cluster cluster; /* name set from the start, or found */
    bool searches;          /* no name was given */
    struct observe_search search;
    char mirrored[sizeof((struct cluster *)0)->name]; /* the one that the mirror shows; "": none */
    int64_t verify_due; /* when W1 is to be checked again, ms since boot */
    int64_t list_due;
    int64_t rotation_due;
    bool surprised;          /* EKS was not as we thought: list again, soon */
    int64_t list_wanted_at;  /* a List made at this time or later is needed; 0: none */
    int64_t list_not_before; /* the last one failed */
    bool cut;                /* what EKS let wait was left for the next pass */
    struct backoff verify_backoff, list_backoff;
    struct error trouble; /* of the last verification or List that failed; cleared by success */
};

/* `cluster_name` "": it is to be found. */
void observe_init(struct observe *observe, const struct observe_settings *settings,
                  struct intake *intake, const char *cluster_name);
void observe_release(struct observe *observe);

/* We lead from now on: forgets all, as another may have written until now. */
void observe_restart(struct observe *observe);

/* Brings cluster and mirror up to date for a pass over `desired`. Returns 0 when a plan may be made
 * from them: the cluster is verified and has been listed. Returns -1 otherwise; then
 * `observe->trouble` or the cluster's verdict says why, and err is ERROR_GONE only when the world
 * is gone. */
int observe_cluster(struct observe *observe, struct error *err);
int observe_associations(struct observe *observe, const struct desired *desired, struct error *err);

/* One Describe by rotation, if one is due. Returns -1 when the world is gone. Raises intake->news
 * when the content was not what we thought. */
int observe_rotate(struct observe *observe, struct error *err);

/* When one of the above has something to do by time alone, ms since boot. */
int64_t observe_due(const struct observe *observe);
/* The cluster has been found by a search. What is known of another one is forgotten. */
void observe_take_cluster(struct observe *observe, const struct cluster *found);
/* EKS said that our cluster does not exist: check W1 before anything else. */
void observe_doubt_cluster(struct observe *observe);
