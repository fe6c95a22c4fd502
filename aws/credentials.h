/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials - the AWS credentials in use, and the fetching of new ones before they run out. A
 * state machine: no clock, no environment, no sockets; the one thing it reads by itself is the
 * token file of the container source.
 *
 * Sources are rows of a table, asked in the SDKs' order; the first one that is configured is used,
 * and if it fails that is an error, never a reason to try the next. Now: environment variables,
 * then the container endpoint (EKS Pod Identity, ECS). A source may need several exchanges in a
 * row: credentials_fetch_due() then simply stays true.
 *
 * How it is driven (one thread):
 *
 *     if (credentials_fetch_due(c, wall))       at most one fetch is under way
 *         credentials_request(c, wall, &fetch)  send fetch.http to a peer with credentials_peer()
 *     ... credentials_answer(c, &answer, wall)  each request sent is answered once, good or bad
 *     credentials_current(c, wall)              to sign; NULL when there is nothing valid
 *
 * Expired credentials never sign: they stop being usable CREDENTIALS_MARGIN before they expire. A
 * failed fetch while the old ones are valid costs nothing; fetches are spaced by a backoff (1 s to
 * 30 s) after failures and rejections, by a minute after a success.
 *
 * Secrets are wiped before their memory is given back, also in the answer handed in (what jansson
 * and libcurl copy inside is out of reach). Error texts name the source and what was expected,
 * never a value of the token or the answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/sigv4.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/http.h"

/* Values of the environment variables; NULL or "" when unset. Copied by credentials_init(). */
struct credentials_environment {
    const char *access_key_id;          /* AWS_ACCESS_KEY_ID */
    const char *secret_access_key;      /* AWS_SECRET_ACCESS_KEY */
    const char *session_token;          /* AWS_SESSION_TOKEN */
    const char *container_relative_uri; /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI */
    const char *container_full_uri;     /* AWS_CONTAINER_CREDENTIALS_FULL_URI */
    const char *container_token_file;   /* AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE */
    const char *container_token;        /* AWS_CONTAINER_AUTHORIZATION_TOKEN */
};

/* Not signed with from this moment before they expire: a call may take that long to arrive. */
#define CREDENTIALS_MARGIN_US (60 * 1000000LL)
/* Renewed from this moment before they expire. */
#define CREDENTIALS_RENEW_US (15 * 60 * 1000000LL)

enum credentials_need {
    CREDENTIALS_FRESH,  /* usable */
    CREDENTIALS_SOON,   /* usable; to be renewed in the background */
    CREDENTIALS_NEEDED, /* nothing usable: hold the calls back until a fetch succeeds */
};

/* One set of credentials, owned. Zeroed is none. */
struct credentials_set {
    char *access_key_id;
    char *secret_key;
    char *session_token; /* "" when there is none */
    int64_t expires_us;  /* microseconds since 1970; 0: never */
};
void credentials_set_release(struct credentials_set *set);
/* Fails with ERROR_INVALID unless key id and secret are there and all three are printable ASCII
 * without spaces, the key id also without "/", "," and "=". `names` are what the error calls them:
 * key id, secret, token. */
int credentials_set_check(const struct credentials_set *set, const char *const names[3],
                          struct error *err);

struct credentials_source; /* a row of the table in credentials.c */

/* Caller's memory; all fields private. */
struct credentials {
    const struct credentials_source *source; /* NULL: none is configured */
    struct credentials_set set;
    struct sigv4_credentials view;
    char *url; /* of the container source, with one of the next two or none */
    char *token_file;
    char *token;
    struct error last; /* why there are none; kind ERROR_NONE: no reason to tell */
    struct backoff backoff;
    int64_t not_before_us; /* no fetch earlier */
    bool broken;           /* the settings are wrong: `last` says how, nothing will mend it */
    bool fetching;
    bool rejected; /* AWS called the current set expired */
};

/* Picks the source. Returns -1 when none is configured or its settings are wrong (ERROR_DENIED or
 * ERROR_INVALID); the struct is usable all the same and every credentials_current() tells the same
 * error. */
int credentials_init(struct credentials *credentials, const struct credentials_environment *from,
                     struct error *err);
void credentials_release(struct credentials *credentials);
/* "environment variables", "container endpoint", or "none": for logs. */
const char *credentials_source_name(const struct credentials *credentials);

enum credentials_need credentials_need(const struct credentials *credentials, int64_t wall_us);

/* What to sign with, borrowed until the next call that changes `credentials`. NULL when there is
 * nothing usable; err then says why: ERROR_TRANSIENT while a first fetch is under way or to be
 * repeated, ERROR_DENIED or ERROR_INVALID when the settings must be mended. */
const struct sigv4_credentials *credentials_current(const struct credentials *credentials,
                                                    int64_t wall_us, struct error *err);

/* True when a fetch is to be started now. Always false for sources that need none. */
bool credentials_fetch_due(const struct credentials *credentials, int64_t wall_us);

/* A request to be sent, and what it points to. */
struct credentials_fetch {
    struct http_request http;
    char *owned_headers[4];
};
void credentials_fetch_release(struct credentials_fetch *fetch);

/* Fills ret_fetch, and counts it as under way: hand its answer to credentials_answer(). On failure
 * (token file unreadable, line break in the token) nothing is to be sent and the backoff is taken.
 * `ret_fetch` must stay where it is until the request was started (http_start() copies). */
int credentials_request(struct credentials *credentials, int64_t wall_us,
                        struct credentials_fetch *ret_fetch, struct error *err);

/* Takes the answer to the request under way and wipes its body. Returns 0 when new credentials are
 * in use. */
int credentials_answer(struct credentials *credentials, struct http_answer *answer, int64_t wall_us,
                       struct error *err);

/* How the peer for these requests is to be set up: no proxy for the container endpoint, short
 * connect time. Strings are borrowed from static memory. */
void credentials_peer(const struct credentials *credentials, struct http_settings *ret_settings);

/* AWS answered that the current set has expired (ExpiredTokenException): drops it where the source
 * can fetch another, and returns true. Fetches after rejections in a row are spaced by the backoff.
 */
bool credentials_reject(struct credentials *credentials, int64_t wall_us);
