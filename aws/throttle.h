/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throttle - how fast one kind of calls may leave, learned from what AWS refuses (rule W6). Pure:
 * time is an argument.
 *
 * AWS publishes no rates for EKS. What stands behind them is a token bucket of unknown size and
 * filling, maybe shared with others of the account, so:
 *
 *   open      At first there is no rate. Only the calls under way are limited: four, and one more
 *             with every eighth that passes. Where nobody throttles, that is over after some 200
 *             calls and costs nothing that is seen; where somebody does, it bounds what the first
 *             loss takes with it.
 *   loss      A 429 shows that the bucket is empty. All 429s of calls that left before we knew are
 *             the same loss.
 *   ceiling   Between two losses exactly as much has passed as the bucket was filled with. So what
 *             passed, divided by the time, *is* the rate that we are given, whatever the bucket's
 *             size. It is remembered as the ceiling. Turns that nothing needed count as passed: to
 *             have been idle says nothing of the rate.
 *   trial     After a first loss, or one that came soon after another, nothing is known: half a
 *             second of rest, then a guess that doubles every second until the next loss measures.
 *   decrease  To 85 % of the ceiling. What is left over fills the bucket, so it is not lost.
 *   increase  In a line to 115 % of it; if that is not refused, the ceiling was wrong, and the rate
 *             grows by a third a second; a loss at three times the ceiling begins a trial. It grows
 *             with answers only: what is not used shows nothing.
 *
 * With a rate, calls leave one by one, and no more are under way than leave in a second; what was
 * saved up while there was nothing to do may leave at once, up to 75 % of what the bucket was seen
 * to hold before the first loss. What AWS asks to wait for holds all calls, five minutes at most.
 * After a minute without a call all is forgotten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define THROTTLE_HOLD_MOST_MS 300000

struct throttle {
    double rate;    /* calls a second; 0: no limit is known */
    double ceiling; /* what was measured at the last loss; 0: a trial */
    double tokens;  /* of our own bucket: 1 is a call */
    int64_t filled_at;
    int64_t held_until;                 /* nothing leaves before, ms since boot */
    int64_t empty_at;                   /* the last loss, or when we began */
    size_t passed;                      /* answers since then that were no 429 */
    double unused;                      /* turns since the last loss that nothing needed */
    double first_passed, first_seconds; /* until the first loss */
    int64_t grown_at;
    int64_t used_at; /* a call left, or came back */
    bool rough;      /* the ceiling was measured by a trial, over a short time */
    size_t under_way;
    uint64_t epoch; /* counts losses */
};

enum throttle_answer {
    THROTTLE_PASSED, /* AWS let it through, whatever it thought of it then */
    THROTTLE_LOST,   /* 429 */
    THROTTLE_SILENT, /* none, or one that tells nothing of rates */
};

/* When the next call may leave, ms since boot: `now` or earlier: at once; INT64_MAX: only after one
 * has come back. Zeroed is a throttle that knows nothing. */
int64_t throttle_due(struct throttle *throttle, int64_t now);
/* A call leaves. Returns its epoch, for throttle_done(). */
uint64_t throttle_start(struct throttle *throttle, int64_t now);
/* It is back. `retry_after_ms`: what AWS asked for, 0 if nothing. */
void throttle_done(struct throttle *throttle, uint64_t epoch, int64_t now,
                   enum throttle_answer answer, int64_t retry_after_ms);
/* True while calls are held back by what AWS has refused or asked for. */
bool throttle_limits(const struct throttle *throttle, int64_t now);
/* How many calls may be under way. */
size_t throttle_window(const struct throttle *throttle);
