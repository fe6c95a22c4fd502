/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather - many calls of one kind, a window of them under way at a time, and all of them waited
 * for. Those to EKS leave when controller/pace lets them, and are made PACE_TRIES times while EKS
 * says that there are too many.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/intake.h"
#include "controller/pace.h"

/* So long a gather that may be cut waits for its turn before it makes room. */
#define GATHER_PATIENCE_MS 2000

struct gather {
    struct intake *intake;
    struct pace *pace;
    size_t window; /* calls under way at once */
    enum call_verb verb;
    void *context;
    /* Fills in call number `index`; the struct is zeroed before, but for the verb. */
    void (*prepare)(void *context, size_t index, struct call *ret_call);
    /* Call number `index` is back. Returns false to start no more. */
    bool (*done)(void *context, size_t index, struct call *call);
};

/* Runs `count` calls. Returns 0, or -1 when the world is gone (ERROR_GONE). ret_cut, which may be
 * NULL, lets it leave some out while a person's change is pending, or when EKS lets them wait for
 * long: they are then to be asked for again. */
int gather_run(const struct gather *gather, size_t count, bool *ret_cut, struct error *err);

/* One call, waited for. Returns 0 when it is back (call->error says how it went), -1 when the world
 * is gone. `pace` may be NULL where the call does not go to EKS. */
int gather_call(struct intake *intake, struct pace *pace, struct call *call, struct error *err);
