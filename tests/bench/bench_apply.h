/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_apply - one run of apply_plan() over a generated set, for callgrind to count. The world
 * behind the ports is a queue: each call succeeds at once, and nothing is sent anywhere.
 */
#pragma once

#include "controller/ports.h"
#include "tests/bench/bench_set.h"

struct bench_apply_counts {
    size_t calls[CALL_VERB_COUNT]; /* how often each was made */
    size_t failed;                 /* calls that this world does not know */
};

void bench_apply(struct bench_set *set, struct bench_apply_counts *ret_counts);
