/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather - many calls of one kind, a window of them under way at a time, and all of them waited
 * for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/intake.h"

struct gather {
    struct intake *intake;
    size_t window; /* calls under way at once */
    void *context;
    /* Fills in call number `index`; the struct is zeroed before. */
    void (*prepare)(void *context, size_t index, struct call *ret_call);
    /* Call number `index` is back. Returns false to start no more. */
    bool (*done)(void *context, size_t index, struct call *call);
};

/* Runs `count` calls. Returns 0, or -1 when the world is gone (ERROR_GONE). */
int gather_run(const struct gather *gather, size_t count, struct error *err);

/* One call, waited for. Returns 0 when it is back (call->error says how it went), -1 when the world
 * is gone. */
int gather_call(struct intake *intake, struct call *call, struct error *err);
