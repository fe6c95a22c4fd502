/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated history whose choices are the input, two bytes each: no invariant may break. */
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/sim/world.h"

void fuzz_one(const char *bytes, size_t length)
{
    size_t count = length / 2;
    CLEANUP_FREE uint32_t *words = mem_array(count, sizeof *words);
    struct history history = {.failed = false};

    for (size_t i = 0; i < count; i++)
        words[i] = (uint32_t)(unsigned char)bytes[2 * i] | (uint32_t)(unsigned char)bytes[2 * i + 1]
                                                               << 8;
    if (!world_history_from_words(words, count, &history))
        fprintf(stderr, "%s: %s\n", history.invariant, history.why);
    FUZZ_CHECK(!history.failed, "no invariant breaks");
}
