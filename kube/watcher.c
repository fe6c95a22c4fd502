/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watcher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/address.h"
#include "kube/kube_endpoint.h"
#include "kube/proxy_url.h"
#include "kube/watch_http.h"
#include "kube/watch_identity.h"
#include "kube/watch_query.h"

#define URL_CAP 16384

/* `transport`, `http` and its certificate are under the lock. */
struct watcher {
    struct watcher_settings settings;
    struct kube_endpoint endpoint;
    struct proxy_url proxy; /* host "": none */
    bool websockets;
    struct watch_identities identities; /* where there are WebSockets */
    atomic_uint attempts;
    bool free_to_choose;

    pthread_mutex_t lock;
    struct watch_transport transport;
    struct watch_http_server *http; /* made by the first watch that takes it */
    char *http_cert_pem;            /* the client certificate that it has */
};

/* One reference each: the opener's handle, and the sink until closed(). */
struct watching {
    struct watcher *watcher;
    struct watch_identity *identity; /* of the WebSocket */
    struct watch_sink sink;
    enum watch_transport_kind kind;
    struct watch *websocket;
    struct watch_http *http;
    bool began; /* the sink's */
    atomic_uint refs;
};

/* ---- life ---- */

static int read_proxy(struct watcher *watcher, struct error *err)
{
    const char *url = watcher->settings.config->proxy_url;
    if (*url == '\0')
        return 0;
    if (proxy_url_parse(url, &watcher->proxy, err) < 0)
        return -1;
    if (watcher->settings.choice == WATCHER_WEBSOCKET && !watcher->proxy.carries_websockets)
        return error_set(err, ERROR_INVALID,
                         "the kubeconfig's proxy-url can't carry WebSockets, expected http:// and "
                         "nothing percent-encoded: let watches go by HTTP (--watch-transport=auto "
                         "or http)");
    return 0;
}

static bool may_use_websockets(const struct watcher *watcher)
{
    return watcher->settings.choice != WATCHER_HTTP &&
           (watcher->proxy.host[0] == '\0' || watcher->proxy.carries_websockets);
}

static int make_server(struct watcher *watcher, struct error *err)
{
    const struct kubeconfig *config = watcher->settings.config;
    const struct watch_server_settings settings = {
        .host = watcher->endpoint.host,
        .port = watcher->endpoint.port,
        .server_name = config->tls_server_name,
        .ca_pem = config->ca_pem,
        .cert_pem = config->cert_pem,
        .key_pem = config->key_pem,
        .proxy_url = config->proxy_url,
        .user_agent = watcher->settings.user_agent,
    };
    watcher->websockets = may_use_websockets(watcher);
    if (!watcher->websockets)
        return 0;
    return watch_identities_init(&watcher->identities, watcher->settings.loop, &settings, err);
}

struct watcher *watcher_new(const struct watcher_settings *settings, struct error *err)
{
    struct watcher *watcher = mem_alloc(sizeof *watcher);
    watcher->settings = *settings;
    pthread_mutex_init(&watcher->lock, NULL);
    if (kube_endpoint_parse(settings->config->server, &watcher->endpoint, err) < 0 ||
        read_proxy(watcher, err) < 0 || make_server(watcher, err) < 0) {
        watcher_free(watcher);
        return NULL;
    }
    watcher->free_to_choose = settings->choice == WATCHER_AUTO && watcher->websockets;
    return watcher;
}

void watcher_free(struct watcher *watcher)
{
    if (watcher == NULL)
        return;
    watch_http_server_finish(watcher->http);
    watch_identities_finish(&watcher->identities);
    mem_free(watcher->http_cert_pem);
    pthread_mutex_destroy(&watcher->lock);
    mem_free(watcher);
}

enum watch_transport_kind watcher_transport(struct watcher *watcher)
{
    if (!watcher->websockets)
        return WATCH_TRANSPORT_HTTP;
    pthread_mutex_lock(&watcher->lock);
    enum watch_transport_kind now = watch_transport_now(&watcher->transport);
    pthread_mutex_unlock(&watcher->lock);
    return now;
}

int64_t watcher_heartbeat(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    int64_t heartbeat = watcher->http != NULL ? watch_http_server_heartbeat(watcher->http) : 0;
    pthread_mutex_unlock(&watcher->lock);
    return heartbeat;
}

/* ---- the choice ---- */

static enum watch_transport_kind choose(struct watcher *watcher, int64_t now_ms)
{
    enum watch_transport_kind kind =
        watcher->websockets ? WATCH_TRANSPORT_WEBSOCKET : WATCH_TRANSPORT_HTTP;
    if (!watcher->free_to_choose)
        return kind;
    pthread_mutex_lock(&watcher->lock);
    kind = watch_transport_next(&watcher->transport, now_ms);
    pthread_mutex_unlock(&watcher->lock);
    return kind;
}

static void tell_began(const struct watching *watching)
{
    struct watcher *watcher = watching->watcher;
    pthread_mutex_lock(&watcher->lock);
    bool changed = watch_transport_began(&watcher->transport, watching->kind);
    pthread_mutex_unlock(&watcher->lock);
    if (changed && watcher->settings.changed != NULL)
        watcher->settings.changed(watching->kind, NULL);
}

