/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watcher - watches of one API server as one identity, by whichever transport. The sink cannot tell
 * which one carries it: opened?, event*, closed, with the kinds of error of kube/watch.h.
 *
 * Threads: any thread may open and close watches (each with its own kube_client). A sink is called
 * on one thread of the transport, never on the opener's, and must not block. closed() always comes:
 * after watcher_close() too, or at the latest in watcher_free(), then on the thread that calls it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "kube/kube_request.h"
#include "kube/kubeconfig.h"
#include "kube/watch.h"

struct watcher;
/* One watch, as its opener holds it. */
struct watching;

struct watcher_settings {
    struct loop *loop;               /* of the WebSockets */
    const struct kubeconfig *config; /* borrowed for the watcher's life */
    const char *user_agent;
};

/* ERROR_INVALID when the config's certificates, names or proxy can't be used. */
struct watcher *watcher_new(const struct watcher_settings *settings, struct error *err);
/* Ends all watches. Call it once the loop has stopped and all have been given back by
 * watcher_close(), before loop_free(). NULL is fine. */
void watcher_free(struct watcher *watcher);

struct watcher_request {
    struct kube_path resource;  /* the collection; a namespace narrows it */
    const char *field_selector; /* "metadata.name=podbind"; NULL: none */
    const char *version;        /* resume after this; "" or NULL: see kube/watch_query.h */
    bool initial;               /* the state first */
    int64_t now_ms;
    uint64_t random; /* for the length of the watch */
};

/* Opens a watch with the client's token of now; the client is the calling thread's own. Fails, and
 * never calls the sink then, when there is no token or no address. Else what goes wrong comes to
 * closed(). May block as long as the system's resolver does where the server's name is no
 * address. */
int watcher_open(struct watcher *watcher, struct kube_client *client,
                 const struct watcher_request *request, const struct watch_sink *sink,
                 struct watching **ret_watching, struct error *err);
/* Ends the watch if it has not ended, and gives the handle back: once for each, at any time before
 * watcher_free(). NULL is fine. */
void watcher_close(struct watching *watching);
