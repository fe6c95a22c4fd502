/* SPDX-License-Identifier: Apache-2.0 */
/* http_peer - inside base/http: the settings of one server, and how they reach a libcurl handle. */
#pragma once

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/http.h"

/* Counted references, since idle handles point into it. Nothing changes after http_peer_new(). */
struct http_peer {
    atomic_uint references;
    atomic_bool freed; /* http_peer_free() was called: keep no idle handle for it */
    char *ca_file;
    char *ca_pem;
    char *cert_pem;
    char *key_pem;
    char *proxy;
    char *user_agent;
    char *server_name;
    bool http2;
    long keep_alive_s;
    long connect_ms;
};

struct http_peer *http_peer_hold(struct http_peer *peer);
void http_peer_drop(struct http_peer *peer);

/* Sets every option of the handle that is the same for all requests to this peer. The handle
 * borrows the PEM texts: hold the peer as long as the handle lives. */
void http_peer_configure(const struct http_peer *peer, CURL *easy);
