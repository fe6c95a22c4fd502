/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/reply_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/unit/raw_server.h"

#define REQUEST_CAP ((size_t)256 * 1024)
#define SILENCE_MS 3000

static int listener = -1;
static pthread_t thread;
static atomic_bool stopping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct reply *laid;
static size_t laid_count, request_count;
static char *requests[REPLY_SERVER_MOST];

/* Bytes of the body that the head promises. */
static size_t promised(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");

    return at ? (size_t)strtoul(at + 17, NULL, 10) : 0;
}

static bool is_whole(const struct strbuf *request)
{
    const char *end = request->text ? strstr(request->text, "\r\n\r\n") : NULL;

    return end && request->length >= (size_t)(end + 4 - request->text) + promised(request->text);
}

static void read_request(int socket, struct strbuf *request)
{
    char bytes[4096];
    ssize_t got = 1;

    while (!is_whole(request) && strbuf_ok(request) && got > 0) {
        struct pollfd one = {.fd = socket, .events = POLLIN};

        if (poll(&one, 1, SILENCE_MS) <= 0)
            return;
        got = recv(socket, bytes, sizeof bytes, 0);
        if (got > 0)
            strbuf_add(request, bytes, (size_t)got);
        if (strstr(strbuf_text(request), "100-continue"))
            send(socket, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    }
}

static void send_reply(int socket, const struct reply *reply)
{
    struct strbuf text = {.cap = (size_t)8 << 20};
    size_t length = reply->body ? strlen(reply->body) : reply->length;

    strbuf_format(&text, "HTTP/1.1 %d Reply\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                  reply->status, length, reply->headers ? reply->headers : "");
    if (reply->body)
        strbuf_str(&text, reply->body);
    for (size_t i = 0; !reply->body && i < length; i++)
        strbuf_char(&text, 'x');
    raw_server_bytes(socket, text.text, text.length);
    strbuf_release(&text);
}

static struct reply keep(struct strbuf *request)
{
    struct reply reply = {.status = 599, .body = "no reply was laid out"};

    pthread_mutex_lock(&lock);
    if (request_count < laid_count)
        reply = laid[request_count];
    if (request_count < REPLY_SERVER_MOST)
        requests[request_count] = strbuf_take(request);
    request_count++;
    pthread_mutex_unlock(&lock);
    return reply;
}

static void serve(int socket)
{
    struct strbuf request = {.cap = REQUEST_CAP};

    read_request(socket, &request);
    struct reply reply = keep(&request);
    for (int i = 0; reply.status < 0 && i < SILENCE_MS / 10 && !atomic_load(&stopping); i++) {
        struct pollfd one = {.fd = socket, .events = POLLIN};

        if (poll(&one, 1, 10) > 0) /* the client has hung up */
            break;
    }
    if (reply.status > 0)
        send_reply(socket, &reply);
    strbuf_release(&request);
    shutdown(socket, SHUT_WR);
    close(socket);
}

static void *listen_on(void *unused)
{
    (void)unused;
    while (!atomic_load(&stopping)) {
        int socket = accept(listener, NULL, NULL);

        if (socket >= 0)
            serve(socket);
    }
    return NULL;
}

int reply_server_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 16) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        abort();
    atomic_store(&stopping, false);
    if (pthread_create(&thread, NULL, listen_on, NULL) != 0)
        abort();
    return ntohs(address.sin_port);
}

static void forget(void)
{
    for (size_t i = 0; i < REPLY_SERVER_MOST; i++) {
        mem_free(requests[i]);
        requests[i] = NULL;
    }
    request_count = 0;
}

void reply_server_stop(void)
{
    atomic_store(&stopping, true);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    forget();
}

void reply_server_lay(const struct reply *replies, size_t count)
{
    pthread_mutex_lock(&lock);
    forget();
    laid = replies;
    laid_count = count;
    pthread_mutex_unlock(&lock);
}

size_t reply_server_count(void)
{
    pthread_mutex_lock(&lock);
    size_t count = request_count;
    pthread_mutex_unlock(&lock);
    return count;
}

char *reply_server_request(size_t index)
{
    pthread_mutex_lock(&lock);
    char *text = mem_strdup(index < REPLY_SERVER_MOST && requests[index] ? requests[index] : "");
    pthread_mutex_unlock(&lock);
    return text;
}
