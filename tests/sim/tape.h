/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tape - every random choice of a history, in order.
 *
 * A history asks the tape and nothing else. A seed only fills it: past its end a tape with a seed
 * grows by random words, one without gives zeros. 0 is the dullest choice everywhere: no fault, no
 * delay, nobody changes anything. So a history can be made simpler by zeroing words of its tape.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tape {
    uint32_t *words;
    size_t count;
    size_t capacity;
    size_t next;
    uint64_t state; /* of the generator; used when `seeded` */
    bool seeded;
};

void tape_init(struct tape *tape, uint64_t seed);
/* Makes it one of these words, without a seed. */
void tape_put(struct tape *tape, const uint32_t *words, size_t count);
void tape_release(struct tape *tape);

/* A number in [0, n), n > 0. `label` says what is chosen, for whoever debugs a tape. */
uint32_t tape_choose(struct tape *tape, uint32_t n, const char *label);
/* True with a chance of per_mille / 1000; false is dull. */
bool tape_chance(struct tape *tape, uint32_t per_mille, const char *label);
/* A number in [low, high]; low is dull. */
int64_t tape_between(struct tape *tape, int64_t low, int64_t high, const char *label);
/* 64 bits. */
uint64_t tape_bits(struct tape *tape, const char *label);
