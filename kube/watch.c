/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include <libwebsockets.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/kube_status.h"

#define PROTOCOL_NAME "podbind-watch"
#define GRACE_S 30
#define SHORT_MS 1000
#define PATH_MAX_LENGTH 1500 /* libwebsockets cuts its request line at 2 KiB */
#define RX_SIZE 16384

/* All of it belongs to the loop's thread once watch_open() has returned. Freed when the handle has
 * been given back; by then it has ended. */
struct watch {
    struct loop *loop;
    struct watch *next, *previous; /* of the same server, under the lock of its list */
    struct watch_server *server;
    struct watch_sink sink;
    char *address;
    char *path;
    char *token;
    int timeout_s;

    struct lws *wsi; /* NULL: no connection that is ours */
    lws_sorted_usec_list_t timer;
    struct strbuf message; /* what has come of an event */
    bool ended;
    bool established;
    bool had_event;
    int64_t opened_ms;
    int64_t heard_ms;
};

/* ---- the end ---- */

/* libwebsockets winds the connection down on its own; it no longer knows the watch. */
static void let_go(struct watch *watch)
{
    if (watch->wsi == NULL)
        return;
    lws_set_wsi_user(watch->wsi, NULL);
    lws_set_timeout(watch->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
    watch->wsi = NULL;
}

/* Says why, once. */
static void finish(struct watch *watch, const struct error *why)
{
    if (watch->ended)
        return;
    watch->ended = true;
    lws_sul_cancel(&watch->timer);
    let_go(watch);
    strbuf_release(&watch->message);
    watch->sink.closed(watch->sink.context, why);
}

__attribute__((format(printf, 3, 4))) static void
finish_as(struct watch *watch, enum error_kind kind, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct error why;
    error_set(&why, kind, "%s", text);
    finish(watch, &why);
}

/* A server that ends every watch at once would have us ask without a pause. */
static void finish_in_order(struct watch *watch)
{
    if (!watch->had_event && clock_boot_ms() - watch->opened_ms < SHORT_MS)
        finish_as(watch, ERROR_TRANSIENT, "the watch was over within a second, without any event");
    else
        finish(watch, &(struct error){0});
}

static void closed_by_server(struct watch *watch, const unsigned char *reason, size_t length)
{
    unsigned code = length >= 2 ? (unsigned)reason[0] << 8 | reason[1] : LWS_CLOSE_STATUS_NORMAL;
    if (code == LWS_CLOSE_STATUS_NORMAL || code == LWS_CLOSE_STATUS_GOINGAWAY)
        finish_in_order(watch);
    else
        finish_as(watch, ERROR_TRANSIENT, "the server closed the watch with code %u", code);
}

static void cut(struct watch *watch)
{
    if (!watch->established) {
        finish_as(watch, ERROR_TRANSIENT, "no watch connection to %s port %d: closed",
                  watch->address, watch_server_port(watch->server));
        return;
    }
    int64_t silent_ms = clock_boot_ms() - watch->heard_ms;
    int64_t hang_up_ms = watch_server_liveness(watch->server)->secs_since_valid_hangup * 1000;
    if (silent_ms >= hang_up_ms - SHORT_MS)
        finish_as(watch, ERROR_TRANSIENT,
                  "hung up: nothing came for %lld s, not even the answer to a ping",
                  (long long)silent_ms / 1000);
    else
        finish_as(watch, ERROR_TRANSIENT, "the connection of the watch was cut");
}

/* ---- the handshake ---- */

static const char *hint_for(int status)
{
    switch (status) {
    case 400:
    case 403:
        return " (or a fault of the handshake, or a proxy: ask for the list to learn which)";
    case 404:
        return " (the resource is not served there: no CRD yet?)";
    case 422:
        return " (the server does not send the first state in a watch)";
    default:
        return "";
    }
}

static void refused(struct watch *watch, int status)
{
    struct error why;
    enum error_kind kind = kube_status_kind(status, NULL, false, false);
    if (status >= 200 && status < 300)
        kind = ERROR_INVALID;
    error_set(&why, kind, "the watch was answered %d, expected 101%s", status, hint_for(status));
    why.status = status;
    finish(watch, &why);
}

static void not_connected(struct watch *watch, struct lws *wsi, const char *text, size_t length)
{
    int status = (int)lws_http_client_http_response(wsi);
    const char *refusal = watch_server_refusal(watch->server);
    if (status != 0 && status != 101)
        refused(watch, status);
    else if (*refusal != '\0')
        finish_as(watch, ERROR_TRANSIENT, "the certificate of the server is refused: %s", refusal);
    else
        finish_as(watch, ERROR_TRANSIENT, "no watch connection to %s port %d: %.*s", watch->address,
                  watch_server_port(watch->server), text != NULL ? (int)strnlen(text, length) : 10,
                  text != NULL ? text : "no reason");
}

static bool add_line(unsigned char **cursor, const unsigned char *limit, const char *name,
                     const char *value)
{
    size_t room = (size_t)(limit - *cursor);
    int length = snprintf((char *)*cursor, room, "%s: %s\r\n", name, value);
    if (length < 0 || (size_t)length >= room)
        return false;
    *cursor += length;
    return true;
}

/* Returns -1 when they do not fit. */
static int add_headers(struct watch *watch, unsigned char **cursor, size_t room)
{
    const unsigned char *limit = *cursor + room;
    CLEANUP(strbuf_release) struct strbuf bearer = {0};
    bool fits = add_line(cursor, limit, "Origin", watch_server_origin(watch->server)) &&
                add_line(cursor, limit, "User-Agent", watch_server_user_agent(watch->server)) &&
                add_line(cursor, limit, "Accept", "application/json");
    if (fits && *watch->token != '\0') {
        strbuf_format(&bearer, "Bearer %s", watch->token);
        fits = add_line(cursor, limit, "Authorization", strbuf_text(&bearer));
    }
    if (fits)
        return 0;
    finish_as(watch, ERROR_INVALID, "the headers of the watch are too long (a token of %zu bytes)",
              strlen(watch->token));
    return -1;
}

static void timer_rang(lws_sorted_usec_list_t *timer)
{
    struct watch *watch = lws_container_of(timer, struct watch, timer);
    if (watch->established)
        finish_as(watch, ERROR_TRANSIENT, "the server did not end the watch after %d s",
                  watch->timeout_s);
    else
        finish_as(watch, ERROR_TRANSIENT, "no watch connection to %s port %d within %d s",
                  watch->address, watch_server_port(watch->server),
                  watch_server_connect_s(watch->server));
}

static void set_timer(struct watch *watch, int seconds)
{
    lws_sul_schedule(watch_server_context(watch->server), 0, &watch->timer, timer_rang,
                     (lws_usec_t)seconds * LWS_USEC_PER_SEC);
}

static void opened(struct watch *watch)
{
    watch->established = true;
    watch->opened_ms = clock_boot_ms();
    watch->heard_ms = watch->opened_ms;
    set_timer(watch, watch->timeout_s + GRACE_S);
    watch->sink.opened(watch->sink.context);
}

/* ---- events ---- */

static void hear(struct watch *watch)
{
    watch->heard_ms = clock_boot_ms();
    lws_validity_confirmed(watch->wsi);
}

static void deliver(struct watch *watch)
{
    struct watch_frame frame;
    struct error why;
    size_t used;
    enum watch_frame_result result = watch_frame_read(
        strbuf_text(&watch->message), watch->message.length, true, &frame, &used, &why);
    strbuf_clear(&watch->message);
    if (result != WATCH_FRAME_WHOLE) {
        finish(watch, &why);
        return;
    }
    if (frame.type == WATCH_FRAME_ERROR) {
        finish(watch, &frame.error);
    } else {
        watch->had_event = true;
        watch->sink.event(watch->sink.context, &frame);
    }
    watch_frame_release(&frame);
}

static void receive(struct watch *watch, const void *bytes, size_t length)
{
    hear(watch);
    strbuf_add(&watch->message, bytes, length);
    if (!strbuf_ok(&watch->message))
        finish_as(watch, ERROR_GONE, "a watch event over %zu bytes", WATCH_FRAME_CAP);
    else if (lws_is_final_fragment(watch->wsi) && lws_remaining_packet_payload(watch->wsi) == 0)
        deliver(watch);
}

/* ---- libwebsockets ---- */

/* What happens to a connection that a watch still has. -1 ends it. */
static int handle(struct watch *watch, struct lws *wsi, enum lws_callback_reasons reason, void *in,
                  size_t length)
{
    watch->wsi = wsi;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_headers(watch, in, length);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        opened(watch);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        receive(watch, in, length);
        break;
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        hear(watch);
        break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        closed_by_server(watch, in, length);
        break;
    default:
        break;
    }
    return 0;
}

