/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - one watch of one resource over a WebSocket, served by base/loop.
 *
 * A struct watch_server is one API server as one identity: address, CA, client certificate. To
 * change any of them make a new one, and free the old one: its watches run on until they end.
 * A struct watch is one connection. It never reconnects: when it ends it says why, once, and the
 * layer above decides.
 *
 * Threads: any thread may call these functions while the loop exists; what they do happens on the
 * loop's thread, soon. The sink is called on the loop's thread only, in the order opened?, event*,
 * closed, and must not block. After closed() the sink is never called again, and its context may be
 * freed (inside closed() too). closed() always comes: after watch_close(), and at the latest when
 * loop_free() is done.
 *
 * Liveness: a ping after 8 s without anything received, hang-up after 16 s. Connect, TLS and
 * upgrade must be done in 5 s. The watch is cut 30 s after the time at which the server should have
 * ended it. Every end the server makes looks alike (Close 1000): resume from the last
 * resourceVersion, never assume that nothing was missed.
 *
 * Kinds of the error that closed() gets:
 *   NONE       ended in good order: by the server, or by watch_close()
 *   TRANSIENT  no connection, TLS failure, cut, hung up, broken event, or over within 1 s without
 * any event GONE       410 or Expired (in the handshake or as an ERROR event), or an event over the
 * cap: list again DENIED     401, 403: for a bare 403 or 400 the text says that it may be the
 * handshake or a proxy THROTTLED  429: the storage is being made, or too many requests INVALID
 * other refusals: 400, 404 (not served, as no Status can be read here: TRANSIENT), 406, 422
 *              (sendInitialEvents is not known there)
 * err->status is the HTTP status of a refusal.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "kube/watch_frame.h"

struct watch_server;
struct watch;

struct watch_server_settings {
    const char *host; /* of the server URL, no brackets: Host header, SNI and certificate check */
    int port;
    const char
        *server_name;     /* for SNI and the certificate check instead of host; "" or NULL: host */
    const char *ca_pem;   /* every certificate in it is trusted; "" or NULL: the system's bundle */
    const char *cert_pem; /* client certificate with its chain; "" or NULL: none */
    const char *key_pem;
    const char *proxy_url; /* "http://host:port"; "" or NULL: none */
    const char *user_agent;
};

/* Copies the settings. ERROR_INVALID when the certificates or the key can't be read, or the proxy
 * is none that can be used. */
struct watch_server *watch_server_new(struct loop *loop,
                                      const struct watch_server_settings *settings,
                                      struct error *err);
/* NULL is fine. Open watches keep what they need. */
void watch_server_free(struct watch_server *server);

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
