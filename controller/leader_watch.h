/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader_watch - what a standby sees of the Lease without asking: a watch of that one object,
 * served by the loop's thread, that wakes the lease thread when nobody holds the Lease.
 *
 * Only a hint. All stays right without it: the lease thread asks every retry period then. So a
 * watch that can't be had (its verb is missing from the Role, say) is a line in the log, and it is
 * tried again after 1 s at first, 5 min at most.
 *
 * It is opened without a resourceVersion, so that the server sends the Lease as it is first: there
 * is nothing to resume, and nothing is missed between two watches.
 *
 * All but the sink is called on the lease thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"
#include "controller/options.h"
#include "kube/kube_request.h"
#include "kube/lease.h"
#include "kube/watcher.h"

struct leader_watch;

struct leader_watch_settings {
    const struct options *options;
    struct watcher *watcher;
    struct kube_client *client; /* the lease thread's */
    struct http *engine; /* the lease thread's: woken when nobody holds the Lease, and when a watch
                            ends */
};

/* What was seen last. */
struct leader_hint {
    int64_t at_ms; /* ms since boot */
    bool missing;  /* the Lease was deleted; there is no record */
    struct lease_record record;
};

struct leader_watch *leader_watch_new(const struct leader_watch_settings *settings);
/* After leader_watch_close() and watcher_free(). NULL is fine. */
void leader_watch_free(struct leader_watch *watch);

/* Keeps the watch open, or opens it when it is time to. Looks the API server's name up, which may
 * block as long as the system's resolver does. Returns when to be called again, ms since boot;
 * INT64_MAX while a watch stands. */
int64_t leader_watch_turn(struct leader_watch *watch, int64_t now_ms);
/* Ends it: a leader learns from its own renewals. What was seen is forgotten. */
void leader_watch_close(struct leader_watch *watch);
/* Returns true when something was seen since the last call. */
bool leader_watch_take(struct leader_watch *watch, struct leader_hint *ret_hint);
