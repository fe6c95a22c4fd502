/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials - the AWS credentials in use, and the fetching of new ones before they run out. A
 * state machine: no clock, no environment, no sockets, no programs run. What it reads by itself are
 * files: tokens, and the shared config and credentials files.
 *
 * The sources are rows of a table (aws/credentials_chain), asked in the SDKs' order:
 *
 *     environment variables → web identity → profile → container endpoint → instance metadata
 *
 * The first one that is configured is used, and if it fails that is an error, never a reason to try
 * the next. What it takes to get credentials from it is a list of stages: usually one, and for a
 * profile that assumes a role those of its source, then STS. A stage may take several exchanges.
 * What a stage gave is kept for the next fetch as long as it lasts. The files of the profile are
 * read again before each fetch, so mending them needs no restart.
 *
 * How it is driven (one thread):
 *
 *     if (credentials_fetch_due(c, wall))       at most one exchange is under way
 *         credentials_request(c, wall, &fetch)  do what fetch.what says
 *     ... credentials_answer(c, &answer, wall)  each request sent is answered once, good or bad
 *     ... credentials_output(c, ...)            the same for a program that was run
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

#include "aws/endpoint.h"
#include "aws/imds.h"
#include "aws/profile.h"
#include "aws/sigv4.h"
#include "base/backoff.h"
#include "base/error.h"
#include "base/http.h"

/* Values of the environment variables; NULL or "" when unset. Borrowed: they must outlive the
 * credentials. */
