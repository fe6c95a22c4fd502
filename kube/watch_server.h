/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_server - one API server as one identity, for watches: name, CA, client certificate. To
 * change any of them make a new one and free the old one; open watches keep what they need.
 */
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "base/loop.h"

struct watch_server;

struct watch_server_settings {
    const char *host; /* of the server URL, no brackets; for Host, Origin, SNI and certificate */
    int port;
    const char *server_name; /* for SNI and the certificate instead of host; "" or NULL: host */
    const char *ca_pem;   /* every certificate in it is trusted; "" or NULL: the system's bundle */
    const char *cert_pem; /* client certificate with its chain; "" or NULL: none */
    const char *key_pem;
    const char *proxy_url; /* "http://[user:password@]host:port"; "" or NULL: none */
    const char *user_agent;
    int connect_s; /* connect, TLS and upgrade; 0: 5 */
    int ping_s;    /* silence before a ping; 0: 6 */
    int hang_up_s; /* silence before the end; 0: 12 */
};

/* Copies the settings. Any thread. ERROR_INVALID when certificates or key can't be read, a name is
 * longer than 110 bytes, or the proxy is none that can be used. */
struct watch_server *watch_server_new(struct loop *loop,
                                      const struct watch_server_settings *settings,
                                      struct error *err);
/* Any thread, while the loop runs; open watches keep what they need. NULL is fine. At the end of
 * the process use watch_finish() instead: what the loop has not yet run when it stops never runs.
 */
void watch_server_free(struct watch_server *server);

/* ---- for watch.c ---- */

struct lws;
struct lws_context;
struct lws_retry_bo;
struct lws_protocols;
struct lws_vhost;

/* All watches of the server whose handle has not been given back. */
struct watch_list {
    pthread_mutex_t lock;
    struct watch *first;
};
struct watch_list *watch_server_list(struct watch_server *server);
struct loop *watch_server_loop(const struct watch_server *server);
/* Keeps the server while a watch is open. Any thread; all below on the loop's. */
void watch_server_hold(struct watch_server *server);
void watch_server_drop(struct watch_server *server);
struct lws_context *watch_server_context(const struct watch_server *server);
/* The vhost for a connection to that numeric address (of the proxy, when there is one). Made by the
 * first call. NULL when that fails. */
struct lws_vhost *watch_server_vhost(struct watch_server *server,
                                     const struct lws_protocols *protocols, const char *address);
/* What to connect to: the address, or behind a proxy the host. */
const char *watch_server_target(const struct watch_server *server, const char *address);
int watch_server_port(const struct watch_server *server);
const char *watch_server_host_header(const struct watch_server *server);
const char *watch_server_user_agent(const struct watch_server *server);
int watch_server_connect_s(const struct watch_server *server);
const struct lws_retry_bo *watch_server_liveness(const struct watch_server *server);
/* "https://host:port" without a port of 443: the Origin header, which must be there. */
const char *watch_server_origin(const struct watch_server *server);
/* Why the server's certificate was refused in the handshake just made, "" if it was not. */
const char *watch_server_refusal(const struct watch_server *server);
