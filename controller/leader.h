/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leader - the lease thread: keeps our Lease, on an HTTP handle of its own, and tells the worker
 * until when it may write. What to do is decided by kube/lease; while we stand by, leader_watch
 * shows who holds it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "controller/inbox.h"
#include "controller/options.h"
#include "kube/exec_source.h"
#include "kube/kubeconfig.h"

struct leader;

struct leader_settings {
    const struct options *options;
    const struct kubeconfig *kube;
    struct exec_source *plugin; /* its credential plugin; NULL: none */
    const char *user_agent;
    struct watcher *watcher;
    struct inbox *inbox; /* told of the deadline, and woken when we begin to lead */
    void (*lost)(void);  /* on the lease thread: we led, and do no more. The process is to end */
};

/* Fails with ERROR_INVALID when the lease's times or identity are not usable. */
struct leader *leader_new(const struct leader_settings *settings, struct error *err);
int leader_start(struct leader *leader, struct error *err);
/* Gives the lease up, waiting until `deadline` (ms since boot) at most, and ends the thread. Call
 * it when the worker has ended. */
void leader_stop(struct leader *leader, int64_t deadline);
/* After watcher_free(). */
void leader_free(struct leader *leader);

/* Any thread. */
bool leader_leads(const struct leader *leader);
/* When the thread last turned, ms since boot. */
int64_t leader_heartbeat(const struct leader *leader);