/* libwebsockets is about to free the connection. */
static void lost(struct watch *watch, struct lws *wsi, enum lws_callback_reasons reason,
                 const char *text, size_t length)
{
    lws_set_wsi_user(wsi, NULL);
    watch->wsi = NULL;
    if (reason == LWS_CALLBACK_CLIENT_CONNECTION_ERROR)
        not_connected(watch, wsi, text, length);
    else
        cut(watch);
}

static int on_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t length)
{
    struct watch_server *server;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return user != NULL ? handle(user, wsi, reason, in, length) : 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (user != NULL)
            lost(user, wsi, reason, in, length);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        if (user != NULL)
            lost(user, wsi, reason, NULL, 0);
        server = lws_get_opaque_user_data(wsi);
        if (server != NULL)
            watch_server_drop(server);
        return 0;
    default: /* 0 is "go on" for all others */
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = PROTOCOL_NAME, .callback = on_callback, .rx_buffer_size = RX_SIZE},
    {0},
};

static struct lws *connect_to(struct watch *watch, struct lws_vhost *vhost)
{
    struct watch_server *server = watch->server;
    const struct lws_client_connect_info info = {
        .context = watch_server_context(server),
        .vhost = vhost,
        .address = watch_server_target(server, watch->address),
        .port = watch_server_port(server),
        .host = watch_server_host_header(server),
        .path = watch->path,
        /* The name is checked by the TLS context itself (watch_tls). A redirect would carry the
         * token elsewhere. */
        .ssl_connection = LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
                          LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
        .local_protocol_name = PROTOCOL_NAME,
        .userdata = watch,
        .retry_and_idle_policy = watch_server_liveness(server),
        .ietf_version_or_minus_one = -1,
    };
    return lws_client_connect_via_info(&info);
}

