/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_http - a watch as a chunked HTTP answer, for where a WebSocket does not get through. The
 * same sink and the same kinds of error as kube/watch.h; what differs:
 *
 * Threads: the server has one thread of its own, begun with its first watch. Sinks are called there
 * instead of on the loop's.
 *
 * Refusals: the Status of the answer can be read here, so the text says why, a 404 that names an
 * object as well, and retry_after_ms is set. A redirect is INVALID, and so is a 200 without JSON (a
 * log-in page).
 *
 * Liveness: the server sends nothing while nothing changes, and HTTP/1.1 has no ping (libcurl's
 * upkeep sends PING on HTTP/2 only). So:
 *   the network or the host is dead      TCP asks after 8 s of silence and gives up after 16 s
 *   no headers come                      5 s, from the start
 *   TCP lives, but nobody behind it      not seen before timeout_s + 30: ask for a short timeout
 *     does (a proxy that keeps it open)  (watch_http_timeout(): 60 to 120 s) to bound it
 * A new watch takes over the connection of the one that ended, so short ones cost one request each.
 *
 * It is HTTP/1.1 on an engine of its own: a hung HTTP/2 connection of other requests and a watch
 * never touch each other.
 *
 * Source: k8s.io/apiserver pkg/endpoints/handlers/watch.go (HandleHTTP).
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/http.h"
#include "kube/watch.h"

/* One API server as one identity. */
struct watch_http_server;
struct watch_http;

/* Copies the settings; http2 and keep_alive_s are set here. Starts nothing. */
struct watch_http_server *watch_http_server_new(const struct http_settings *settings);
/* Another client certificate, or other settings, for watches opened from now on. Any thread. */
void watch_http_server_renew(struct watch_http_server *server,
                             const struct http_settings *settings);
/* Ends the thread at once, and all watches: closed() is called on this thread for every one that
 * has not ended; all handles are void afterwards. NULL is fine. */
void watch_http_server_finish(struct watch_http_server *server);
/* Milliseconds since boot at which the thread last turned, at least every 5 s; 0 before its start.
 * Any thread. */
int64_t watch_http_server_heartbeat(struct watch_http_server *server);

struct watch_http_settings {
    const char *url;   /* whole: origin, path, watch_query_write() */
    const char *token; /* bearer token of now; "" or NULL: none */
    int timeout_s;     /* the timeoutSeconds of the query */
    int grace_s;       /* from then to the cut; 0: 30 */
    int begin_s;       /* connect, TLS and the answer's headers; 0: 5 */
};

/* Any thread. Copies the settings. Never fails: what goes wrong comes to closed(). */
struct watch_http *watch_http_open(struct watch_http_server *server,
                                   const struct watch_http_settings *settings,
                                   const struct watch_sink *sink);
/* As watch_close(): once for every watch, before or after closed(), from any thread, from inside
 * the sink as well. NULL is fine. */
void watch_http_close(struct watch_http *watch);

/* 60 to 120 s by `random`. */
int watch_http_timeout(uint64_t random);
