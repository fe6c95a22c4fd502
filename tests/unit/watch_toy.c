/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/watch_toy.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/unit/watch_toy_pki.h"

#define CONNECTIONS_MOST 64
#define ADDED(name)                                                                                \
    "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\",\"name\":\"" name

enum opcode { CONTINUATION = 0, TEXT = 1, CLOSE = 8, PING = 9, PONG = 10 };

struct connection {
    SSL *ssl;
    char request[16384];
    char path[256];
};

static struct {
    SSL_CTX *tls;
    int listener;
    int port;
    char *ca, *other_ca, *client_cert, *client_key;
    pthread_t accepting;
    pthread_t serving[CONNECTIONS_MOST];
    int sockets[CONNECTIONS_MOST];
    int count;
    atomic_bool stopping;
    atomic_int pings;
    atomic_int open;
} toy;

/* ---- frames ---- */

static bool send_all(struct connection *connection, const void *bytes, size_t length)
{
    return length == 0 || SSL_write(connection->ssl, bytes, (int)length) == (int)length;
}

static bool send_frame(struct connection *connection, bool last, enum opcode opcode,
                       const char *bytes, size_t length)
{
    unsigned char head[10] = {(unsigned char)((last ? 0x80 : 0) | opcode)};
    size_t size = 2;
    if (length < 126) {
        head[1] = (unsigned char)length;
    } else if (length < 65536) {
        head[1] = 126, size = 4;
        head[2] = (unsigned char)(length >> 8), head[3] = (unsigned char)length;
    } else {
        head[1] = 127, size = 10;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)((uint64_t)length >> (56 - 8 * i));
    }
    return send_all(connection, head, size) && send_all(connection, bytes, length);
}

static void send_text(struct connection *connection, const char *text)
{
    send_frame(connection, true, TEXT, text, strlen(text));
}

static void send_close(struct connection *connection, unsigned code)
{
    const char reason[2] = {(char)(code >> 8), (char)code};
    send_frame(connection, true, CLOSE, reason, sizeof reason);
}

