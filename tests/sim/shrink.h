/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shrink - makes the tape of a failing history simpler while the same invariant fails.
 *
 * Chunks are deleted or zeroed, large ones first, until nothing more goes or the time is over. Each
 * trial runs in a process of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/sim/world.h"

/* What becomes of a history whose process does not survive it. */
#define INVARIANT_CRASH "crash"

struct shrink {
    enum world_way way;
    uint32_t *words; /* owned; the last is not 0 */
    size_t count;
    char invariant[64]; /* that must go on failing; "" when it does not fail at all */
    char why[1024];
    size_t trials;
};

/* Words of the tape of a seed, as many as its history asks for. */
void shrink_init(struct shrink *shrink, uint64_t seed, enum world_way way);
void shrink_run(struct shrink *shrink, double seconds);
void shrink_release(struct shrink *shrink);
