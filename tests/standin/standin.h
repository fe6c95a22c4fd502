/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin - AWS as one function: an HTTP request in, a reply out. No sockets here.
 *
 * It serves EKS (REST and JSON), IAM and STS (forms and XML) to signed requests, and under
 * /_standin/ the world behind them to anybody on this machine. README.md beside this file is the
 * manual of both. Safe from any thread: everything is done under one lock, which is never held
 * while a reply waits.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "tests/standin/model.h"
#include "tests/standin/standin_log.h"
#include "tests/standin/standin_permit.h"
#include "tests/standin/standin_request.h"
#include "tests/standin/standin_sigv4.h"

#define STANDIN_BODY_MAX ((size_t)1 << 20)   /* of a request */
#define STANDIN_REPLY_MAX ((size_t)64 << 20) /* of a reply */
#define STANDIN_KEYS_MAX 64 /* credentials known at once; handed-out ones push the oldest out */

/* What becomes of a reply, and the reply. `delay_ms` counts from the request's arrival. */
struct standin_reply {
    int status;
    enum model_fate fate;
    int64_t delay_ms;
    const char *content_type; /* static text */
    char request_id[40];
    char error_type[128];   /* header x-amzn-ErrorType; "": not sent */
    int64_t retry_after_ms; /* header x-amz-retry-after; 0: not sent */
    int64_t date_ms;        /* header Date; 0: not sent */
    struct strbuf body;
    bool under_way; /* counted as in flight until standin_delivered() */
};

/* A world that is somebody else's, with a time of its own. */
struct standin_world {
    struct model *model;               /* borrowed */
    int64_t (*now_ms)(void *context);  /* what the model goes by; never runs backwards */
    uint64_t (*random)(void *context); /* one for each request that reaches the model */
    int64_t epoch_ms;                  /* epoch time when now_ms() was 0: signatures go by it */
    void *context;
};

/* The members are for the standin_*.c files, under the lock. */
struct standin {
    pthread_mutex_t lock;
    struct model *model;
    struct standin_world world; /* model NULL: the machine's clock, a seed, a model of our own */
    struct standin_credential keys[STANDIN_KEYS_MAX];
    size_t key_count, key_fixed; /* the first key_fixed came by the command line */
    size_t key_next;             /* where the next handed-out one goes */
    char container_token[4096];  /* "": no credentials are handed out */
    char *web_token;             /* what AssumeRoleWithWebIdentity wants; NULL: any */
    int64_t credentials_lifetime_ms;
    int64_t clock_ahead_ms; /* what AWS's clock shows more than the machine's */
    uint64_t random;
    int64_t epoch_ms; /* epoch time when the boot clock was 0: time here never runs backwards */
    struct standin_permits permits;
    size_t in_flight, most_in_flight;
    struct standin_log log;
};

void standin_init(struct standin *standin, uint64_t seed);
/* The same in a given world; the seed then makes request ids and keys only. */
void standin_init_in(struct standin *standin, const struct standin_world *world, uint64_t seed);
void standin_release(struct standin *standin);

/* Milliseconds since 1970. */
int64_t standin_now_ms(const struct standin *standin);
/* The same by AWS's clock: signatures, Date and the life of credentials go by it. */
int64_t standin_clock_ms(const struct standin *standin);
/* The same as the model counts. */
int64_t standin_model_ms(const struct standin *standin);
uint64_t standin_random(struct standin *standin);
/* For the model. */
uint64_t standin_model_random(struct standin *standin);
/* Knows a key for ever. Returns false when there are too many or a part is too long. */
bool standin_add_key(struct standin *standin, const char *key_id, const char *secret,
                     const char *session_token);

/* Answers a request. ret_reply must be delivered and released. */
void standin_serve(struct standin *standin, const struct standin_request *request,
                   struct standin_reply *ret_reply);
/* The reply has arrived, or never will. */
void standin_delivered(struct standin *standin, struct standin_reply *reply);
void standin_reply_release(struct standin_reply *reply);