static bool read_all(struct connection *connection, unsigned char *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        int count = SSL_read(connection->ssl, bytes + done, (int)(length - done));
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

/* Small masked frames only: that is all a watch sends. */
static bool read_frame(struct connection *connection, unsigned char *ret_opcode,
                       unsigned char payload[126], size_t *ret_length)
{
    unsigned char head[6];
    if (!read_all(connection, head, sizeof head) || (head[1] & 0x7f) > 125)
        return false;
    *ret_opcode = head[0] & 0x0f;
    *ret_length = head[1] & 0x7f;
    if (!read_all(connection, payload, *ret_length))
        return false;
    for (size_t i = 0; i < *ret_length; i++)
        payload[i] ^= head[2 + i % 4];
    return true;
}

static void answer_pings(struct connection *connection)
{
    unsigned char opcode, payload[126];
    size_t length;
    while (read_frame(connection, &opcode, payload, &length) && opcode != CLOSE) {
        if (opcode != PING)
            continue;
        atomic_fetch_add(&toy.pings, 1);
        send_frame(connection, true, PONG, (const char *)payload, length);
    }
}

/* ---- behaviours ---- */

static void send_event(struct connection *connection)
{
    send_text(connection, ADDED("a\"}}}\n"));
}

static void serve_events(struct connection *connection)
{
    send_event(connection);
    send_text(connection,
              "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n");
    send_text(connection,
              "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\","
              "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
    send_close(connection, 1000);
    answer_pings(connection);
}

static void serve_stay(struct connection *connection)
{
    send_event(connection);
    answer_pings(connection);
}

static void serve_silent(struct connection *connection)
{
    char byte;
    send_event(connection);
    while (recv(SSL_get_fd(connection->ssl), &byte, 1, MSG_PEEK) > 0 && !atomic_load(&toy.stopping))
        usleep(20000);
}

static void serve_headers(struct connection *connection)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_str(&text, ADDED(""));
    strbuf_json(&text, connection->request);
    strbuf_str(&text, "\"}}}\n");
    send_text(connection, strbuf_text(&text));
    answer_pings(connection);
}

static void serve_large(struct connection *connection)
{
    size_t length = strtoul(connection->path + strlen("/large/"), NULL, 10);
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(length + 1024);
    CLEANUP_FREE char *filling = mem_alloc(length + 1);
    memset(filling, 'x', length);
    strbuf_str(&text, ADDED(""));
    strbuf_add(&text, filling, length);
    strbuf_str(&text, "\"}}}\n");
    send_frame(connection, true, TEXT, strbuf_text(&text), text.length);
    answer_pings(connection);
}

static void serve_pieces(struct connection *connection)
{
    static const char event[] = ADDED("in-pieces\"}}}\n");
    for (size_t at = 0; at < sizeof event - 1; at += 5) {
        size_t rest = sizeof event - 1 - at;
        send_frame(connection, rest <= 5, at == 0 ? TEXT : CONTINUATION, event + at,
                   rest < 5 ? rest : 5);
        if (at == 10)
            send_frame(connection, true, PING, "hi", 2);
    }
    answer_pings(connection);
}

static void serve_gone(struct connection *connection)
{
    send_text(connection, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
                          "\"reason\":\"Expired\",\"message\":\"too old resource version\"}}\n");
    send_close(connection, 1000);
    answer_pings(connection);
}

static void serve_broken(struct connection *connection)
{
    send_text(connection, "<html>hello</html>\n");
    answer_pings(connection);
}

static void serve_short(struct connection *connection)
{
    send_close(connection, 1000);
    answer_pings(connection);
}

static void serve_code(struct connection *connection)
{
    send_event(connection);
    send_close(connection, 1011);
    answer_pings(connection);
}

static void serve_cut(struct connection *connection)
{
    static const unsigned char half[] = {0x81, 100, '{', '"', 't'};
    send_event(connection);
    send_all(connection, half, sizeof half);
}

static const struct {
    const char *path;
    void (*serve)(struct connection *connection);
} behaviours[] = {
    {"/events", serve_events},   {"/stay", serve_stay},     {"/silent", serve_silent},
    {"/headers", serve_headers}, {"/large/", serve_large},  {"/pieces", serve_pieces},
    {"/gone", serve_gone},       {"/broken", serve_broken}, {"/short", serve_short},
    {"/code", serve_code},       {"/cut", serve_cut},
};

/* ---- handshakes ---- */

static bool read_request(struct connection *connection)
{
    size_t length = 0;
    while (length + 1 < sizeof connection->request) {
        int count = SSL_read(connection->ssl, connection->request + length,
                             (int)(sizeof connection->request - 1 - length));
        if (count <= 0)
            return false;
        length += (size_t)count;
        connection->request[length] = '\0';
        if (strstr(connection->request, "\r\n\r\n") != NULL)
            return sscanf(connection->request, "GET %255s ", connection->path) == 1;
    }
    return false;
}

static void accept_upgrade(struct connection *connection)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                      name[] = "Sec-WebSocket-Key: ";
    const char *key = strstr(connection->request, name);
    unsigned char digest[EVP_MAX_MD_SIZE], accept[64];
    char text[128], answer[256];
    assert(key != NULL);
    key += strlen(name);
    snprintf(text, sizeof text, "%.*s%s", (int)strcspn(key, "\r"), key, guid);
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    EVP_EncodeBlock(accept, digest, 20);
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          (const char *)accept);
    send_all(connection, answer, (size_t)length);
}

static void refuse(struct connection *connection)
{
    char answer[128];
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n",
                          (int)strtol(connection->path + strlen("/status/"), NULL, 10));
    send_all(connection, answer, (size_t)length);
}

static void answer_request(struct connection *connection)
{
    static const char redirect[] = "HTTP/1.1 302 Found\r\nLocation: /headers\r\n"
                                   "Content-Length: 0\r\n\r\n";
    if (strncmp(connection->path, "/status/", 8) == 0)
        refuse(connection);
    else if (strcmp(connection->path, "/redirect") == 0)
        send_all(connection, redirect, strlen(redirect));
    else if (strcmp(connection->path, "/hang") == 0)
        serve_silent(connection);
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        if (strncmp(connection->path, behaviours[i].path, strlen(behaviours[i].path)) == 0) {
            accept_upgrade(connection);
            behaviours[i].serve(connection);
            return;
        }
    }
}

