/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_server.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/watch_tls.h"

#define HOST_MAX 110 /* libwebsockets cuts its Host line at 128 bytes */
#define PROXY_SCHEME "http://"
/* Given no proxy, libwebsockets takes one from the environment; port 0 is none. */
#define NO_PROXY ":0"

#define CONNECT_S 5
#define PING_S 6
#define HANG_UP_S 12

/* vhost and ending belong to the loop's thread. One reference each: the handle, every watch whose
 * handle has not been given back, and every connection that libwebsockets has not let go of,
 * because 4.1.6 never ends a vhost that is destroyed under a connection. */
struct watch_server {
    struct loop *loop;
    char *host_header;
    char *origin;
    char *user_agent;
    int port;
    char *proxy_user; /* "user:password@" or "" */
    int proxy_port;   /* 0: no proxy */
    struct watch_tls tls;
    int connect_s;
    lws_retry_bo_t liveness;

    struct watch_list list;
    atomic_uint refs;
    struct lws_vhost *vhost;
    lws_sorted_usec_list_t ending;
};

static void server_release(struct watch_server *server)
{
    watch_tls_release(&server->tls);
    mem_free(server->host_header);
    mem_free(server->origin);
    mem_free(server->user_agent);
    mem_free(server->proxy_user);
    pthread_mutex_destroy(&server->list.lock);
    mem_free(server);
}

static void free_pointer(struct watch_server **server)
{
    if (*server != NULL)
        server_release(*server);
}

/* ---- making one ---- */

/* A password may stand in it: it is not repeated. */
static int refuse_proxy(struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "the proxy-url is none for watches, expected http://host:port");
}

static int read_proxy(struct watch_server *server, const char *url, struct error *err)
{
    if (url == NULL || *url == '\0')
        return 0;
    if (strncmp(url, PROXY_SCHEME, strlen(PROXY_SCHEME)) != 0)
        return refuse_proxy(err);
    const char *start = url + strlen(PROXY_SCHEME), *end = start + strcspn(start, "/");
    const char *at = memrchr(start, '@', (size_t)(end - start));
    const char *host = at != NULL ? at + 1 : start;
    const char *colon = memrchr(host, ':', (size_t)(end - host));
    if (colon == NULL || colon == host)
        return refuse_proxy(err);
    char *rest;
    long port = strtol(colon + 1, &rest, 10);
    if (rest != end || port < 1 || port > 65535)
        return refuse_proxy(err);
    server->proxy_user = mem_strndup(start, (size_t)(host - start));
    server->proxy_port = (int)port;
    return 0;
}

static char *bracketed(const char *host)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_format(&text, strchr(host, ':') != NULL ? "[%s]" : "%s", host);
    return strbuf_take(&text);
}

static char *origin_of(const char *host, int port)
{
    CLEANUP_FREE char *name = bracketed(host);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_format(&text, "https://%s", name);
    if (port != 443)
        strbuf_format(&text, ":%d", port);
    return strbuf_take(&text);
}

static int check_name(const char *name, struct error *err)
{
    if (*name != '\0' && strlen(name) <= HOST_MAX && strpbrk(name, " \t\r\n/") == NULL)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "\"%.128s\" is no host for a watch, expected a name of 1 to %d bytes", name,
                     HOST_MAX);
}

static void set_times(struct watch_server *server, const struct watch_server_settings *settings)
{
    server->connect_s = settings->connect_s > 0 ? settings->connect_s : CONNECT_S;
    server->liveness = (lws_retry_bo_t){
        .secs_since_valid_ping = (uint16_t)(settings->ping_s > 0 ? settings->ping_s : PING_S),
        .secs_since_valid_hangup =
            (uint16_t)(settings->hang_up_s > 0 ? settings->hang_up_s : HANG_UP_S),
    };
}

