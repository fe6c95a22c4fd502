/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - whether a binding's status must be written, and with which Event.
 *
 * A status is written only where it differs from what the store holds. One that says "not Ready"
 * waits until the binding has not been Ready for a second: who gets there sooner costs no extra
 * write. One for which IAM is being asked about the role waits too, for as long as the caller says:
 * it is written once. A change of Ready's reason is one Event, and so is a first reason that is not Ready; a
 * repeated one is folded into the first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/ports.h"
#include "controller/report_notice.h"
#include "reconcile/outcome.h"

/* What is remembered of a binding that is not Ready. */
struct report_memory {
    char *uid;
    const char *reason; /* static */
    int64_t since;      /* since when it has that reason, ms since boot */
    int64_t unready_since;
    bool seen; /* scratch of a pass */
};

/* An Event that was written, for folding. */
struct report_event {
    char *uid, *reason, *name; /* of the binding; of the change; of the Event object */
    int count;
    int64_t at;
};
#define REPORT_EVENTS 256

struct reports {
    struct report_memory *items; /* sorted by uid */
    size_t count;
    size_t capacity;
    struct report_event events[REPORT_EVENTS]; /* a ring */
    size_t next_event;
    struct report_notices notices; /* of the last pass */
};
void reports_release(struct reports *reports);

enum report_verdict {
    REPORT_NOTHING, /* status says so already */
    REPORT_WRITE,
    REPORT_LATER, /* not before `due` */
};

struct report {
    enum report_verdict verdict;
    struct outcome outcome;
    int64_t due;      /* when to look again by time alone, ms since boot; INT64_MAX: no need */
    bool event;       /* Ready's reason changes */
    bool distrust;    /* RoleTrusted turns False, and Ready's reason does not say so */
    bool awaits_role; /* LATER because of `role_wait` */
    const char *irsa; /* a service account in place that still carries an IRSA role, or NULL */
};

/* Judges one binding now. `context->reason_since` is filled in here; after a restart a binding
 * whose status says Stalled stays so while its reason stands. Nothing is written before `role_wait`
 * (ms since boot; 0: no need to wait). */
void report_make(struct reports *reports, const struct claim *claim,
                 struct outcome_context *context, int64_t role_wait, struct report *ret_report);
void report_release(struct report *report);

/* Around a look at all bindings that there are: memories of others end, and notices begin anew. */
void reports_begin(struct reports *reports);
void reports_look(struct reports *reports, const char *uid);
void reports_end(struct reports *reports);

/* Fills in the call that writes the Event for a binding: a new one, or the next of its series. What
 * it points to lives until the next call of this function. */
void report_event(struct reports *reports, const struct binding *binding, const char *reason,
                  bool warning, const char *note, int64_t now, uint64_t random,
                  struct event_in *ret_event);
/* It was not taken: the next one of this reason begins a series. */
void report_event_lost(struct reports *reports, const char *uid, const char *reason, int64_t now);
