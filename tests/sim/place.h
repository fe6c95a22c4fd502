/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - where one replica after the other lives: the pod's identity, its node's clocks, and what
 * fate has in store for the one that lives now.
 *
 *     starts ─▶ lives ─▶ crashes, loses the lease ─────────────────────▶ starts again
 *                └─────▶ is told to end: the worker ends, the lease is given up ──┘
 *
 * A pause stops all of it, worker and lease thread; the servers and their watches go on.
 */
#pragma once

#include "tests/sim/world.h"

void place_init(struct place *place, struct world *world, const char *name, struct fiber *fiber);
/* When it has to be run on. */
int64_t place_due(struct place *place);
void place_run(struct place *place);
/* Nothing bad is going to happen to it any more. */
void place_calm(struct place *place);
/* The history is over. */
void place_end(struct place *place);

/* Milliseconds since boot, and wall clock, as its node has them. */
int64_t place_clock(const struct place *place);
int64_t place_wall_us(const struct place *place);
/* The world's time of a moment of its clock. */
int64_t place_to_world(const struct place *place, int64_t clock);

bool place_is_paused(const struct place *place);
/* Counts a write down to the one at which fate stops it, after the gate and before the sending.
 * Returns for how long it stands still; 0: not now. */
int64_t place_stops_here(struct place *place);
/* Somebody crashes it. */
void place_crash(struct place *place, const char *why);