/* NONE: it was given up. */
static void tell_failed(struct watcher *watcher, enum watch_transport_kind kind,
                        const struct error *why)
{
    bool changed = false;
    pthread_mutex_lock(&watcher->lock);
    if (why->kind == ERROR_NONE)
        watch_transport_dropped(&watcher->transport, kind);
    else
        changed = watch_transport_failed(&watcher->transport, kind, why, clock_boot_ms());
    pthread_mutex_unlock(&watcher->lock);
    if (changed && watcher->settings.changed != NULL)
        watcher->settings.changed(WATCH_TRANSPORT_HTTP, why);
}

/* ---- what a watch brings ---- */

static void drop(struct watching *watching)
{
    if (atomic_fetch_sub(&watching->refs, 1) > 1)
        return;
    watch_identities_drop(&watching->watcher->identities, watching->identity);
    mem_free(watching);
}

static void on_opened(void *context)
{
    struct watching *watching = context;
    watching->began = true;
    tell_began(watching);
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
    if (!watching->began)
        tell_failed(watching->watcher, watching->kind, error);
    watching->sink.closed(watching->sink.context, error);
    drop(watching);
}

/* ---- opening one ---- */

/* `start` is what stands before /api. */
static int write_url(const char *start, const struct watcher_request *request, int timeout_s,
                     struct strbuf *ret_text, struct error *err)
{
    const struct watch_query query = {.version = request->version,
                                      .field_selector = request->field_selector,
                                      .initial = request->initial,
                                      .timeout_s = timeout_s};
    strbuf_str(ret_text, start);
    if (kube_path_write(&request->resource, ret_text, err) < 0)
        return -1;
    strbuf_char(ret_text, '?');
    watch_query_write(&query, ret_text);
    return 0;
}

static int open_websocket(struct watching *watching, struct kube_client *client,
                          const struct watcher_request *request, struct error *err)
{
    struct watcher *watcher = watching->watcher;
    const char *proxy = watcher->proxy.host, *token = "";
    CLEANUP(strbuf_release) struct strbuf path = STRBUF_CAPPED(URL_CAP);
    char address[ADDRESS_SIZE];
    struct watch_settings settings = {.timeout_s = watch_query_timeout(request->random)};
    const struct watch_sink sink = {watching, on_opened, on_event, on_closed};
    if (write_url(watcher->endpoint.prefix, request, settings.timeout_s, &path, err) < 0 ||
        address_resolve(*proxy != '\0' ? proxy : watcher->endpoint.host,
                        atomic_fetch_add(&watcher->attempts, 1), address, err) < 0 ||
        kube_client_token(client, request->now_ms, &token, err) < 0)
        return -1;
    watching->identity = watch_identities_hold(&watcher->identities, kube_client_cert_pem(client),
                                               kube_client_key_pem(client), err);
    if (watching->identity == NULL)
        return -1;
    settings.address = address;
    settings.path = strbuf_text(&path);
    settings.token = token;
    watching->websocket = watch_open(watching->identity->server, &settings, &sink);
    return 0;
}

/* With the client's certificate of now. Under the lock. */
static void prepare_http(struct watcher *watcher, const struct kube_client *client)
{
    const char *cert_pem = kube_client_cert_pem(client);
    struct http_settings settings;
    if (watcher->http != NULL && strcmp(watcher->http_cert_pem, cert_pem) == 0)
        return;
    kube_client_settings(client, &settings);
    if (watcher->http == NULL)
        watcher->http = watch_http_server_new(&settings);
    else
        watch_http_server_renew(watcher->http, &settings);
    mem_free(watcher->http_cert_pem);
    watcher->http_cert_pem = mem_strdup(cert_pem);
}

static struct watch_http_server *http_server(struct watcher *watcher,
                                             const struct kube_client *client)
{
    pthread_mutex_lock(&watcher->lock);
    prepare_http(watcher, client);
    struct watch_http_server *server = watcher->http;
    pthread_mutex_unlock(&watcher->lock);
    return server;
}

static int open_http(struct watching *watching, struct kube_client *client,
                     const struct watcher_request *request, struct error *err)
{
    struct watcher *watcher = watching->watcher;
    CLEANUP(strbuf_release) struct strbuf url = STRBUF_CAPPED(URL_CAP);
    const char *token = "";
    struct watch_http_settings settings = {.timeout_s = watch_http_timeout(request->random)};
    const struct watch_sink sink = {watching, on_opened, on_event, on_closed};
    if (write_url(watcher->settings.config->server, request, settings.timeout_s, &url, err) < 0 ||
        kube_client_token(client, request->now_ms, &token, err) < 0)
        return -1;
    settings.url = strbuf_text(&url);
    settings.token = token;
    watching->http = watch_http_open(http_server(watcher, client), &settings, &sink);
    return 0;
}

int watcher_open(struct watcher *watcher, struct kube_client *client,
                 const struct watcher_request *request, const struct watch_sink *sink,
                 struct watching **ret_watching, struct error *err)
{
    struct watching *watching = mem_alloc(sizeof *watching);
    watching->watcher = watcher;
    watching->sink = *sink;
    watching->kind = choose(watcher, request->now_ms);
    atomic_init(&watching->refs, 2);
    int opened = watching->kind == WATCH_TRANSPORT_WEBSOCKET
                     ? open_websocket(watching, client, request, err)
                     : open_http(watching, client, request, err);
    if (opened < 0) {
        tell_failed(watcher, watching->kind, &(struct error){0});
        mem_free(watching);
        return -1;
    }
    *ret_watching = watching;
    return 0;
}

void watcher_close(struct watching *watching)
{
    if (watching == NULL)
        return;
    watch_close(watching->websocket);
    watch_http_close(watching->http);
    drop(watching);
}
