/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watcher - watches of one API server, by whichever transport: WebSockets
 * (kube/watch) or chunked HTTP answers (kube/watch_http). The sink cannot tell which one carries
 * it: opened?, event*, closed, with the kinds of error of kube/watch.h.
 *
 * WATCHER_AUTO is WebSockets, and HTTP where these do not get through (kube/watch_transport); where
 * the config's proxy cannot carry a WebSocket, HTTP from the start.
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
#include "kube/watch_transport.h"

struct watcher;
/* One watch, as its opener holds it. */
struct watching;

enum watcher_choice {
    WATCHER_AUTO,
    WATCHER_WEBSOCKET,
    WATCHER_HTTP,
};

struct watcher_settings {
    struct loop *loop;               /* of the WebSockets */
    const struct kubeconfig *config; /* borrowed for the watcher's life */
    const char *user_agent;
    enum watcher_choice choice;
    /* AUTO: other watches take that transport from now on; `why` is NULL when WebSockets work
     * again. On a thread of the transport; must not block. May be NULL. */
    void (*changed)(enum watch_transport_kind now, const struct error *why);
};

/* ERROR_INVALID when the config's certificates or names can't be used, or its proxy not by the
 * transport that was chosen. */
struct watcher *watcher_new(const struct watcher_settings *settings, struct error *err);
/* Ends all watches. Call it once the loop has stopped and all have been given back by
 * watcher_close(), before loop_free(). NULL is fine. */
void watcher_free(struct watcher *watcher);

/* Any thread: what is in use, and when the thread of the HTTP watches turned last, milliseconds
 * since boot (0: there is none, the loop has its own). */
enum watch_transport_kind watcher_transport(struct watcher *watcher);
int64_t watcher_heartbeat(struct watcher *watcher);

struct watcher_request {
    struct kube_path resource;  /* the collection; a namespace narrows it */
    const char *field_selector; /* "metadata.name=podbind"; NULL: none */
    const char *version;        /* resume after this; "" or NULL: see kube/watch_query.h */
    bool initial;               /* the state first */
    int64_t now_ms;
    uint64_t random; /* for the length of the watch */
};

/* Opens a watch with the client's token and certificate of now; the client is the calling thread's
 * own. Fails, and never calls the sink then, when there is no token or no address. Else what goes
 * wrong comes to closed(). May block as long as the system's resolver does where the server's name
 * is no address. */
int watcher_open(struct watcher *watcher, struct kube_client *client,
                 const struct watcher_request *request, const struct watch_sink *sink,
                 struct watching **ret_watching, struct error *err);
/* Ends the watch if it has not ended, and gives the handle back: once for each, at any time before
 * watcher_free(). NULL is fine. */
void watcher_close(struct watching *watching);
