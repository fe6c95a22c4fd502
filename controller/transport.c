/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/transport.h"

#include "base/log.h"
#include "controller/metrics.h"

static void publish(enum watch_transport_kind now)
{
    const struct metrics_row rows[] = {
        {watch_transport_name(WATCH_TRANSPORT_WEBSOCKET), now == WATCH_TRANSPORT_WEBSOCKET},
        {watch_transport_name(WATCH_TRANSPORT_HTTP), now == WATCH_TRANSPORT_HTTP},
    };

    metrics_replace(METRIC_WATCH_TRANSPORT, rows, 2);
}

static void changed(enum watch_transport_kind now, const struct error *why)
{
    publish(now);
    if (why)
        log_line(LOG_WARN,
                 "WebSockets do not get through: watches go by HTTP, and try again in an hour",
                 "transport", watch_transport_name(now), "error", why->text, NULL);
    else
        log_line(LOG_INFO, "WebSockets get through again: watches take them", "transport",
                 watch_transport_name(now), NULL);
}

struct watcher *transport_new(const struct options *options, const struct kubeconfig *config,
                              struct loop *loop, const char *user_agent, struct error *err)
{
    const struct watcher_settings settings = {.loop = loop,
                                              .config = config,
                                              .user_agent = user_agent,
                                              .choice = options->watch_transport,
                                              .changed = changed};
    struct watcher *watcher = watcher_new(&settings, err);

    if (watcher)
        publish(watcher_transport(watcher));
    return watcher;
}
