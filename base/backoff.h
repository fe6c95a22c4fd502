/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff - how long to wait after the n-th failure in a row: exponential with jitter, bounded.
 * Pure: the caller gives the randomness.
 */
#pragma once

#include <stdint.h>

struct backoff {
    int64_t base_ms; /* first wait */
    int64_t cap_ms;  /* longest wait */
    unsigned failures;
};

/* Counts one more failure and returns the wait in ms: between half and all of
 * min(cap, base * 2^failures), by `random`. */
int64_t backoff_next(struct backoff *backoff, uint64_t random);
/* After a success. */
void backoff_reset(struct backoff *backoff);
