/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_transport.h"

enum watch_transport_kind watch_transport_next(struct watch_transport *transport, int64_t now_ms)
{
    bool may_try;
    switch (transport->state) {
    case WATCH_TRANSPORT_PROBING:
        return WATCH_TRANSPORT_HTTP;
    case WATCH_TRANSPORT_CONFIRMING:
        may_try = !transport->trying;
        break;
    case WATCH_TRANSPORT_SETTLED:
        may_try = !transport->trying && now_ms >= transport->retry_at;
        break;
    default:
        return WATCH_TRANSPORT_WEBSOCKET;
    }
    transport->trying = transport->trying || may_try;
    return may_try ? WATCH_TRANSPORT_WEBSOCKET : WATCH_TRANSPORT_HTTP;
}

bool watch_transport_began(struct watch_transport *transport, enum watch_transport_kind kind)
{
    bool settled = transport->state == WATCH_TRANSPORT_SETTLED;
    if (kind == WATCH_TRANSPORT_WEBSOCKET)
        *transport = (struct watch_transport){0};
    else if (transport->state == WATCH_TRANSPORT_PROBING)
        transport->state = WATCH_TRANSPORT_CONFIRMING;
    return settled && kind == WATCH_TRANSPORT_WEBSOCKET;
}

static bool server_spoke(const struct error *why)
{
    return why->status == 401 || why->status == 404 || why->status == 410 || why->status == 422 ||
           why->status == 429;
}

/* Returns true when that settles it. */
static bool websocket_failed(struct watch_transport *transport, int64_t now_ms)
{
    bool settles = false;
    switch (transport->state) {
    case WATCH_TRANSPORT_TRUSTING:
        if (++transport->failures >= WATCH_TRANSPORT_FAILURES)
            transport->state = WATCH_TRANSPORT_PROBING;
        break;
    case WATCH_TRANSPORT_CONFIRMING:
    case WATCH_TRANSPORT_SETTLED:
        /* One that was on its way before the probe tells nothing new. */
        if (!transport->trying)
            break;
        settles = transport->state == WATCH_TRANSPORT_CONFIRMING;
        transport->state = WATCH_TRANSPORT_SETTLED;
        transport->trying = false;
        transport->retry_at = now_ms + WATCH_TRANSPORT_RETRY_MS;
        break;
    case WATCH_TRANSPORT_PROBING:
        break;
    }
    return settles;
}

bool watch_transport_failed(struct watch_transport *transport, enum watch_transport_kind kind,
                            const struct error *why, int64_t now_ms)
{
    if (kind == WATCH_TRANSPORT_WEBSOCKET && !server_spoke(why))
        return websocket_failed(transport, now_ms);
    watch_transport_dropped(transport, kind);
    return false;
}

void watch_transport_dropped(struct watch_transport *transport, enum watch_transport_kind kind)
{
    if (kind == WATCH_TRANSPORT_WEBSOCKET)
        transport->trying = false;
    else if (transport->state == WATCH_TRANSPORT_PROBING)
        *transport = (struct watch_transport){0};
}

enum watch_transport_kind watch_transport_now(const struct watch_transport *transport)
{
    return transport->state == WATCH_TRANSPORT_SETTLED ? WATCH_TRANSPORT_HTTP
                                                       : WATCH_TRANSPORT_WEBSOCKET;
}

const char *watch_transport_name(enum watch_transport_kind kind)
{
    return kind == WATCH_TRANSPORT_HTTP ? "http" : "websocket";
}
