/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/tape.h"

#include "base/mem.h"

void tape_init(struct tape *tape, uint64_t seed)
{
    *tape = (struct tape){.state = seed, .seeded = true};
}

void tape_put(struct tape *tape, const uint32_t *words, size_t count)
{
    tape_release(tape);
    tape->words = mem_dup(words, count * sizeof *words);
    tape->count = tape->capacity = count;
}

void tape_release(struct tape *tape)
{
    mem_free(tape->words);
    *tape = (struct tape){0};
}

/* splitmix64 */
static uint32_t draw(struct tape *tape)
{
    uint64_t z = tape->state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static uint32_t next_word(struct tape *tape)
{
    if (tape->next == tape->count) {
        MEM_GROW(tape->words, tape->count, tape->capacity);
        tape->words[tape->count++] = tape->seeded ? draw(tape) : 0;
    }
    return tape->words[tape->next++];
}

uint32_t tape_choose(struct tape *tape, uint32_t n, const char *label)
{
    (void)label;
    return n > 1 ? next_word(tape) % n : 0;
}

bool tape_chance(struct tape *tape, uint32_t per_mille, const char *label)
{
    return per_mille > 0 && tape_choose(tape, 1000, label) >= 1000 - per_mille;
}

int64_t tape_between(struct tape *tape, int64_t low, int64_t high, const char *label)
{
    return low + (int64_t)tape_choose(tape, (uint32_t)(high - low + 1), label);
}

uint64_t tape_bits(struct tape *tape, const char *label)
{
    (void)label;
    uint64_t high = next_word(tape);

    return high << 32 | next_word(tape);
}
