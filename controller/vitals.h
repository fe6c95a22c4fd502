/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vitals - how the worker is doing, for /readyz, /metrics and the log. The worker publishes, the
 * health port reads.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/sync.h"

struct vitals {
    pthread_mutex_t lock;
    bool synced; /* both stores hold a whole state */
    bool leading;
    bool wrong;    /* known to be the wrong cluster */
    char why[512]; /* what keeps it from working, as a sentence; "" when nothing does */

    /* The worker's own. */
    int64_t trouble_since; /* ms since boot; 0: none */
    int64_t said_at;       /* when `said` was logged last */
    int64_t refusal_said_at, role_said_at;
    size_t orphans; /* said last */
    char said[512];
    enum cluster_verdict verdict;
    struct vitals_counted_so_far {
        uint64_t opened, ended[ERROR_BUG + 1], relists, unreadable;
    } counted[RESOURCE_COUNT]; /* what the metrics have been told */
    bool was_synced;
    bool was_held; /* the deletion budget held some back */
};

void vitals_init(struct vitals *vitals);
void vitals_release(struct vitals *vitals);

/* The worker, after each pass and before each rest: publishes, counts, and logs what is new; what
 * goes on being wrong is said once a minute. */
void vitals_passed(struct vitals *vitals, const struct sync *sync);
void vitals_waiting(struct vitals *vitals, const struct sync *sync);

/* The worker: counts a call that is back. */
void vitals_counted(const struct call *call);
/* The worker: AWS's clock is so far ahead of this machine's (behind: less than 0), or, with 0, is
 * found to agree with it again. One line each. */
void vitals_clock_off(int64_t offset_us);

/* Any thread: ready to serve? If not, ret_why says so in a sentence. A standby is ready, and so is
 * one that can't tell its cluster yet, as where EKS does not answer: what keeps it from working is
 * for the bindings to say, and another pod would fare no better. A wrong cluster is not. */
bool vitals_ready(struct vitals *vitals, char *ret_why, size_t size);
