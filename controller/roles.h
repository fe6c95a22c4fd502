/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roles - what IAM says of the roles that bindings name: one answer a role, however many name it.
 *
 * GetRole runs beside the passes and stops none of them. It may be that IAM can't be reached at all
 * from where podbind runs, that podbind may not ask, or that it is asked too much; so
 *
 *     few calls are under way at once, and one a role
 *     what was read is asked for again every 10 minutes, sooner where something is wrong with the
 *     role and somebody may be mending it, and at once after a Create or Update that failed for it
 *     a call that IAM does not answer ends all asking for a while: 15 s, then 10 minutes; then one
 *     call tries
 *     what was read once counts for an hour when it can't be read any more
 *
 * A status is not written without what IAM says if a call is under way that may tell, and nothing
 * was ever read of the role: so that it is written once. That is for PORT_ROLE_TIMEOUT_MS at most,
 * and not at all while IAM does not answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "controller/ports.h"
#include "reconcile/role.h"

struct roles_entry {
    struct role role; /* what is known; points into `facts` */
    struct role_facts facts;
    char *name;
    struct call call; /* of this role; it is under way while `asking` */
    bool asking;
    bool wanted;           /* by a binding, as of the last look */
    bool refused;          /* what is known is not what a binding needs */
    unsigned looks;        /* in a row that found something wrong with it */
    int64_t due;           /* when to ask; all times in ms since boot */
    int64_t asked_at;      /* 0: never */
    int64_t read_at;       /* when the role was read last; 0: never */
    int64_t missing_since; /* 0: it is not */
    int64_t wait_until;    /* so long a first status may wait */
};

struct roles {
    const struct ports *ports;
    struct roles_entry **items; /* owned, sorted by name */
    size_t count, capacity;
    size_t asking;        /* calls under way */
    int64_t due;          /* nothing is to be asked before */
    int64_t closed_until; /* nothing may be asked before */
    unsigned failures;    /* calls in a row that IAM did not answer */
    int64_t failed_at;
    struct backoff throttle;
    uint64_t answers;     /* calls that came back */
    struct error trouble; /* of the last call that failed, for the log; cleared by success */
};

void roles_init(struct roles *roles, const struct ports *ports);
void roles_release(struct roles *roles);

/* Around a look at all bindings: roles that none of them names are forgotten. */
void roles_begin(struct roles *roles);
void roles_end(struct roles *roles);
/* A binding names this role. The entry stays while one does. */
struct roles_entry *roles_want(struct roles *roles, const char *role_arn);

/* The same without wanting it; NULL when none does. */
struct roles_entry *roles_find(const struct roles *roles, const char *role_arn);

/* A person asks: no more waiting. */
void roles_recheck(struct roles *roles, struct roles_entry *entry);
/* EKS had something to say of the role, for good or bad: what is known of it may be old. */
void roles_doubt(struct roles *roles, struct roles_entry *entry);
/* What is known of it is not what a binding needs: somebody may be mending it. */
void roles_refuse(struct roles *roles, struct roles_entry *entry);

/* Asks for what is due, as far as may be asked at once. */
void roles_ask(struct roles *roles);
/* When roles_ask() has something to do by time alone, ms since boot; INT64_MAX: nothing. */
int64_t roles_due(const struct roles *roles);
/* A CALL_READ_ROLE is back. True when it brought something new. `roles` is a struct roles. */
bool roles_back(void *roles, struct call *call);
/* Until when a status may wait for the role; 0: not at all. */
int64_t roles_wait_until(const struct roles *roles, const struct roles_entry *entry);
