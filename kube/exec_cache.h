/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_cache - the credential of a plugin, and when the plugin is to be run again. A state machine:
 * no clock, no process.
 *
 *     when exec_cache_due() has come:  exec_cache_started(), run the plugin, and then
 *     exec_cache_take() what it gave, or exec_cache_failed()
 *     exec_cache_current() to use it; exec_cache_rejected() after a 401
 *
 * - A credential that says when it expires is replaced ahead of that: by a tenth of its life, by 30
 *   seconds at least and half its life at most. It is used until it expires, not longer.
 * - One that does not say is kept until a 401.
 * - After a 401 the plugin is run again, 10 s after its last start at the earliest; for rejections
 *   in a row that grows from 20 s to 5 minutes. The rejected one is used until then: the server may
 *   be wrong, and without it nothing could be learned.
 * - A failed run costs nothing while there is a credential. It is repeated after 1 to 2 s, growing
 *   to a minute.
 * - No two runs start within 10 s of each other, but for failed ones.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/error.h"
#include "kube/exec_credential.h"

#define EXEC_CACHE_NEVER INT64_MAX

/* Caller's memory; all fields private. Times in ms since boot. */
struct exec_cache {
    struct exec_credential *credential; /* NULL: none yet */
    int64_t expires_ms;                 /* EXEC_CACHE_NEVER: it did not say */
    int64_t due_ms;
    int64_t started_ms;
    int64_t taken_ms;
    uint64_t runs;
    bool running;
    bool rejected; /* the credential was */
    struct backoff failures, rejections;
    struct error last; /* why the last run failed; kind ERROR_NONE: it did not */
};

/* A first run is due at once. */
void exec_cache_init(struct exec_cache *cache, int64_t now_ms);
void exec_cache_release(struct exec_cache *cache);

/* When the plugin is to be run next. EXEC_CACHE_NEVER while it runs, and until a 401. */
int64_t exec_cache_due(const struct exec_cache *cache);
void exec_cache_started(struct exec_cache *cache, int64_t now_ms);
/* Takes over the caller's reference, and numbers it. One that has expired already is a failed run:
 * -1 and an error for the log. */
int exec_cache_take(struct exec_cache *cache, struct exec_credential *credential, int64_t now_ms,
                    int64_t wall_us, uint64_t random, struct error *err);
void exec_cache_failed(struct exec_cache *cache, const struct error *why, int64_t now_ms,
                       uint64_t random);

/* What is to be used now, borrowed until the next call. NULL when there is nothing: err, of kind
 * ERROR_TRANSIENT, then says why. */
struct exec_credential *exec_cache_current(const struct exec_cache *cache, int64_t now_ms,
                                           struct error *err);
/* The server answered 401 to the credential of that number. Says nothing of a newer one. */
void exec_cache_rejected(struct exec_cache *cache, uint64_t number, int64_t now_ms,
                         uint64_t random);
