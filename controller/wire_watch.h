/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_watch - watches of the two resources, their frames read into records on the transport's
 * thread and left in the inbox.
 */
#pragma once

#include "controller/inbox.h"
#include "controller/options.h"
#include "kube/kube_request.h"
#include "kube/watcher.h"

struct wire_watch;

struct wire_watch_settings {
    struct watcher *watcher;
    struct inbox *inbox;                    /* outlives the loop's thread */
    const struct options_names *namespaces; /* none: all; objects elsewhere count as not there */
};

struct wire_watch *wire_watch_new(const struct wire_watch_settings *settings,
                                  struct kube_client *client);
/* Gives the watches back. Call it when the worker has ended, before watcher_free(). */
void wire_watch_free(struct wire_watch *watches);

/* The worker: opens a watch in place of the earlier one of that resource. What goes wrong comes as
 * CHANGE_CLOSED. */
void wire_watch_open(struct wire_watch *watches, const struct watch_request *request,
                     int64_t now_ms, uint64_t random);
