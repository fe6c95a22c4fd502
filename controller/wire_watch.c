/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_watch.h"

#include "base/mem.h"
#include "controller/wire_change.h"

struct wire_watch {
    struct wire_watch_settings settings;
    struct kube_client *client;
    struct watching *open[RESOURCE_COUNT];
};

/* What a sink needs; freed when its watch has closed. */
struct sink {
    struct inbox *inbox;
    const struct options_names *namespaces;
    enum resource resource;
    uint64_t watch;
};

struct wire_watch *wire_watch_new(const struct wire_watch_settings *settings,
                                  struct kube_client *client)
{
    struct wire_watch *watches = mem_alloc(sizeof *watches);

    watches->settings = *settings;
    watches->client = client;
    return watches;
}

void wire_watch_free(struct wire_watch *watches)
{
    if (!watches)
        return;
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        watcher_close(watches->open[resource]);
    mem_free(watches);
}

/* ---- what a watch brings, on the loop's thread ---- */

static struct change change_of(const struct sink *sink, enum change_kind kind)
{
    return (struct change){.resource = sink->resource, .kind = kind, .watch = sink->watch};
}

static void sink_opened(void *context)
{
    const struct sink *sink = context;

    inbox_put(sink->inbox, change_of(sink, CHANGE_OPENED));
}

static void sink_event(void *context, const struct watch_frame *frame)
{
    const struct sink *sink = context;

    inbox_put(sink->inbox, wire_change_read(sink->namespaces, sink->resource, sink->watch, frame));
}

static void sink_closed(void *context, const struct error *error)
{
    struct sink *sink = context;
    struct change change = change_of(sink, CHANGE_CLOSED);

    if (error->kind != ERROR_NONE)
        change.error = mem_dup(error, sizeof *error);
    inbox_put(sink->inbox, change);
    mem_free(sink);
}

/* ---- opening one, on the worker's thread ---- */

static struct kube_path path_of(enum resource resource)
{
    if (resource == RESOURCE_SERVICE_ACCOUNTS)
        return (struct kube_path){.version = "v1", .resource = "serviceaccounts"};
    return (struct kube_path){
        .group = BINDING_GROUP, .version = BINDING_VERSION, .resource = BINDING_PLURAL};
}

void wire_watch_open(struct wire_watch *watches, const struct watch_request *request,
                     int64_t now_ms, uint64_t random)
{
    const struct watcher_request wanted = {.resource = path_of(request->resource),
                                           .version = request->resource_version,
                                           .initial = request->initial,
                                           .now_ms = now_ms,
                                           .random = random};
    struct watching **open = &watches->open[request->resource];
    struct sink *sink = mem_alloc(sizeof *sink);
    const struct watch_sink callbacks = {sink, sink_opened, sink_event, sink_closed};
    struct error err = {0};

    *sink = (struct sink){watches->settings.inbox, watches->settings.namespaces, request->resource,
                          request->watch};
    watcher_close(*open);
    *open = NULL;
    if (watcher_open(watches->settings.watcher, watches->client, &wanted, &callbacks, open, &err) <
        0)
        sink_closed(sink, &err);
}
