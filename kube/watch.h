/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - one watch of one resource over a WebSocket, served by base/loop.
 *
 * A struct watch is one connection. It never reconnects: when it ends it says why, once, and the
 * layer above decides. Every end that the server makes looks alike (Close 1000): always resume from
 * the last resourceVersion, never assume that nothing was missed.
 *
 * Threads: any thread may call these functions while the loop runs; what they do happens on the
 * loop's thread, soon. The sink is called on the loop's thread only, in the order opened?, event*,
 * closed, and must not block. closed() always comes, after watch_close() too, or at the latest in
 * watch_finish(); after it the sink is never called again, and its context may be freed (inside
 * closed() as well).
 *
 * Liveness: a ping after 6 s in which nothing came, hang-up after 12 s. Connect, TLS and upgrade
 * must be done in 5 s. The watch is cut 30 s after the server should have ended it.
 *
 * Kinds of the error that closed() gets; err->status is the HTTP status of a refused handshake:
 *   NONE       ended in good order, by the server or by watch_close()
 *   TRANSIENT  no connection, TLS failure, cut, hung up, a broken event, over within 1 s without
 *              any event, 404 (not served there: no Status can be read here), 5xx
 *   GONE       410 or Expired, in the handshake or as an ERROR event; an event over the cap
 *   DENIED     401, 403
 *   THROTTLED  429: the storage is being made, or too many requests
 *   INVALID    any other refusal: 400, 406, 422 (sendInitialEvents is not known there), 200
 *
 * A bare 400 or 403 may also be a fault of the handshake or a proxy; the text says so. Only a plain
 * request for the list tells.
 *
 * Source: RFC 6455; k8s.io/apiserver pkg/endpoints/handlers/watch.go (HandleWS).
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "kube/watch_frame.h"
#include "kube/watch_server.h"

struct watch;

struct watch_sink {
    void *context;
    void (*opened)(void *context);
    /* The frame is lent until the call returns; json_incref() keeps its object. Never an ERROR. */
    void (*event)(void *context, const struct watch_frame *frame);
    void (*closed)(void *context, const struct error *error);
};

struct watch_settings {
    const char *address; /* numeric, of the host (address_resolve); with a proxy: of the proxy */
    const char *path;    /* path and query: kube_path_write() and watch_query_write() */
    const char *token;   /* bearer token of now; "" or NULL: none */
    int timeout_s;       /* the timeoutSeconds of the query */
};

/* Copies the settings. Never fails: what goes wrong comes to closed(). */
struct watch *watch_open(struct watch_server *server, const struct watch_settings *settings,
                         const struct watch_sink *sink);
/* Ends the watch (if it has not ended yet) and lets go of the handle. Call it once for every watch,
 * before or after closed(), from any thread, from inside the sink as well. NULL is fine. */
void watch_close(struct watch *watch);

/* The end of all watches of a server, and of the server: to be called once the loop has stopped,
 * before loop_free(). closed() is called on this thread for every watch that has not ended; all
 * handles are void afterwards. NULL is fine. */
void watch_finish(struct watch_server *server);
