/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/raw_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MOST 128

static struct {
    pthread_mutex_t lock;
    pthread_t acceptor;
    int listener;
    bool (*answer)(int socket, const char *request);
    struct {
        pthread_t thread;
        int socket; /* -1: ended */
    } connections[CONNECTIONS_MOST];
    int count;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

void raw_server_bytes(int socket, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

void raw_server_say(int socket, const char *text)
{
    raw_server_bytes(socket, text, strlen(text));
}

void raw_server_chunk(int socket, const char *text)
{
    char length[24];
    snprintf(length, sizeof length, "%zx\r\n", strlen(text));
    raw_server_say(socket, length);
    raw_server_say(socket, text);
    raw_server_say(socket, "\r\n");
}

bool raw_server_pause(int socket, int ms)
{
    struct pollfd end = {.fd = socket, .events = POLLIN};
    return poll(&end, 1, ms) > 0;
}

/* False at the end of the connection. */
static bool read_request(int socket, char *request, size_t size)
{
    size_t length = 0;
    request[0] = '\0';
    while (strstr(request, "\r\n\r\n") == NULL) {
        ssize_t count = recv(socket, request + length, size - length - 1, 0);
        if (count <= 0)
            return false;
        length += (size_t)count;
        request[length] = '\0';
    }
    return true;
}

static void *serve(void *argument)
{
    size_t number = (size_t)argument;
    char request[32768];
    pthread_mutex_lock(&server.lock);
    int socket = server.connections[number].socket;
    pthread_mutex_unlock(&server.lock);
    while (read_request(socket, request, sizeof request) && server.answer(socket, request))
        continue;
    pthread_mutex_lock(&server.lock);
    close(socket);
    server.connections[number].socket = -1;
    pthread_mutex_unlock(&server.lock);
    return NULL;
}

static void *accept_connections(void *unused)
{
    for (int socket; (socket = accept(server.listener, NULL, NULL)) >= 0;) {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        pthread_mutex_lock(&server.lock);
        if (server.count == CONNECTIONS_MOST)
            abort();
        server.connections[server.count].socket = socket;
        pthread_create(&server.connections[server.count].thread, NULL, serve,
                       (void *)(size_t)server.count); // NOLINT(performance-no-int-to-ptr)
        server.count++;
        pthread_mutex_unlock(&server.lock);
    }
    return unused;
}

int raw_server_start(bool (*answer)(int socket, const char *request))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server.answer = answer;
    server.count = 0;
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(server.listener, 16) < 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &length) < 0 ||
        pthread_create(&server.acceptor, NULL, accept_connections, NULL) != 0)
        abort();
    return ntohs(address.sin_port);
}

void raw_server_stop(void)
{
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.acceptor, NULL);
    close(server.listener);
    pthread_mutex_lock(&server.lock);
    for (int i = 0; i < server.count; i++)
        if (server.connections[i].socket >= 0)
            shutdown(server.connections[i].socket, SHUT_RDWR);
    pthread_mutex_unlock(&server.lock);
    for (int i = 0; i < server.count; i++)
        pthread_join(server.connections[i].thread, NULL);
}

int raw_server_connections(void)
{
    pthread_mutex_lock(&server.lock);
    int count = server.count;
    pthread_mutex_unlock(&server.lock);
    return count;
}
