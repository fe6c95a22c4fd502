/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/health.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "controller/health_request.h"
#include "controller/metrics.h"

#define MAX_VISITS 64
#define BACKLOG 256
#define SEND_ROOM                                                                                  \
    65536 /* of the kernel, a connection: what nobody takes must not pile up there                 \
           */
#define LINGER_SECONDS 2
/* The longest request, and what libwebsockets may read behind it. */
#define REQUEST_ROOM ((size_t)4 * HEALTH_REQUEST_MAX)
#define PIECE 4096 /* bytes written at a time */
#define PAUSE_US LWS_US_PER_SEC
#define LISTENER "health-listener"
#define VISIT "health"

struct health {
    struct health_settings settings;
    struct lws_protocols protocols[3];
    struct lws_vhost *vhost;
    struct lws *listener;
    lws_sorted_usec_list_t pause;
    uint16_t port;
    size_t visits; /* connections that are open */
};

/* One connection, from its request to its end. */
struct visit {
    struct strbuf request;
    struct strbuf answer; /* behind LWS_PRE bytes for libwebsockets */
    size_t sent;
    bool counted;   /* among health->visits */
    bool lingering; /* all is sent: waiting for the other side to hang up */
};

/* ---- answers ---- */

struct answer {
    int status;
    const char *phrase;
    const char *type;
    struct strbuf body;
};

static struct answer plain(int status, const char *phrase)
{
    struct answer answer = {status, phrase, "text/plain; charset=utf-8", {0}};

    strbuf_format(&answer.body, "%s\n", status == 200 ? "ok" : phrase);
    return answer;
}

static struct answer judge(bool (*check)(void *, struct strbuf *), void *context)
{
    struct answer bad = plain(503, "Service Unavailable");

    strbuf_clear(&bad.body);
    if (!check(context, &bad.body)) {
        if (bad.body.length == 0 || bad.body.text[bad.body.length - 1] != '\n')
            strbuf_char(&bad.body, '\n');
        return bad;
    }
    strbuf_release(&bad.body);
    return plain(200, "OK");
}

static struct answer show_metrics(const struct health *health)
{
    struct answer answer = {200, "OK", METRICS_CONTENT_TYPE, {0}};

    health->settings.metrics(&answer.body);
    if (strbuf_ok(&answer.body))
        return answer;
    strbuf_release(&answer.body);
    return plain(500, "Internal Server Error");
}

static struct answer answer_request(const struct health *health,
                                    const struct health_request *request)
{
    const struct health_settings *settings = &health->settings;
    bool alive = strcmp(request->path, "/healthz") == 0;
    bool ready = strcmp(request->path, "/readyz") == 0;
    bool metrics = strcmp(request->path, "/metrics") == 0;

    if (!alive && !ready && !metrics && request->method != HEALTH_OTHER)
        return plain(404, "Not Found");
    if (request->method == HEALTH_OTHER)
        return plain(405, "Method Not Allowed");
    if (metrics)
        return show_metrics(health);
    return judge(alive ? settings->alive : settings->ready, settings->context);
}

static struct answer answer_verdict(const struct health *health, enum health_verdict verdict,
                                    const struct health_request *request)
{
    switch (verdict) {
    case HEALTH_WHOLE:
        return answer_request(health, request);
    case HEALTH_TOO_BIG:
        return plain(431, "Request Header Fields Too Large");
    case HEALTH_VERSION:
        return plain(505, "HTTP Version Not Supported");
    case HEALTH_PARTIAL:
    case HEALTH_BROKEN:
        break;
    }
    return plain(400, "Bad Request");
}

static void write_answer(struct visit *visit, const struct answer *answer, bool with_body)
{
    static const char room[LWS_PRE];
    struct strbuf *out = &visit->answer;

    out->cap = 2 * STRBUF_DEFAULT_CAP;
    strbuf_add(out, room, sizeof room);
    strbuf_format(out,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n",
                  answer->status, answer->phrase, answer->type, answer->body.length,
                  answer->status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body)
        strbuf_add(out, strbuf_text(&answer->body), answer->body.length);
    visit->sent = LWS_PRE;
}

