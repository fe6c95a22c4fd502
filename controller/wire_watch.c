/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_watch.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"
#include "kube/address.h"
#include "kube/kube_endpoint.h"
#include "kube/watch.h"
#include "kube/watch_query.h"

struct wire_watch {
    struct wire_watch_settings settings;
    struct kube_client *client;
    struct kube_endpoint endpoint;
    struct watch_server *server;
    struct watch *open[RESOURCE_COUNT];
    unsigned attempts;
};

/* What a sink needs; freed when its watch has closed. */
struct sink {
    struct inbox *inbox;
    const struct options_names *namespaces;
    enum resource resource;
    uint64_t watch;
};

struct wire_watch *wire_watch_new(const struct wire_watch_settings *settings,
                                  struct kube_client *client, struct error *err)
{
    struct wire_watch *watches = mem_alloc(sizeof *watches);
    const struct kubeconfig *config = client->config;
    struct watch_server_settings server;

    watches->settings = *settings;
    watches->client = client;
    if (config->proxy_url[0] != '\0') {
        mem_free(watches);
        error_set(err, ERROR_INVALID, "the kubeconfig sets proxy-url, which is not supported yet");
        return NULL;
    }
    if (kube_endpoint_parse(config->server, &watches->endpoint, err) < 0) {
        mem_free(watches);
        return NULL;
    }
    server = (struct watch_server_settings){.host = watches->endpoint.host,
                                            .port = watches->endpoint.port,
                                            .server_name = config->tls_server_name,
                                            .ca_pem = config->ca_pem,
                                            .cert_pem = config->cert_pem,
                                            .key_pem = config->key_pem,
                                            .user_agent = settings->user_agent};
    watches->server = watch_server_new(settings->loop, &server, err);
    if (!watches->server) {
        mem_free(watches);
        return NULL;
    }
    return watches;
}

void wire_watch_free(struct wire_watch *watches)
{
    if (!watches)
        return;
    watch_finish(watches->server);
    mem_free(watches);
}

/* ---- what a watch brings, on the loop's thread --------------------------------------------------
 */

static struct change change_of(const struct sink *sink, enum change_kind kind)
{
    return (struct change){.resource = sink->resource, .kind = kind, .watch = sink->watch};
}

static void sink_opened(void *context)
{
    const struct sink *sink = context;

    inbox_put(sink->inbox, change_of(sink, CHANGE_OPENED));
}

static bool is_watched(const struct sink *sink, const json_t *object)
{
    return options_watches(sink->namespaces,
                           json_text(json_at(object, "metadata", NULL), "namespace"));
}

static void put_record(const struct sink *sink, const struct watch_frame *frame)
{
    struct change change =
        change_of(sink, frame->type == WATCH_FRAME_DELETED ? CHANGE_DELETED : CHANGE_PUT);
    struct error error = {0};

    change.record = sink->resource == RESOURCE_BINDINGS
                        ? (void *)binding_from_json(frame->object, &error)
                        : (void *)service_account_from_json(frame->object, &error);
    change.resource_version = mem_strdup(frame->version);
    if (!change.record) {
        change.kind = CHANGE_UNREADABLE;
        change.error = mem_dup(&error, sizeof error);
    }
    inbox_put(sink->inbox, change);
}

static void put_bookmark(const struct sink *sink, const struct watch_frame *frame)
{
    struct change change = change_of(sink, frame->initial_end ? CHANGE_SYNCED : CHANGE_BOOKMARK);

    change.resource_version = mem_strdup(frame->version);
    inbox_put(sink->inbox, change);
}

static void sink_event(void *context, const struct watch_frame *frame)
{
    const struct sink *sink = context;

    if (frame->type == WATCH_FRAME_BOOKMARK || !is_watched(sink, frame->object))
        put_bookmark(sink, frame);
    else
        put_record(sink, frame);
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

/* ---- opening one, on the worker's thread --------------------------------------------------------
 */

static int write_path(const struct wire_watch *watches, const struct watch_request *request,
                      int timeout_s, struct strbuf *path, struct error *err)
{
    const struct watch_query query = {
        .version = request->resource_version, .initial = request->initial, .timeout_s = timeout_s};
    struct kube_path resource = {
        .group = BINDING_GROUP, .version = BINDING_VERSION, .resource = BINDING_PLURAL};

    if (request->resource == RESOURCE_SERVICE_ACCOUNTS)
        resource = (struct kube_path){.version = "v1", .resource = "serviceaccounts"};
    strbuf_str(path, watches->endpoint.prefix);
    if (kube_path_write(&resource, path, err) < 0)
        return -1;
    strbuf_char(path, '?');
    watch_query_write(&query, path);
    return 0;
}

static int open_one(struct wire_watch *watches, const struct watch_request *request, int64_t now_ms,
                    uint64_t random, struct sink *sink, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = STRBUF_CAPPED(16384);
    char address[ADDRESS_SIZE];
    const char *token = "";
    struct watch_settings settings = {.timeout_s = watch_query_timeout(random)};
    const struct watch_sink callbacks = {sink, sink_opened, sink_event, sink_closed};

    if (write_path(watches, request, settings.timeout_s, &path, err) < 0 ||
        address_resolve(watches->endpoint.host, watches->attempts++, address, err) < 0 ||
        kube_client_token(watches->client, now_ms, &token, err) < 0)
        return -1;
    settings.address = address;
    settings.path = strbuf_text(&path);
    settings.token = token;
    watches->open[request->resource] = watch_open(watches->server, &settings, &callbacks);
    return 0;
}

void wire_watch_open(struct wire_watch *watches, const struct watch_request *request,
                     int64_t now_ms, uint64_t random)
{
    struct sink *sink = mem_alloc(sizeof *sink);
    struct error err = {0};

    *sink = (struct sink){watches->settings.inbox, watches->settings.namespaces, request->resource,
                          request->watch};
    watch_close(watches->open[request->resource]);
    watches->open[request->resource] = NULL;
    if (open_one(watches, request, now_ms, random, sink, &err) < 0)
        sink_closed(sink, &err);
}
