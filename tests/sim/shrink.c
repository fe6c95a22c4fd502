/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/shrink.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tests/sim/aside.h"
#include "tests/sim/fiber.h"
#include "tests/sim/tally.h"
#include "tests/sim/tape.h"
#include "tests/sim/world.h"

#define TRIAL_SECONDS 20
#define WORDS_OF_A_CRASH 20000 /* which could not say how many it asked for */

/* ---- one trial ---- */

/* Shared with the process that runs it. */
struct outcome_shared {
    struct history history;
    size_t words; /* that were asked for */
};

struct trial {
    struct tape *tape;
    enum world_way way;
    struct outcome_shared *shared;
};

static void run_trial(void *context)
{
    const struct trial *trial = context;
    struct tally tally = {0};

    world_history(trial->tape, trial->way, fiber_new(), &tally, NULL, &trial->shared->history);
    trial->shared->words = trial->tape->count;
}

/* In a process of its own, so that its memory need not be given back. */
static void play(struct tape *tape, enum world_way way, struct outcome_shared *shared)
{
    struct trial trial = {tape, way, shared};
    struct history *history = &shared->history;
    char how[ASIDE_HOW_SIZE];

    memset(shared, 0, sizeof *shared);
    if (aside_run(run_trial, &trial, TRIAL_SECONDS, how) || history->failed)
        return;
    history->failed = true;
    snprintf(history->invariant, sizeof history->invariant, INVARIANT_CRASH);
    snprintf(history->why, sizeof history->why, "its process ended with %s", how);
}

/* ---- the words of a seed ---- */

void shrink_init(struct shrink *shrink, uint64_t seed, enum world_way way)
{
    struct outcome_shared *shared = aside_memory(sizeof *shared);
    struct tape tape;

    tape_init(&tape, seed);
    play(&tape, way, shared);
    *shrink =
        (struct shrink){.way = way, .count = shared->words > 0 ? shared->words : WORDS_OF_A_CRASH};
    memcpy(shrink->invariant, shared->history.invariant, sizeof shrink->invariant);
    memcpy(shrink->why, shared->history.why, sizeof shrink->why);
    while (tape.count < shrink->count)
        tape_bits(&tape, "what the seed gives");
    shrink->words = mem_dup(tape.words, shrink->count * sizeof *shrink->words);
    tape_release(&tape);
}

void shrink_release(struct shrink *shrink)
{
    mem_free(shrink->words);
    *shrink = (struct shrink){0};
}

/* ---- simpler and simpler ---- */

struct search {
    struct shrink *shrink;
    struct outcome_shared *shared;
    struct timespec until;
};

static bool is_over(const struct search *search)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > search->until.tv_sec ||
           (now.tv_sec == search->until.tv_sec && now.tv_nsec > search->until.tv_nsec);
}

static void cut_zeros(struct shrink *shrink)
{
    while (shrink->count > 0 && shrink->words[shrink->count - 1] == 0)
        shrink->count--;
}

/* Keeps these words when the same invariant fails with them. */
static bool take(struct search *search, const uint32_t *words, size_t count)
{
    struct shrink *shrink = search->shrink;
    struct tape tape = {0};

    shrink->trials++;
    tape_put(&tape, words, count);
    play(&tape, shrink->way, search->shared);
    tape_release(&tape);
    if (strcmp(search->shared->history.invariant, shrink->invariant) != 0)
        return false;
    memmove(shrink->words, words, count * sizeof *words);
    shrink->count = count;
    memcpy(shrink->why, search->shared->history.why, sizeof shrink->why);
    cut_zeros(shrink);
    return true;
}

static bool try_without(struct search *search, size_t at, size_t length)
{
    const struct shrink *shrink = search->shrink;
    CLEANUP_FREE uint32_t *words = mem_dup(shrink->words, shrink->count * sizeof *words);

    memmove(words + at, words + at + length, (shrink->count - at - length) * sizeof *words);
    return take(search, words, shrink->count - length);
}

static bool try_zeroed(struct search *search, size_t at, size_t length)
{
    const struct shrink *shrink = search->shrink;
    CLEANUP_FREE uint32_t *words = mem_dup(shrink->words, shrink->count * sizeof *words);
    uint32_t some = 0;

    for (size_t i = at; i < at + length; i++)
        some |= words[i];
    memset(words + at, 0, length * sizeof *words);
    return some != 0 && take(search, words, shrink->count);
}

/* All chunks of one length, the last first: what comes early gives later words their meaning. */
static bool sweep(struct search *search, size_t length)
{
    struct shrink *shrink = search->shrink;
    bool better = false;

    for (size_t at = shrink->count; at > 0 && !is_over(search);) {
        size_t end = at < shrink->count ? at : shrink->count;

        at = end > length ? end - length : 0;
        if (end > at)
            better |= try_zeroed(search, at, end - at) || try_without(search, at, end - at);
    }
    return better;
}

void shrink_run(struct shrink *shrink, double seconds)
{
    struct search search = {.shrink = shrink,
                            .shared = aside_memory(sizeof(struct outcome_shared))};
    bool better = true;

    clock_gettime(CLOCK_MONOTONIC, &search.until);
    search.until.tv_sec += (time_t)seconds;
    cut_zeros(shrink);
    while (better && shrink->invariant[0] != '\0' && !is_over(&search)) {
        better = false;
        for (size_t length = shrink->count; length > 0; length /= 2)
            better |= sweep(&search, length);
    }
}