/* ---- the handle ---- */

static void open_now(void *argument)
{
    struct watch *watch = argument;
    struct watch_server *server = watch->server;
    if (strlen(watch->path) > PATH_MAX_LENGTH) {
        finish_as(watch, ERROR_INVALID, "the path of a watch is longer than %d bytes",
                  PATH_MAX_LENGTH);
        return;
    }
    struct lws_vhost *vhost = watch_server_vhost(server, protocols, watch->address);
    if (vhost == NULL) {
        finish_as(watch, ERROR_TRANSIENT, "libwebsockets gives no place for a watch");
        return;
    }
    set_timer(watch, watch_server_connect_s(server));
    struct lws *wsi = connect_to(watch, vhost);
    if (wsi == NULL) {
        watch->wsi = NULL;
        finish_as(watch, ERROR_TRANSIENT, "no watch connection to %s port %d: it failed at once",
                  watch->address, watch_server_port(server));
        return;
    }
    lws_set_opaque_user_data(wsi, server);
    watch_server_hold(server);
    if (!watch->ended)
        watch->wsi = wsi;
}

static void list_add(struct watch *watch)
{
    struct watch_list *list = watch_server_list(watch->server);
    pthread_mutex_lock(&list->lock);
    watch->next = list->first;
    if (watch->next != NULL)
        watch->next->previous = watch;
    list->first = watch;
    pthread_mutex_unlock(&list->lock);
}

static void list_remove(struct watch *watch)
{
    struct watch_list *list = watch_server_list(watch->server);
    pthread_mutex_lock(&list->lock);
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else
        list->first = watch->next;
    pthread_mutex_unlock(&list->lock);
}

struct watch *watch_open(struct watch_server *server, const struct watch_settings *settings,
                         const struct watch_sink *sink)
{
    struct watch *watch = mem_alloc(sizeof *watch);
    *watch = (struct watch){
        .loop = watch_server_loop(server),
        .server = server,
        .sink = *sink,
        .address = mem_strdup(settings->address),
        .path = mem_strdup(settings->path),
        .token = mem_strdup(settings->token != NULL ? settings->token : ""),
        .timeout_s = settings->timeout_s,
        .message = STRBUF_CAPPED(WATCH_FRAME_CAP),
    };
    watch_server_hold(server);
    list_add(watch);
    loop_post(watch->loop, open_now, watch);
    return watch;
}

static void close_now(void *argument)
{
    struct watch *watch = argument;
    list_remove(watch);
    finish(watch, &(struct error){0});
    mem_free(watch->address);
    mem_free(watch->path);
    mem_free(watch->token);
    watch_server_drop(watch->server);
    mem_free(watch);
}

void watch_close(struct watch *watch)
{
    if (watch != NULL)
        loop_post(watch->loop, close_now, watch);
}

void watch_finish(struct watch_server *server)
{
    if (server == NULL)
        return;
    const struct watch_list *list = watch_server_list(server);
    while (list->first != NULL)
        close_now(list->first);
    watch_server_drop(server);
}
