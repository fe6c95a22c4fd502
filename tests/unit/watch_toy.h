/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_toy - an API server's side of a watch: TLS and WebSocket on 127.0.0.1, well or badly
 * behaved as the path says. It shares no code with kube/ and does not use libwebsockets.
 *
 *   /events      101, two events and a bookmark, Close 1000
 *   /stay        101, one event, then answers pings until the client goes
 *   /silent      101, one event, then reads nothing and answers nothing
 *   /headers     101, one event whose object.metadata.name is the request, escaped
 *   /large/N     101, one event of about N bytes in one frame          /pieces   the same in pieces
 *   /gone        101, an ERROR event with code 410, Close 1000
 *   /broken      101, a message that is not JSON
 *   /short       101, Close 1000 at once                               /code     101, Close 1011
 *   /cut         101, one event, half of a second one, end of connection
 *   /status/N    that status, no body                                  /redirect 302 elsewhere
 *   /hang        reads the request and never answers
 *   anything else: end of connection
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct watch_toy_settings {
    const char *certificate_for; /* "IP:127.0.0.1", "DNS:kube.example" */
    bool wants_client;           /* refuses clients without a certificate of its CA */
    bool ipv6;                   /* on ::1 instead of 127.0.0.1 */
};

/* Makes a CA, a server certificate and a client certificate, and starts to serve. One a process. */
void watch_toy_start(const struct watch_toy_settings *settings);
void watch_toy_stop(void);

int watch_toy_port(void);
/* PEM, valid until watch_toy_stop(). */
const char *watch_toy_ca(void);
const char *watch_toy_other_ca(void); /* of nobody here */
const char *watch_toy_client_cert(void);
const char *watch_toy_client_key(void);
/* Pings seen since the start. */
int watch_toy_pings(void);
/* Connections that are open now. */
int watch_toy_open(void);
