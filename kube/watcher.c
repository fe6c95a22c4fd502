/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watcher.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "kube/address.h"
#include "kube/kube_endpoint.h"
#include "kube/watch_query.h"

#define PATH_CAP 16384

struct watcher {
    struct watcher_settings settings;
    struct kube_endpoint endpoint;
    struct watch_server *server;
    atomic_uint attempts;
};

/* One reference each: the opener's handle, and the sink until closed(). */
struct watching {
    struct watcher *watcher;
    struct watch_sink sink;
    struct watch *watch;
    atomic_uint refs;
};

/* ---- life ----------------------------------------------------------------------------- */

static struct watch_server *make_server(const struct watcher *watcher, struct error *err)
{
    const struct kubeconfig *config = watcher->settings.config;
    const struct watch_server_settings settings = {
        .host = watcher->endpoint.host,
        .port = watcher->endpoint.port,
        .server_name = config->tls_server_name,
        .ca_pem = config->ca_pem,
        .cert_pem = config->cert_pem,
        .key_pem = config->key_pem,
        .user_agent = watcher->settings.user_agent,
    };
    return watch_server_new(watcher->settings.loop, &settings, err);
}

struct watcher *watcher_new(const struct watcher_settings *settings, struct error *err)
{
    CLEANUP_FREE struct watcher *watcher = mem_alloc(sizeof *watcher);
    watcher->settings = *settings;
    if (settings->config->proxy_url[0] != '\0') {
        error_set(err, ERROR_INVALID, "the kubeconfig sets proxy-url, which is not supported yet");
        return NULL;
    }
    if (kube_endpoint_parse(settings->config->server, &watcher->endpoint, err) < 0)
        return NULL;
    watcher->server = make_server(watcher, err);
    if (watcher->server == NULL)
        return NULL;
    struct watcher *made = watcher;
    watcher = NULL;
    return made;
}

void watcher_free(struct watcher *watcher)
{
    if (watcher == NULL)
        return;
    watch_finish(watcher->server);
    mem_free(watcher);
}

/* ---- a watch -------------------------------------------------------------------------- */

static void drop(struct watching *watching)
{
    if (atomic_fetch_sub(&watching->refs, 1) == 1)
        mem_free(watching);
}

static void on_opened(void *context)
{
    struct watching *watching = context;
    watching->sink.opened(watching->sink.context);
}

static void on_event(void *context, const struct watch_frame *frame)
{
    struct watching *watching = context;
    watching->sink.event(watching->sink.context, frame);
}

static void on_closed(void *context, const struct error *error)
{
    struct watching *watching = context;
    watching->sink.closed(watching->sink.context, error);
    drop(watching);
}

static int write_path(const struct watcher *watcher, const struct watcher_request *request,
                      int timeout_s, struct strbuf *path, struct error *err)
{
    const struct watch_query query = {.version = request->version,
                                      .field_selector = request->field_selector,
                                      .initial = request->initial,
                                      .timeout_s = timeout_s};
    strbuf_str(path, watcher->endpoint.prefix);
    if (kube_path_write(&request->resource, path, err) < 0)
        return -1;
    strbuf_char(path, '?');
    watch_query_write(&query, path);
    return 0;
}

int watcher_open(struct watcher *watcher, struct kube_client *client,
                 const struct watcher_request *request, const struct watch_sink *sink,
                 struct watching **ret_watching, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = STRBUF_CAPPED(PATH_CAP);
    char address[ADDRESS_SIZE];
    const char *token = "";
    struct watch_settings settings = {.timeout_s = watch_query_timeout(request->random)};
    if (write_path(watcher, request, settings.timeout_s, &path, err) < 0 ||
        address_resolve(watcher->endpoint.host, atomic_fetch_add(&watcher->attempts, 1), address,
                        err) < 0 ||
        kube_client_token(client, request->now_ms, &token, err) < 0)
        return -1;
    settings.address = address;
    settings.path = strbuf_text(&path);
    settings.token = token;
    struct watching *watching = mem_alloc(sizeof *watching);
    watching->watcher = watcher;
    watching->sink = *sink;
    atomic_init(&watching->refs, 2);
    const struct watch_sink between = {watching, on_opened, on_event, on_closed};
    watching->watch = watch_open(watcher->server, &settings, &between);
    *ret_watching = watching;
    return 0;
}

void watcher_close(struct watching *watching)
{
    if (watching == NULL)
        return;
    watch_close(watching->watch);
    drop(watching);
}
