/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake - the way in from the API server: keeps the watches going, and what they bring aside while
 * a pass borrows from the stores.
 *
 * Whoever waits for calls waits through intake_next(): it takes changes off the port into a heap of
 * pending ones. Only intake_run(), called between passes, lets them into the stores.
 *
 * A whole state that is empty is asked for again every 15 s for five minutes: if it was a server's
 * mistake, no event would ever mend it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controller/ports.h"
#include "controller/writes.h"
#include "informers/informer.h"

/* A binding that a person has just changed; its steps go first. */
struct fresh_binding {
    char *namespace, *name;
    bool recheck; /* the annotation podbind.dev/reconcile-at changed: look at its keys now */
};

struct fresh_list {
    struct fresh_binding *items; /* sorted by namespace, name; FRESH_CAP at most */
    size_t count;
    size_t capacity;
};
#define FRESH_CAP 1000

struct intake {
    const struct ports *ports;
    struct informer informers[RESOURCE_COUNT];
    struct changes pending;
    struct call list_calls[RESOURCE_COUNT];
    bool list_done[RESOURCE_COUNT]; /* a page is back and waits for intake_run() */
    struct writes writes;
    struct intake_aside { /* calls that nobody waits for (call_is_aside); NULL: there are none */
        void *context;
        /* Takes one that is back. True when a pass is to look at what it brought. */
        bool (*back)(void *context, struct call *call);
    } aside;
    struct intake_doubt {
        unsigned looks; /* how often the whole state is still to be asked for again */
        int64_t due;    /* when next; ms since boot */
        bool asked;     /* the next whole state is such a further look */
    } doubts[RESOURCE_COUNT];
    struct fresh_list fresh; /* changed since the last intake_taken() */
    bool news;               /* something changed since the last intake_taken(): a pass is wanted */
    bool urgent;             /* a person's change is pending: a pass under way should make room */
    /* Counted for metrics. */
    uint64_t opened[RESOURCE_COUNT];               /* watches that stood */
    uint64_t ended[RESOURCE_COUNT][ERROR_BUG + 1]; /* watches that ended, by kind of error */
    uint64_t unreadable[RESOURCE_COUNT];           /* objects that were no records */
    struct error last_error; /* of the last watch or list that failed; cleared when synced */
};

enum intake_event { INTAKE_CALL, INTAKE_NEWS, INTAKE_TIMEOUT, INTAKE_GONE };

void intake_init(struct intake *intake, const struct ports *ports);
void intake_release(struct intake *intake);

/* Lets what is pending into the stores and makes the informers' next moves. */
void intake_run(struct intake *intake);
/* Waits for a call of the caller's, for news, or until the deadline (ms since boot). */
enum intake_event intake_next(struct intake *intake, int64_t deadline, struct call **ret_call);
/* True once both stores hold a whole state. */
bool intake_synced(const struct intake *intake);
/* Another may have written until now, and what it went by may not have reached us: both states are
 * taken anew. */
void intake_renew(struct intake *intake);
/* True when both stores hold a whole state that was asked for after the last intake_renew(). */
bool intake_current(const struct intake *intake);
/* The last whole state was empty, and is still going to be asked for again. */
bool intake_doubts(const struct intake *intake, enum resource resource);
/* When intake_run() has something to do by time alone; INT64_MAX: nothing. */
int64_t intake_due(const struct intake *intake);
/* A pass begins with what is in the stores now: news and fresh bindings start anew. The list of
 * those fresh until now moves to ret_fresh. */
void intake_taken(struct intake *intake, struct fresh_list *ret_fresh);

const struct fresh_binding *fresh_find(const struct fresh_list *fresh, const char *namespace,
                                       const char *name);
void fresh_release(struct fresh_list *fresh);