static void *serve(void *argument)
{
    int socket = *(const int *)argument;
    struct connection *connection = mem_alloc(sizeof *connection);
    connection->ssl = SSL_new(toy.tls);
    SSL_set_fd(connection->ssl, socket);
    if (SSL_accept(connection->ssl) == 1 && read_request(connection))
        answer_request(connection);
    SSL_free(connection->ssl);
    mem_free(connection);
    shutdown(socket, SHUT_RDWR);
    atomic_fetch_sub(&toy.open, 1);
    return NULL;
}

static void *accept_clients(void *unused)
{
    (void)unused;
    while (toy.count < CONNECTIONS_MOST) {
        int client = accept(toy.listener, NULL, NULL);
        if (client < 0 || atomic_load(&toy.stopping)) {
            if (client >= 0)
                close(client);
            break;
        }
        atomic_fetch_add(&toy.open, 1);
        toy.sockets[toy.count] = client;
        pthread_create(&toy.serving[toy.count], NULL, serve, &toy.sockets[toy.count]);
        toy.count++;
    }
    return NULL;
}

/* ---- start and stop ---- */

static void make_certificates(const struct watch_toy_settings *settings)
{
    struct watch_toy_pair ca = watch_toy_pair_make("toy CA", NULL, NULL);
    struct watch_toy_pair other = watch_toy_pair_make("other CA", NULL, NULL);
    struct watch_toy_pair server = watch_toy_pair_make("server", &ca, settings->certificate_for);
    struct watch_toy_pair client = watch_toy_pair_make("client", &ca, NULL);
    toy.ca = watch_toy_pem_of(ca.certificate);
    toy.other_ca = watch_toy_pem_of(other.certificate);
    toy.client_cert = watch_toy_pem_of(client.certificate);
    toy.client_key = watch_toy_pem_of_key(client.key);
    SSL_CTX_use_certificate(toy.tls, server.certificate);
    SSL_CTX_use_PrivateKey(toy.tls, server.key);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(toy.tls), ca.certificate);
    watch_toy_pair_release(&ca);
    watch_toy_pair_release(&other);
    watch_toy_pair_release(&server);
    watch_toy_pair_release(&client);
}

static void listen_on(int family)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
    toy.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(toy.listener, address, size) < 0 || listen(toy.listener, 16) < 0 ||
        getsockname(toy.listener, address, &size) < 0)
        abort();
    toy.port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
}

void watch_toy_start(const struct watch_toy_settings *settings)
{
    memset(&toy, 0, sizeof toy);
    toy.tls = SSL_CTX_new(TLS_server_method());
    make_certificates(settings);
    if (settings->wants_client)
        SSL_CTX_set_verify(toy.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    listen_on(settings->ipv6 ? AF_INET6 : AF_INET);
    pthread_create(&toy.accepting, NULL, accept_clients, NULL);
}

void watch_toy_stop(void)
{
    atomic_store(&toy.stopping, true);
    shutdown(toy.listener, SHUT_RDWR);
    pthread_join(toy.accepting, NULL);
    close(toy.listener);
    for (int i = 0; i < toy.count; i++) {
        shutdown(toy.sockets[i], SHUT_RDWR);
        pthread_join(toy.serving[i], NULL);
        close(toy.sockets[i]);
    }
    SSL_CTX_free(toy.tls);
    mem_free(toy.ca);
    mem_free(toy.other_ca);
    mem_free(toy.client_cert);
    mem_free(toy.client_key);
}

int watch_toy_port(void)
{
    return toy.port;
}

const char *watch_toy_ca(void)
{
    return toy.ca;
}

const char *watch_toy_other_ca(void)
{
    return toy.other_ca;
}

const char *watch_toy_client_cert(void)
{
    return toy.client_cert;
}

const char *watch_toy_client_key(void)
{
    return toy.client_key;
}

int watch_toy_pings(void)
{
    return atomic_load(&toy.pings);
}

int watch_toy_open(void)
{
    return atomic_load(&toy.open);
}