struct credentials_environment {
    const char *access_key_id;           /* AWS_ACCESS_KEY_ID */
    const char *secret_access_key;       /* AWS_SECRET_ACCESS_KEY */
    const char *session_token;           /* AWS_SESSION_TOKEN */
    const char *role_arn;                /* AWS_ROLE_ARN */
    const char *web_identity_token_file; /* AWS_WEB_IDENTITY_TOKEN_FILE */
    const char *role_session_name;       /* AWS_ROLE_SESSION_NAME */
    struct profile_environment profile;
    const char *container_relative_uri; /* AWS_CONTAINER_CREDENTIALS_RELATIVE_URI */
    const char *container_full_uri;     /* AWS_CONTAINER_CREDENTIALS_FULL_URI */
    const char *container_token_file;   /* AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE */
    const char *container_token;        /* AWS_CONTAINER_AUTHORIZATION_TOKEN */
    struct imds_environment imds;
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
void credentials_set_copy(const struct credentials_set *set, struct credentials_set *ret_set);
/* Fails with ERROR_INVALID unless key id and secret are there and all three are printable ASCII
 * without spaces, the key id also without "/", "," and "=". `names` are what the error calls them:
 * key id, secret, token. */
int credentials_set_check(const struct credentials_set *set, const char *const names[3],
                          struct error *err);

struct credentials_stage; /* aws/credentials_stage.h */
struct credentials_source;

#define CREDENTIALS_STAGES_MOST 8
#define CREDENTIALS_NAME_SIZE 160

/* What is to be done to get credentials, as the environment and the files say. */
struct credentials_chain {
    const struct credentials_source *source; /* a row of the table; NULL: none is configured */
    char name[CREDENTIALS_NAME_SIZE];        /* for logs and errors */
    struct credentials_stage *stages;        /* owned */
    size_t count;
    uint8_t digest[DIGEST_SIZE]; /* of the files */
};

/* Caller's memory; all fields private. */
struct credentials {
    const struct credentials_environment *from; /* borrowed */
    const struct endpoint *sts;                 /* borrowed */
    struct credentials_chain chain;
    struct credentials_set set;
    struct sigv4_credentials view;
    struct error last; /* why there are none; kind ERROR_NONE: no reason to tell */
    struct backoff backoff;
    int64_t not_before_us; /* no fetch earlier */
    size_t stage;          /* under way: this one of the chain */
    bool busy;             /* a fetch has begun and has not ended */
    bool fetching;         /* an exchange is under way */
    bool broken;           /* the settings are wrong: `last` says how, no file will mend it */
    bool rejected;         /* AWS called the current set expired or unknown */
};

/* Picks the source. Returns -1 when none is configured or its settings are wrong (ERROR_DENIED or
 * ERROR_INVALID); the struct is usable all the same and every credentials_current() tells the same
 * error. `from` and `sts` (where STS is spoken to) are borrowed for the struct's life. */
int credentials_init(struct credentials *credentials, const struct credentials_environment *from,
                     const struct endpoint *sts, struct error *err);
void credentials_release(struct credentials *credentials);
/* "environment variables", "web identity", "profile \"prod\": credential_process", "container
 * endpoint", "instance metadata", or "none": for logs. May change with a fetch. */
const char *credentials_source_name(const struct credentials *credentials);

enum credentials_need credentials_need(const struct credentials *credentials, int64_t wall_us);
/* When they expire; 0: never, or there are none. */
int64_t credentials_expiry(const struct credentials *credentials);

/* What to sign with, borrowed until the next call that changes `credentials`. NULL when there is
 * nothing usable; err then says why: ERROR_TRANSIENT while a first fetch is under way or to be
 * repeated, ERROR_DENIED or ERROR_INVALID when the settings must be mended. */
const struct sigv4_credentials *credentials_current(const struct credentials *credentials,
                                                    int64_t wall_us, struct error *err);

/* True when a fetch is to be started, or gone on with, now. */
bool credentials_fetch_due(const struct credentials *credentials, int64_t wall_us);

enum credentials_what {
    CREDENTIALS_NOTHING, /* new credentials are in use already: there is nothing to send */
    CREDENTIALS_LOCAL,   /* send `http` on a peer without any proxy (credentials_peer()) */
    CREDENTIALS_AWS,     /* send `http` to STS, as to any other AWS service */
    CREDENTIALS_PROGRAM, /* run `argv` */
};

/* A request to be sent, and what it points to. Must stay where it is. */
struct credentials_fetch {
    enum credentials_what what;
    struct http_request http;
    char *owned_url;
    char *owned_headers[6];
    char *owned_body;
    const char *const *argv; /* borrowed until the output is handed in; ended by NULL */
};
void credentials_fetch_release(struct credentials_fetch *fetch);

#define CREDENTIALS_PROGRAM_CAP ((size_t)64 * 1024)
#define CREDENTIALS_PROGRAM_MS 20000

/* Fills ret_fetch, and counts it as under way unless it is CREDENTIALS_NOTHING: hand its answer to
 * credentials_answer() or credentials_output(). On failure (token file unreadable, profile
 * malformed) nothing is to be sent and the backoff is taken. */
int credentials_request(struct credentials *credentials, int64_t wall_us,
                        struct credentials_fetch *ret_fetch, struct error *err);

/* Takes the answer to the request under way and wipes its body. Returns 0 when new credentials are
 * in use, and 1 when the fetch goes on: it is due at once. */
int credentials_answer(struct credentials *credentials, struct http_answer *answer, int64_t wall_us,
                       struct error *err);
/* The same for a program: what it printed, or why it failed (`failure`, kind ERROR_NONE: it did
 * not). The bytes are the caller's to wipe. */
int credentials_output(struct credentials *credentials, const char *bytes, size_t length,
                       const struct error *failure, int64_t wall_us, struct error *err);

/* How the peer of CREDENTIALS_LOCAL is to be set up: no proxy, short connect time. Strings are
 * borrowed from static memory. */
void credentials_peer(struct http_settings *ret_settings);

/* True when the keys in use stand in a file, where a person may have written them wrongly. */
bool credentials_are_written(const struct credentials *credentials);
/* AWS answered (`why`) that the current set has expired, is not known or does not fit: drops it
 * where the source can give another, and returns true; until there is one, credentials_current()
 * tells why. Fetches after rejections in a row are spaced by the backoff. */
bool credentials_reject(struct credentials *credentials, int64_t wall_us, const struct error *why);