/* ---- a visit ---- */

static bool is_answering(const struct visit *visit)
{
    return visit->answer.length > 0;
}

/* Bytes have come. Returns -1 to hang up. */
static int take_bytes(const struct health *health, struct visit *visit, struct lws *wsi,
                      const char *bytes, size_t length)
{
    struct health_request request = {0};

    if (is_answering(visit))
        return 0; /* a body, or one request behind another: not read */
    visit->request.cap = REQUEST_ROOM;
    strbuf_add(&visit->request, bytes, length);
    enum health_verdict verdict =
        health_request_parse(strbuf_text(&visit->request), visit->request.length, &request);
    if (verdict == HEALTH_PARTIAL)
        return 0;
    struct answer answer = answer_verdict(health, verdict, &request);
    write_answer(visit, &answer, request.method != HEALTH_HEAD);
    strbuf_release(&answer.body);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, health->settings.answer_seconds);
    lws_rx_flow_control(wsi, 0); /* else the other side's "no more from me" ends it all */
    lws_callback_on_writable(wsi);
    return 0;
}

/* Closing with unread bytes would reset the connection and take our answer with it. */
static void linger(struct visit *visit, struct lws *wsi)
{
    visit->lingering = true;
    shutdown(lws_get_socket_fd(wsi), SHUT_WR);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, LINGER_SECONDS);
    lws_rx_flow_control(wsi, 1);
}

/* The socket takes more. Returns -1 to hang up. */
static int give_bytes(struct visit *visit, struct lws *wsi)
{
    size_t left = visit->answer.length - visit->sent;
    size_t length = left < PIECE ? left : PIECE;

    if (!is_answering(visit) || visit->lingering)
        return 0;
    if (left == 0) {
        linger(visit, wsi);
        return 0;
    }
    if (lws_write(wsi, (unsigned char *)visit->answer.text + visit->sent, length, LWS_WRITE_RAW) <
        0)
        return -1;
    visit->sent += length;
    lws_callback_on_writable(wsi);
    return 0;
}

static int on_visit(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t length)
{
    struct health *health = lws_get_protocol(wsi)->user;
    struct visit *visit = user;

    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
        visit->counted = true;
        health->visits++;
        lws_set_timeout(wsi, PENDING_TIMEOUT_AWAITING_CLIENT_HS_SEND,
                        health->settings.request_seconds);
        return 0;
    case LWS_CALLBACK_RAW_RX:
        return take_bytes(health, visit, wsi, in, length);
    case LWS_CALLBACK_RAW_WRITEABLE:
        return give_bytes(visit, wsi);
    case LWS_CALLBACK_RAW_CLOSE:
        health->visits -= visit->counted;
        strbuf_release(&visit->request);
        strbuf_release(&visit->answer);
        return 0;
    default:
        return 0;
    }
}

/* ---- the listener ---- */

static void end_pause(lws_sorted_usec_list_t *pause)
{
    struct health *health = lws_container_of(pause, struct health, pause);

    lws_rx_flow_control(health->listener, 1);
}

/* No file handle is left: the visitor stays in the queue, and poll() would wake us for ever. */
static void pause_accepting(struct health *health)
{
    lws_rx_flow_control(health->listener, 0);
    lws_sul_schedule(lws_get_context(health->listener), 0, &health->pause, end_pause, PAUSE_US);
}