struct watch_server *
watch_server_new(struct loop *loop, const struct watch_server_settings *settings, struct error *err)
{
    bool renamed = settings->server_name != NULL && *settings->server_name != '\0';
    const char *name = renamed ? settings->server_name : settings->host;
    const struct watch_tls_settings tls = {
        .name = name,
        .ca_pem = settings->ca_pem,
        .cert_pem = settings->cert_pem,
        .key_pem = settings->key_pem,
    };
    CLEANUP(free_pointer) struct watch_server *server = mem_alloc(sizeof *server);
    pthread_mutex_init(&server->list.lock, NULL);
    if (check_name(name, err) < 0 || check_name(settings->host, err) < 0 ||
        read_proxy(server, settings->proxy_url, err) < 0 ||
        watch_tls_init(&server->tls, &tls, err) < 0)
        return NULL;
    server->loop = loop;
    server->host_header = bracketed(name);
    server->origin = origin_of(settings->host, settings->port);
    server->user_agent = mem_strdup(settings->user_agent);
    server->port = settings->port;
    set_times(server, settings);
    atomic_init(&server->refs, 1);
    struct watch_server *made = server;
    server = NULL;
    return made;
}

/* ---- ending one, on the loop's thread ---- */

/* libwebsockets has let go of the vhost: by server_end(), or because the loop was freed. */
static void vhost_gone(struct lws_vhost *vhost, void *argument)
{
    (void)vhost;
    struct watch_server *server = argument;
    lws_sul_cancel(&server->ending);
    server->vhost = NULL;
    if (atomic_load(&server->refs) == 0)
        server_release(server);
}

static void server_end(lws_sorted_usec_list_t *ending)
{
    struct watch_server *server = lws_container_of(ending, struct watch_server, ending);
    lws_vhost_destroy(server->vhost);
}

void watch_server_hold(struct watch_server *server)
{
    atomic_fetch_add(&server->refs, 1);
}

/* The last connection may be only on its way out: so the vhost goes in the next turn. */
void watch_server_drop(struct watch_server *server)
{
    if (atomic_fetch_sub(&server->refs, 1) > 1)
        return;
    if (server->vhost == NULL)
        server_release(server);
    else
        lws_sul_schedule(watch_server_context(server), 0, &server->ending, server_end, 1);
}

static void drop_handle(void *argument)
{
    watch_server_drop(argument);
}

void watch_server_free(struct watch_server *server)
{
    if (server != NULL)
        loop_post(server->loop, drop_handle, server);
}

/* ---- for watch.c ---- */

struct watch_list *watch_server_list(struct watch_server *server)
{
    return &server->list;
}

struct loop *watch_server_loop(const struct watch_server *server)
{
    return server->loop;
}

struct lws_context *watch_server_context(const struct watch_server *server)
{
    return loop_context(server->loop);
}

static struct lws_vhost *make_vhost(struct watch_server *server,
                                    const struct lws_protocols *protocols)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = "watch",
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = server->tls.context,
        .http_proxy_address = NO_PROXY,
        .finalize = vhost_gone,
        .finalize_arg = server,
    };
    return lws_create_vhost(watch_server_context(server), &info);
}

/* The proxy is spoken to by the address found just now. */
static bool set_proxy(struct watch_server *server, const char *address)
{
    if (server->proxy_port == 0)
        return true;
    CLEANUP_FREE char *host = bracketed(address);
    CLEANUP(strbuf_release) struct strbuf proxy = {0};
    strbuf_format(&proxy, "%s%s:%d", server->proxy_user, host, server->proxy_port);
    return lws_set_proxy(server->vhost, strbuf_text(&proxy)) == 0;
}

struct lws_vhost *watch_server_vhost(struct watch_server *server,
                                     const struct lws_protocols *protocols, const char *address)
{
    if (server->vhost == NULL)
        server->vhost = make_vhost(server, protocols);
    if (server->vhost == NULL || !set_proxy(server, address))
        return NULL;
    server->tls.refusal[0] = '\0';
    return server->vhost;
}

const char *watch_server_target(const struct watch_server *server, const char *address)
{
    return server->proxy_port == 0 ? address : server->host_header;
}

int watch_server_port(const struct watch_server *server)
{
    return server->port;
}

const char *watch_server_host_header(const struct watch_server *server)
{
    return server->host_header;
}

const char *watch_server_user_agent(const struct watch_server *server)
{
    return server->user_agent;
}

int watch_server_connect_s(const struct watch_server *server)
{
    return server->connect_s;
}

const struct lws_retry_bo *watch_server_liveness(const struct watch_server *server)
{
    return &server->liveness;
}

const char *watch_server_origin(const struct watch_server *server)
{
    return server->origin;
}

const char *watch_server_refusal(const struct watch_server *server)
{
    return server->tls.refusal;
}
