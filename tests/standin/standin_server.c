/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_server.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"
#include "tests/standin/standin_timer.h"

#define HEADERS_MAX 100
#define CONNECTIONS_MAX 8192
#define CONNECTION_MEMORY ((size_t)64 << 10)

struct standin_server {
    struct standin *standin;
    struct MHD_Daemon *daemon;
    struct standin_timer *timer;
    uint16_t port;
};

/* One request and its reply, on one connection. */
struct exchange {
    char *target;
    enum { BEGUN, READING, SERVED } stage;
    struct strbuf body;
    struct standin_reply reply;
};

static void *begin(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = mem_alloc(sizeof *exchange);

    (void)context;
    (void)connection;
    exchange->target = mem_strdup(target);
    exchange->body.cap = STANDIN_BODY_MAX;
    return exchange;
}

static void end(void *context, struct MHD_Connection *connection, void **thing,
                enum MHD_RequestTerminationCode how)
{
    struct standin_server *server = context;
    struct exchange *exchange = *thing;

    (void)connection;
    (void)how;
    if (!exchange)
        return;
    standin_delivered(server->standin, &exchange->reply);
    standin_reply_release(&exchange->reply);
    strbuf_release(&exchange->body);
    mem_free(exchange->target);
    mem_free(exchange);
    *thing = NULL;
}

/* Escapes stay: the path is needed as it was sent. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- replies ---- */

/* Sends a TCP reset: the client must not take this for an answer that ended. */
static enum MHD_Result broken(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    if (info) {
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        (void)connect(info->connect_fd, &nowhere, sizeof nowhere);
    }
    return MHD_NO;
}

/* The first half of a body whose whole length was promised. */
static ssize_t read_half(void *context, uint64_t position, char *bytes, size_t most)
{
    const struct strbuf *body = context;
    size_t half = body->length / 2, from = (size_t)position;

    if (from >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    most = most < half - from ? most : half - from;
    memcpy(bytes, body->text + from, most);
    return (ssize_t)most;
}

static struct MHD_Response *response_of(struct standin_reply *reply)
{
    size_t length = reply->body.length;

    if (reply->fate == MODEL_CUT)
        return MHD_create_response_from_callback(length, 4096, read_half, &reply->body, NULL);
    return MHD_create_response_from_buffer_with_free_callback(length, strbuf_take(&reply->body),
                                                              mem_free);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT": ours, for MHD's is always that of the machine. */
static void add_date(struct MHD_Response *response, int64_t date_ms)
{
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm parts;
    char text[40];

    if (date_ms > 0 && gmtime_r(&seconds, &parts) &&
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts) > 0)
        MHD_add_response_header(response, "Date", text);
}

static void add_headers(struct MHD_Response *response, const struct standin_reply *reply)
{
    char text[32];

    add_date(response, reply->date_ms);
    MHD_add_response_header(response, "Content-Type", reply->content_type);
    MHD_add_response_header(response, "x-amzn-RequestId", reply->request_id);
    snprintf(text, sizeof text, "%.15s=", reply->request_id + 20);
    MHD_add_response_header(response, "x-amz-apigw-id", text);
    if (reply->error_type[0])
        MHD_add_response_header(response, "x-amzn-ErrorType", reply->error_type);
    if (reply->retry_after_ms > 0) {
        snprintf(text, sizeof text, "%" PRId64, reply->retry_after_ms);
        MHD_add_response_header(response, "x-amz-retry-after", text);
    }
}

static enum MHD_Result deliver(struct MHD_Connection *connection, struct exchange *exchange)
{
    struct standin_reply *reply = &exchange->reply;
    struct MHD_Response *response = NULL;
    enum MHD_Result result = MHD_NO;

    if (reply->fate == MODEL_RESET || reply->fate == MODEL_HANG)
        return broken(connection);
    response = response_of(reply);
    if (!response)
        return MHD_NO;
    add_headers(response, reply);
    result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static void resume(void *connection)
{
    MHD_resume_connection(connection);
}

/* ---- requests ---- */

struct header_list {
    struct standin_header headers[HEADERS_MAX];
    size_t count;
};

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct header_list *list = context;

    (void)kind;
    if (list->count == HEADERS_MAX)
        return MHD_NO;
    list->headers[list->count++] = (struct standin_header){name, value ? value : ""};
    return MHD_YES;
}

static void refuse_size(struct standin_reply *ret_reply)
{
    *ret_reply = (struct standin_reply){.status = 413, .content_type = "application/json"};
    strbuf_str(&ret_reply->body, "{\"message\": \"Request body too large\"}");
}

static void serve(struct standin_server *server, struct MHD_Connection *connection,
                  const char *method, struct exchange *exchange)
{
    struct header_list list = {.count = 0};
    struct standin_request request = {
        .method = method,
        .target = exchange->target,
        .headers = list.headers,
        .body = strbuf_text(&exchange->body),
        .body_length = exchange->body.length,
    };

    if (!strbuf_ok(&exchange->body)) {
        refuse_size(&exchange->reply);
        return;
    }
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &list);
    request.header_count = list.count;
    standin_serve(server->standin, &request, &exchange->reply);
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *bytes,
                              size_t *length, void **thing)
{
    struct standin_server *server = context;
    struct exchange *exchange = *thing;
    int64_t delay_ms = 0;

    (void)url;
    (void)version;
    if (exchange->stage == BEGUN) {
        exchange->stage = READING;
        return MHD_YES;
    }
    if (exchange->stage == SERVED)
        return deliver(connection, exchange);
    if (*length > 0) {
        strbuf_add(&exchange->body, bytes, *length);
        *length = 0;
        return MHD_YES;
    }
    serve(server, connection, method, exchange);
    exchange->stage = SERVED;
    delay_ms = exchange->reply.fate == MODEL_HANG ? STANDIN_HANG_MS : exchange->reply.delay_ms;
    if (delay_ms <= 0)
        return deliver(connection, exchange);
    MHD_suspend_connection(connection);
    if (!standin_timer_add(server->timer, delay_ms, connection))
        MHD_resume_connection(connection);
    return MHD_YES;
}

/* ---- the server ---- */

static struct MHD_Daemon *daemon_start(struct standin_server *server, uint16_t port,
                                       unsigned threads)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK,
        port, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_URI_LOG_CALLBACK, begin, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, end, server, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_MEMORY, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U, MHD_OPTION_END);
}

struct standin_server *standin_server_start(struct standin *standin, uint16_t port,
                                            unsigned threads, struct error *err)
{
    struct standin_server *server = mem_alloc(sizeof *server);
    const union MHD_DaemonInfo *info = NULL;

    server->standin = standin;
    server->timer = standin_timer_new(resume);
    if (server->timer)
        server->daemon = daemon_start(server, port, threads);
    if (server->daemon)
        info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info) {
        server->port = info->port;
        return server;
    }
    error_set(err, ERROR_INVALID, "cannot listen on 127.0.0.1:%u (port taken?)", (unsigned)port);
    if (server->timer) {
        standin_timer_stop(server->timer);
        standin_timer_free(server->timer);
    }
    mem_free(server);
    return NULL;
}

uint16_t standin_server_port(const struct standin_server *server)
{
    return server->port;
}

void standin_server_stop(struct standin_server *server)
{
    standin_timer_stop(server->timer);
    MHD_stop_daemon(server->daemon);
    standin_timer_free(server->timer);
    mem_free(server);
}