static void accept_visits(struct health *health)
{
    lws_sock_file_fd_type handle;

    while ((handle.sockfd = accept4(lws_get_socket_fd(health->listener), NULL, NULL,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (health->visits < MAX_VISITS)
            lws_adopt_descriptor_vhost(health->vhost, LWS_ADOPT_SOCKET, handle, VISIT, NULL);
        else
            close(handle.sockfd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        pause_accepting(health);
}

static int on_listener(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t length)
{
    (void)user, (void)in, (void)length;
    if (reason == LWS_CALLBACK_RAW_RX_FILE)
        accept_visits(lws_get_protocol(wsi)->user);
    return 0;
}

static void close_handle(const int *handle)
{
    if (*handle >= 0)
        close(*handle);
}

static socklen_t fill_address(const struct value_address *from,
                              struct sockaddr_storage *ret_address)
{
    struct sockaddr_in6 *six = (void *)ret_address;
    struct sockaddr_in *four = (void *)ret_address;

    *ret_address = (struct sockaddr_storage){0};
    if (*from->host && !strchr(from->host, ':')) {
        four->sin_family = AF_INET;
        four->sin_port = htons(from->port);
        inet_pton(AF_INET, from->host, &four->sin_addr);
        return sizeof *four;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(from->port);
    if (*from->host)
        inet_pton(AF_INET6, from->host, &six->sin6_addr);
    return sizeof *six;
}

/* A listening socket, or -1 with errno set. */
static int listen_on(const struct value_address *address)
{
    struct sockaddr_storage name;
    socklen_t size = fill_address(address, &name);
    CLEANUP(close_handle)
    int handle = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0, room = SEND_ROOM, listening;

    if (handle < 0 || setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -1;
    setsockopt(handle, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* handed on by accept() */
    if (name.ss_family == AF_INET6)                                /* [::] is for IPv4 too */
        setsockopt(handle, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(handle, (struct sockaddr *)&name, size) < 0 || listen(handle, BACKLOG) < 0)
        return -1;
    listening = handle;
    handle = -1;
    return listening;
}

static int open_listener(const struct value_address *address, int *ret_handle, struct error *err)
{
    struct value_address every = {"0.0.0.0", address->port};
    int handle = listen_on(address);

    if (handle < 0 && errno == EAFNOSUPPORT && !*address->host) /* a kernel without IPv6 */
        handle = listen_on(&every);
    if (handle < 0)
        return error_set(err, ERROR_INVALID, "listening on %s%s%s:%u for health and metrics: %s",
                         strchr(address->host, ':') ? "[" : "", address->host,
                         strchr(address->host, ':') ? "]" : "", address->port, strerror(errno));
    *ret_handle = handle;
    return 0;
}

static uint16_t port_of(int handle)
{
    union {
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } name = {0};
    socklen_t size = sizeof name;

    if (getsockname(handle, (struct sockaddr *)&name, &size) < 0)
        return 0;
    return ntohs(name.four.sin_family == AF_INET6 ? name.six.sin6_port : name.four.sin_port);
}

/* ---- start and end ---- */

static int attach(struct health *health, struct loop *loop, int handle)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = "health",
        .protocols = health->protocols,
    };
    lws_sock_file_fd_type descriptor = {.filefd = handle};

    health->protocols[0] =
        (struct lws_protocols){.name = LISTENER, .callback = on_listener, .user = health};
    health->protocols[1] = (struct lws_protocols){
        .name = VISIT,
        .callback = on_visit,
        .per_session_data_size = sizeof(struct visit),
        .rx_buffer_size = PIECE,
        .user = health,
    };
    health->vhost = lws_create_vhost(loop_context(loop), &info);
    if (!health->vhost)
        return -1;
    health->listener = lws_adopt_descriptor_vhost(health->vhost, LWS_ADOPT_RAW_FILE_DESC,
                                                  descriptor, LISTENER, NULL);
    if (health->listener)
        return 0;
    lws_vhost_destroy(health->vhost); /* at once, as nothing is bound to it */
    return -1;
}

struct health *health_new(struct loop *loop, const struct value_address *address,
                          const struct health_settings *settings, struct error *err)
{
    struct health *health;
    int handle = -1;

    if (open_listener(address, &handle, err) < 0)
        return NULL;
    health = mem_alloc(sizeof *health);
    health->settings = *settings;
    health->settings.request_seconds = settings->request_seconds ? settings->request_seconds : 5;
    health->settings.answer_seconds = settings->answer_seconds ? settings->answer_seconds : 10;
    health->port = port_of(handle);
    if (attach(health, loop, handle) == 0)
        return health;
    close(handle);
    mem_free(health);
    error_set(err, ERROR_BUG, "libwebsockets does not take the health port");
    return NULL;
}

uint16_t health_port(const struct health *health)
{
    return health->port;
}

void health_free(struct health *health)
{
    mem_free(health);
}
