/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - an HTTP client over libcurl's multi interface: many requests under way on one thread.
 *
 * `struct http` is the engine, one per thread: whatever peers its requests go to, http_next() waits
 * for all of them at once. `struct http_peer` says how one server is spoken to; it may be replaced
 * (new credentials, new CA) while old requests are under way. With HTTP/2 all requests to a peer
 * share one connection. Redirects are off, TLS is always verified, answers over the cap fail.
 *
 * Never trust a connection after a time-out: libcurl 7.88 puts the next request on the same dead
 * HTTP/2 connection. So a transport time-out retires the whole multi handle: requests under way
 * on it run to their end, new ones use a fresh handle.
 *
 * Never send a write twice: libcurl repeats a request by itself when a reused connection turns out
 * dead. Here only a GET is; any other method ends with ERROR_UNKNOWN.
 *
 * Never send late: no request leaves after its deadline, however long the process was stopped in
 * between.
 *
 * The process must ignore SIGPIPE, which TLS raises on a connection that the server has closed.
 *
 * Outcomes: an answer of any status is not an error here (`status` > 0). No answer is:
 * ERROR_TRANSIENT when the request surely never left (resolve, connect, TLS handshake),
 * ERROR_UNKNOWN when it may have (time-out, reset, cut body), ERROR_INVALID for an answer over the
 * cap or a malformed URL or header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

struct http;
struct http_peer;

struct http_settings {
    const char *ca_file;     /* PEM bundle; NULL: the system's */
    const char *ca_pem;      /* PEM text instead of a file; NULL: none */
    const char *cert_pem;    /* client certificate, PEM text; NULL: none */
    const char *key_pem;     /* its key, PEM text; NULL: none */
    const char *proxy;       /* URL, for every host; "": none; NULL: HTTPS_PROXY, NO_PROXY decide */
    const char *user_agent;  /* NULL: "podbind/<version>" */
    const char *server_name; /* for SNI and the certificate check; NULL: the URL's host */
    bool http2;              /* offer h2 and multiplex; otherwise HTTP/1.1 keep-alive */
    int keep_alive_s;        /* silence before TCP asks whether the server is there; 0: 15 */
    int64_t connect_ms;      /* longest connect and TLS handshake; 0: 3,000 */
};

/* For an answer that goes on and on: the body of a 200 is handed on as it comes. Both run inside
 * http_next(), and must not call this module. What other statuses bring is gathered as usual. */
struct http_flow {
    void (*begun)(void *context, const char *content_type); /* a 200: its headers are complete */
    bool (*bytes)(void *context, const char *bytes, size_t length); /* false ends the exchange */
    int64_t begin_ms; /* the headers must be complete by then, from the start */
};

struct http_request {
    const char *method; /* "GET", "POST", "PATCH", "PUT", "DELETE" */
    const char *url;
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
    const char *body;           /* NULL: none (a Content-Length: 0 is sent for POST, PUT, PATCH) */
    size_t body_length;
    size_t answer_cap;            /* bytes of body; 0: 4 MiB */
    int64_t deadline_ms;          /* for the whole exchange, from its start; 0: 4,000 */
    const struct http_flow *flow; /* copied; NULL: the answer is gathered */
    void *context;                /* handed back untouched */
};

struct http_answer {
    void *context;
    struct error error; /* kind ERROR_NONE when there is an answer */
    int status;         /* HTTP status, 0 without an answer */
    struct strbuf body; /* owned by the answer */
    char content_type[64];
    char error_type[128]; /* x-amzn-ErrorType */
    int64_t
        retry_after_ms; /* Retry-After (s) or x-amz-retry-after (ms), an hour at most; 0: absent */
    int64_t date_us;    /* Date header of a refusal (400 and more), microseconds since 1970; or 0 */
    double seconds;     /* the whole exchange */
};

/* The settings' strings are copied. A peer outlives the requests started with it (reference
 * counted inside: freeing it while some are under way is fine). */
struct http_peer *http_peer_new(const struct http_settings *settings);
void http_peer_free(struct http_peer *peer);

struct http *http_new(void);
/* Ends what is under way without handing it back. */
void http_free(struct http *http);

/* Sends a request; strings and body are copied. Never blocks. */
void http_start(struct http *http, struct http_peer *peer, const struct http_request *request);
/* Requests started and not yet handed back. */
size_t http_pending(const struct http *http);
/* Moves the next finished exchange to ret_answer, waiting until `wait_ms` at most (0: just look).
 * With 16 and more under way, what comes back within 10 ms is taken in together.
 * Returns false when none finished in time, or when http_wake() was called. */
bool http_next(struct http *http, int64_t wait_ms, struct http_answer *ret_answer);
/* Makes a waiting http_next() return early, or the next one return at once. The only call allowed
 * from other threads. */
void http_wake(struct http *http);
/* Ends the request that has this context, if there is one. It is not handed back. */
void http_cancel(struct http *http, const void *context);
/* Ends every request under way; each is handed back with ERROR_UNKNOWN. */
void http_abort(struct http *http);

/* One request on an engine with nothing else under way, waited for. A wake does not end it; it is
 * kept for the next http_next(). */
void http_exchange(struct http *http, struct http_peer *peer, const struct http_request *request,
                   struct http_answer *ret_answer);
void http_answer_release(struct http_answer *answer);
