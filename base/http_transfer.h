/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_transfer - inside base/http: one request, its libcurl handle, and the answer so far.
 *
 * A transfer is bound to a peer for life and used for one request after the other, so that most
 * options are set once. It belongs to one engine, in one list at a time.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/http.h"

struct http_pool;
struct http_peer;

struct http_transfer {
    struct http_transfer *next, *previous; /* the engine's */
    struct http_pool *pool;                /* it is under way there; NULL: it is not */
    struct http_peer *peer;
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *connect_to;
    char *body;
    int64_t deadline_ms; /* as asked for */
    int64_t started_ms;
    int64_t ends_ms; /* on clock_boot_ms() */
    struct http_flow flow;
    bool flows;      /* a 200 has begun, its body goes to `flow` */
    bool repeatable; /* GET: libcurl may send it again when a reused connection turns out dead */
    bool left;       /* sending has begun: from here on the server may have seen it */
    bool headers_too_long;
    size_t header_bytes;
    char fault[CURL_ERROR_SIZE];
    struct http_answer answer;
};

struct http_transfer *http_transfer_new(struct http_peer *peer);
void http_transfer_free(struct http_transfer *transfer);

/* Copies the request and starts the clock. Returns false, with the answer's error set, when the
 * request is malformed. */
bool http_transfer_prepare(struct http_transfer *transfer, const struct http_request *request);

/* The deadline has passed. */
void http_transfer_overdue(struct http_transfer *transfer);
/* Turns libcurl's verdict into status or error. */
void http_transfer_conclude(struct http_transfer *transfer, CURLcode result);
/* The same for a transfer that was ended from here: "<origin>: <why>". */
void http_transfer_fail(struct http_transfer *transfer, enum error_kind kind, const char *why);

/* Hands the answer out and forgets the request. */
void http_transfer_take(struct http_transfer *transfer, struct http_answer *ret_answer);
