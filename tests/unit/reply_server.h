/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply_server - a server on 127.0.0.1 that keeps the requests it gets, bodies among them, and
 * answers them with the replies that a test has laid out, in order. One connection a request. A
 * request for which there is no reply is answered with 599.
 */
#pragma once

#include <stddef.h>

#define REPLY_SERVER_MOST 16

/* The body is `body`, or, when it is NULL, that many times "x". */
struct reply {
    int status;          /* 0: the connection is closed without a word; -1: silence */
    const char *headers; /* "Name: value\r\n" each; NULL: none */
    const char *body;
    size_t length;
};

/* One a process. Returns its port. */
int reply_server_start(void);
void reply_server_stop(void);

/* Forgets the requests and lays out new replies; they are borrowed. */
void reply_server_lay(const struct reply *replies, size_t count);
/* How many requests came since then, and one of them whole, or "". Free with mem_free(). */
size_t reply_server_count(void);
char *reply_server_request(size_t index);
