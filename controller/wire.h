/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire - fills the ports from the real world: calls become requests to the API server and to EKS,
 * what comes back becomes the calls' outputs.
 *
 * All requests of the worker go through one HTTP engine, so one wait covers them all. EKS calls
 * wait while credentials are being fetched, for one call's time at most. A call that EKS refused for
 * the time of its signature, or for a token that has expired, is made once more at once.
 */
#pragma once

#include "base/http.h"
#include "controller/inbox.h"
#include "controller/options.h"
#include "controller/ports.h"
#include "controller/wire_watch.h"
#include "kube/kube_request.h"

struct wire;

struct wire_settings {
    const struct options *options;
    struct watcher *watcher;
    struct kube_client *client; /* the worker's own */
    const char *user_agent;
    /* Told of every EKS and Kubernetes call that is back, on the worker's thread. May be NULL. */
    void (*counted)(const struct call *call);
    /* Told, on the worker's thread, when AWS's clock is found to be so far ahead of this machine's
     * (behind: less than 0), and with 0 when they agree again. May be NULL. */
    void (*clock_off)(int64_t offset_us);
};

struct wire *wire_new(const struct wire_settings *settings, struct error *err);
/* Gives the watches back. Call it when the worker has ended, before watcher_free(). */
void wire_close(struct wire *wire);
/* After watcher_free(). */
void wire_free(struct wire *wire);
/* Borrowed. */
const struct ports *wire_ports(const struct wire *wire);
struct inbox *wire_inbox(const struct wire *wire);
/* "environment variables", "container endpoint", "none": for the log. */
const char *wire_credentials_source(const struct wire *wire);
