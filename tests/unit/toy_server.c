/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/toy_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define CONNECTIONS_MOST 256

struct connection {
    pthread_t thread;
    int socket; /* -1: ended */
};

static struct {
    pthread_mutex_t lock;
    pthread_t acceptor;
    int listener;
    struct connection connections[CONNECTIONS_MOST];
    int connection_count;
    int requests;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int counted(const int *counter)
{
    pthread_mutex_lock(&server.lock);
    int value = *counter;
    pthread_mutex_unlock(&server.lock);
    return value;
}

static void nap(int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void say(int socket, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t count = send(socket, at, length, MSG_NOSIGNAL);

        if (count <= 0)
            return;
        at += count;
        length -= (size_t)count;
    }
}

static void say_text(int socket, const char *text)
{
    say(socket, text, strlen(text));
}

static void reply(int socket, int status, const char *headers, const char *body, size_t length)
{
    CLEANUP(strbuf_release) struct strbuf head = {0};

    strbuf_format(&head, "HTTP/1.1 %d Some Words\r\nContent-Length: %zu\r\n%s\r\n", status, length,
                  headers);
    say(socket, head.text, head.length);
    say(socket, body, length);
}

/* Reads one request, head and body. Returns false at the end of the connection. */
static bool read_request(int socket, struct strbuf *request)
{
    char block[4096];
    size_t whole = SIZE_MAX;

    strbuf_clear(request);
    while (request->length < whole) {
        ssize_t count = recv(socket, block, sizeof block, 0);

        if (count <= 0)
            return false;
        strbuf_add(request, block, (size_t)count);
        const char *end = strstr(request->text, "\r\n\r\n");
        const char *length = strstr(request->text, "Content-Length: ");
        if (end)
            whole = (size_t)(end + 4 - request->text) +
                    (length && length < end ? strtoul(length + 16, NULL, 10) : 0);
    }
    pthread_mutex_lock(&server.lock);
    server.requests++;
    pthread_mutex_unlock(&server.lock);
    return true;
}

static void answer_filler(int socket, size_t length, bool chunked)
{
    CLEANUP_FREE char *filler = mem_alloc(length + 1);
    CLEANUP(strbuf_release) struct strbuf head = {0};

    memset(filler, 'x', length);
    if (!chunked) {
        reply(socket, 200, "", filler, length);
        return;
    }
    strbuf_format(&head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n", length);
    say(socket, head.text, head.length);
    say(socket, filler, length);
    say_text(socket, "\r\n0\r\n\r\n");
}

static void answer_endless_headers(int socket)
{
    char line[1024] = "X-Filler: ";

    memset(line + 10, 'y', sizeof line - 12);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    say_text(socket, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 200; i++)
        say(socket, line, sizeof line);
    say_text(socket, "\r\n");
}

static void reset(int socket)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static long number_after(const char *path, const char *prefix)
{
    return strtol(path + strlen(prefix), NULL, 10);
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

#define HEADERS_OF_AWS                                                                             \
    "Content-Type: application/json\r\nDate: Sun, 22 Nov 2026 "                                    \
    "19:28:09 GMT\r\nX-AMZN-ErrorType:  ThrottlingException:http://x \r\nx-amz-retry-after: 1500"  \
    "\r\nRetry-After: 7\r\n"

/* Returns false when the connection is to end. */
static bool serve(int socket, const struct strbuf *request)
{
    const char *path = strchr(request->text, ' ') + 1;

    if (starts(path, "/status/"))
        reply(socket, (int)number_after(path, "/status/"), "", "text", 4);
    else if (starts(path, "/echo"))
        reply(socket, 200, "", request->text, request->length);
    else if (starts(path, "/big/"))
        answer_filler(socket, (size_t)number_after(path, "/big/"), false);
    else if (starts(path, "/chunked/"))
        answer_filler(socket, (size_t)number_after(path, "/chunked/"), true);
    else if (starts(path, "/slow/"))
        nap(number_after(path, "/slow/")), reply(socket, 200, "", "late", 4);
    else if (starts(path, "/aws"))
        reply(socket, 429, HEADERS_OF_AWS, "{}", 2);
    else if (starts(path, "/kube"))
        reply(socket, 503, "Retry-After: 2\r\n", "{}", 2);
    else if (starts(path, "/odd"))
        reply(socket, 400, "Date: never\r\nRetry-After: -1\r\nContent-Type: a\x01\xFFz\r\n", "", 0);
    else if (starts(path, "/continue"))
        say_text(socket, "HTTP/1.1 100 Continue\r\nContent-Type: no\r\n\r\n"),
            reply(socket, 200, "Date: Sun, 22 Nov 2026 19:28:09 GMT\r\n", "", 0);
    else if (starts(path, "/redirect"))
        reply(socket, 302, "Location: /status/200\r\n", "", 0);
    else if (starts(path, "/hang"))
        return true;
    else if (starts(path, "/headers"))
        return answer_endless_headers(socket), false;
    else if (starts(path, "/garbage"))
        return say_text(socket, "no HTTP at all\r\n\r\n"), false;
    else if (starts(path, "/cut"))
        return say_text(socket, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
               reset(socket), false;
    else
        return reset(socket), false;
    return true;
}

static void end_connection(struct connection *connection)
{
    pthread_mutex_lock(&server.lock);
    close(connection->socket);
    connection->socket = -1;
    pthread_mutex_unlock(&server.lock);
}

static void *serve_connection(void *argument)
{
    CLEANUP(strbuf_release) struct strbuf request = STRBUF_CAPPED((size_t)8 << 20);
    struct connection *connection = argument;
    int socket = connection->socket;
    bool doomed = false;

    while (read_request(socket, &request) && !doomed) {
        doomed = strstr(request.text, "/doomed") != NULL;
        if (doomed)
            reply(socket, 200, "", "", 0);
        else if (!serve(socket, &request))
            break;
    }
    end_connection(connection);
    return NULL;
}

static void *accept_connections(void *unused)
{
    for (int socket; (socket = accept(server.listener, NULL, NULL)) >= 0;) {
        pthread_mutex_lock(&server.lock);
        if (server.connection_count == CONNECTIONS_MOST)
            abort();
        struct connection *connection = &server.connections[server.connection_count++];
        connection->socket = socket;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        pthread_create(&connection->thread, NULL, serve_connection, connection);
        pthread_mutex_unlock(&server.lock);
    }
    return unused;
}

int toy_server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    server.connection_count = 0;
    server.requests = 0;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(server.listener, 128) < 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &length) < 0 ||
        pthread_create(&server.acceptor, NULL, accept_connections, NULL) != 0)
        abort();
    return ntohs(address.sin_port);
}

void toy_server_stop(void)
{
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.acceptor, NULL);
    close(server.listener);
    pthread_mutex_lock(&server.lock);
    for (int i = 0; i < server.connection_count; i++)
        if (server.connections[i].socket >= 0)
            shutdown(server.connections[i].socket, SHUT_RDWR);
    pthread_mutex_unlock(&server.lock);
    for (int i = 0; i < server.connection_count; i++)
        pthread_join(server.connections[i].thread, NULL);
}

int toy_server_connections(void)
{
    return counted(&server.connection_count);
}

int toy_server_requests(void)
{
    return counted(&server.requests);
}
