/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard - the deletion budget (rule D3): how many Deletes may go now.
 *
 * In any ten minutes at most max(floor, 10 % of ours at the window's start). More than what is left
 * of that wanted at once holds all of them: a few deletions are somebody's work, many at once may
 * be a mistake. They go on when fewer are wanted, or when a person lets a number through.
 *
 * What was spent stands as text in an annotation on the Lease, written before the Deletes, so that
 * neither a restart nor another leader begins anew:
 *
 *     1796000000=12/350 1796000042=3/338      seconds since 1970 = Deletes / ours by then
 *
 * These times are for people and to tell one spending from another. How old it is, is judged by our
 * own clock since boot, from when this process first knew of it: no clock that jumps, and none of
 * another machine, shortens the window. A restart lengthens it.
 *
 * Pure: time is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define GUARD_WINDOW_MS 600000
#define GUARD_FLOOR 20
/* What was spent may be sent this long afterwards, so it counts that much longer. */
#define GUARD_USE_MS 60000
#define GUARD_TEXT_CAP ((size_t)64 << 10)
#define GUARD_RELEASE_MAX 100000

struct guard_spending {
    int64_t at;     /* ms since boot: when this process wrote it, or first read it */
    int64_t wall_s; /* seconds since 1970, as written */
    size_t count;   /* Deletes */
    size_t ours;    /* associations that were ours */
};

/* Zeroed: nothing was spent. */
struct guard {
    struct guard_spending *items; /* owned, the newest last */
    size_t count, capacity;
};

void guard_release(struct guard *guard);

/* Takes over what the annotation says ("" for nothing): what it knew of already keeps its age.
 * Fails with ERROR_INVALID, changing nothing, on a text that is not of the form above. */
int guard_read(struct guard *guard, const char *text, int64_t now, struct error *err);
/* The annotation's text; "" when nothing counts. */
void guard_write(const struct guard *guard, struct strbuf *ret_text);

/* Forgets what is older than the window. Returns true when that was something. */
bool guard_expire(struct guard *guard, int64_t now);
/* When the oldest spending is forgotten (ms since boot); INT64_MAX: none. */
int64_t guard_due(const struct guard *guard);

/* How many are allowed in a window, and how many of them are left. `ours`: associations now. */
size_t guard_limit(const struct guard *guard, size_t ours, size_t floor);
size_t guard_left(const struct guard *guard, size_t ours, size_t floor);

struct guard_wish {
    size_t wanted;   /* Deletes with evidence */
    size_t ours;     /* associations that are ours */
    size_t floor;    /* GUARD_FLOOR */
    size_t released; /* that a person lets through */
    bool stop;       /* none of them by the budget: our definition is being deleted */
};
struct guard_verdict {
    size_t budgeted; /* allowed by the budget: to be spent */
    size_t released; /* allowed by a person: to be taken off the number */
    bool held;       /* some are not allowed */
};
struct guard_verdict guard_judge(const struct guard *guard, const struct guard_wish *wish);

/* So many are about to be sent. */
void guard_spend(struct guard *guard, size_t count, size_t ours, int64_t now, int64_t wall_s);
/* So many of the last spending were not sent, or surely had no effect. */
void guard_give_back(struct guard *guard, size_t count);

/* The number in the annotation podbind.dev/release-deletions; "" is 0. Fails with ERROR_INVALID
 * when it is no whole number up to GUARD_RELEASE_MAX. */
int guard_read_release(const char *text, size_t *ret_number, struct error *err);
