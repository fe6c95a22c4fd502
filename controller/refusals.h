/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusals - bindings that the API server lets nobody write, and when to try again.
 *
 * An object may be stored that today's schema refuses; a policy may forbid to write it, or the
 * rights may be missing in its namespace: then its status and finalizers can't be written, however
 * often that is tried. It is a trouble of this one binding. It waits by itself, from 1 to 2 seconds
 * up to 5 minutes, and holds up no other. Another resourceVersion of it is tried at once.
 *
 * A conflict (or "not found") says that the object has moved on, which the watch is about to show.
 * Such a binding waits in the same way, for it need not be so: a webhook may have said it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backoff.h"
#include "crds/binding.h"

struct refusal {
    char *uid;
    char *version; /* resourceVersion of the object that was refused */
    struct backoff backoff;
    int64_t retry_at; /* ms since boot */
    bool overtaken;   /* it was a conflict */
    bool seen;        /* scratch of a pass */
};

/* Zeroed is empty. */
struct refusals {
    struct refusal *items; /* sorted by uid */
    size_t count, capacity;
    size_t turn; /* the claim with which the next pass begins: the last one was given up at those
                    before it, and they are not to hold up the others */
};
void refusals_release(struct refusals *refusals);

/* A write was refused; `overtaken`: it met a newer object, or none. */
void refusals_note(struct refusals *refusals, const struct binding *binding, bool overtaken,
                   int64_t now, uint64_t random);
/* How many are refused, which those that met a conflict are not. */
size_t refusals_count(const struct refusals *refusals);
/* A write was taken. */
void refusals_forget(struct refusals *refusals, const char *uid);

/* Until when nothing of it is to be written, ms since boot; 0 where nothing was refused. */
int64_t refusals_until(const struct refusals *refusals, const struct binding *binding);

/* Around a look at all bindings: refusals of bindings that were not looked at end. */
void refusals_begin(struct refusals *refusals);
void refusals_look(struct refusals *refusals, const char *uid);
void refusals_end(struct refusals *refusals);
