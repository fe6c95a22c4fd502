/* SPDX-License-Identifier: Apache-2.0 */
/* bench_core - one pass of the decisions over a generated set, for callgrind to count. */
#pragma once

#include "tests/bench/bench_set.h"

/* Of what the pass said: one number a verb, so that the caller can tell that it did what was meant.
 */
struct bench_core_counts {
    size_t wants, steps, kept, created, changed, deleted, ready;
};

/* desired, plan and every outcome. Callgrind counts what happens inside (--toggle-collect). */
void bench_core_pass(struct bench_set *set, struct bench_core_counts *ret_counts);
