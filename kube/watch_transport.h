/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_transport - which transport the next watch takes, when either may: a state machine over how
 * the earlier ones began. Pure: time is an argument.
 *
 *                 3 handshakes failed            an HTTP watch began
 *   WEBSOCKET ────────────────────────▶ PROBING ────────────────────▶ CONFIRMING
 *    ▲  ▲  ▲                               │                            │    │
 *    │  │  └───── it did not begin ────────┘                            │    │ this one failed too
 *    │  └──────── a WebSocket began ────────────────────────────────────┘    ▼
 *    └─────────── a WebSocket began ◀── one try an hour ─────────────────── HTTP
 *
 * Failures count in a row and over all resources. A server that is down fails both ways, and one
 * that just comes back may fail the one and then serve the other: so HTTP is settled on only when
 * it works where a WebSocket, tried once more after it, does not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define WATCH_TRANSPORT_FAILURES 3
#define WATCH_TRANSPORT_RETRY_MS ((int64_t)3600 * 1000)

enum watch_transport_kind {
    WATCH_TRANSPORT_WEBSOCKET,
    WATCH_TRANSPORT_HTTP,
};

struct watch_transport {
    enum watch_transport_state {
        WATCH_TRANSPORT_TRUSTING, /* WEBSOCKET above */
        WATCH_TRANSPORT_PROBING,
        WATCH_TRANSPORT_CONFIRMING,
        WATCH_TRANSPORT_SETTLED, /* HTTP above */
    } state;
    unsigned failures;
    bool trying;      /* CONFIRMING, SETTLED: a WebSocket is on its way */
    int64_t retry_at; /* SETTLED: the next try */
};

/* Zeroed is the start: WebSockets. */

/* What the next watch takes. It must be told how that began, by one of the functions below. */
enum watch_transport_kind watch_transport_next(struct watch_transport *transport, int64_t now_ms);
/* All three return true when the transport that is in use has changed. */
bool watch_transport_began(struct watch_transport *transport, enum watch_transport_kind kind);
/* An answer by which the API server itself speaks counts as no failure of the transport: 401, 404,
 * 410, 422, 429. */
bool watch_transport_failed(struct watch_transport *transport, enum watch_transport_kind kind,
                            const struct error *why, int64_t now_ms);
/* It was given up before it was known. */
void watch_transport_dropped(struct watch_transport *transport, enum watch_transport_kind kind);

/* The one in use: HTTP only when settled on. */
enum watch_transport_kind watch_transport_now(const struct watch_transport *transport);
/* "websocket", "http": for logs and metrics. */
const char *watch_transport_name(enum watch_transport_kind kind);
