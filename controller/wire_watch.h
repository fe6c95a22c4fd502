/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_watch - watches of the two resources, their frames read into records on the loop's thread
 * and left in the inbox.
 */
#pragma once

#include "base/loop.h"
#include "controller/inbox.h"
#include "controller/options.h"
#include "kube/kube_request.h"

struct wire_watch;

struct wire_watch_settings {
    struct loop *loop;
    struct inbox *inbox;                    /* outlives the loop's thread */
    const struct options_names *namespaces; /* none: all; objects elsewhere count as not there */
    const char *user_agent;
};

/* Fails when the certificates of the client's config can't be used. */
struct wire_watch *wire_watch_new(const struct wire_watch_settings *settings,
                                  struct kube_client *client, struct error *err);
/* Ends the watches. Call it when the loop has stopped, before loop_free(). */
void wire_watch_free(struct wire_watch *watches);

/* The worker: opens a watch in place of the earlier one of that resource. What goes wrong comes as
 * CHANGE_CLOSED. */
void wire_watch_open(struct wire_watch *watches, const struct watch_request *request,
                     int64_t now_ms, uint64_t random);
