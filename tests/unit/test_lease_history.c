/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/unit/lease_steps.h"

/* Three candidates and a slow, unreliable server; processes that sleep, end and start anew. */
#define CANDIDATES 3

struct candidate {
    struct lease lease;
    struct lease_action action;
    bool calling;
    int64_t effect_ms, answer_ms; /* -1: never */
    enum error_kind kind;
    struct lease_record answer;
    int64_t asleep_until_ms;
};

struct history {
    uint64_t random;
    int64_t now_ms;
    bool exists;
    struct lease_record stored;
    unsigned version;
    struct candidate candidates[CANDIDATES];
};

static unsigned choose(struct history *history, unsigned count)
{
    history->random = history->random * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (unsigned)(history->random >> 33) % count;
}

static void start_call(struct history *history, struct candidate *candidate)
{
    unsigned luck = choose(history, 10);
    candidate->calling = true;
    candidate->effect_ms = luck == 0 ? -1 : history->now_ms + choose(history, 3000);
    candidate->answer_ms = history->now_ms + choose(history, 3333);
    candidate->kind = luck <= 1 ? ERROR_UNKNOWN : ERROR_NONE;
    if (candidate->kind == ERROR_NONE && candidate->answer_ms < candidate->effect_ms)
        candidate->answer_ms = candidate->effect_ms;
}

static void take_effect(struct history *history, struct candidate *candidate)
{
    enum error_kind kind = ERROR_NONE;
    const struct lease_record *wanted = &candidate->action.record;
    candidate->effect_ms = -1;
    if (candidate->action.move == LEASE_CREATE && history->exists)
        kind = ERROR_CONFLICT;
    else if (candidate->action.move != LEASE_CREATE && !history->exists)
        kind = ERROR_NOT_FOUND;
    else if (candidate->action.move == LEASE_UPDATE &&
             strcmp(wanted->version, history->stored.version) != 0)
        kind = ERROR_CONFLICT;
    else if (candidate->action.move != LEASE_GET) {
        history->exists = true;
        history->stored = *wanted;
        snprintf(history->stored.version, sizeof history->stored.version, "%u", ++history->version);
    }
    if (candidate->kind == ERROR_NONE)
        candidate->kind = kind;
    candidate->answer = history->stored;
}

static void turn(struct history *history, struct candidate *candidate)
{
    if (candidate->calling && candidate->effect_ms >= 0 && history->now_ms >= candidate->effect_ms)
        take_effect(history, candidate);
    if (history->now_ms < candidate->asleep_until_ms)
        return;
    if (candidate->calling && history->now_ms >= candidate->answer_ms) {
        candidate->calling = false;
        lease_answer(&candidate->lease, history->now_ms, candidate->kind,
                     candidate->kind == ERROR_NONE ? &candidate->answer : NULL, 0);
    }
    if (candidate->calling)
        return;
    candidate->action =
        lease_step(&candidate->lease, history->now_ms, LEASE_STEPS_WALL + history->now_ms * 1000);
    if (candidate->action.move == LEASE_DONE) {
        char identity[LEASE_IDENTITY_SIZE]; /* the process ends, and is started anew */
        memcpy(identity, candidate->lease.identity, sizeof identity);
        candidate->lease = lease_steps_new(identity);
        candidate->asleep_until_ms = history->now_ms + choose(history, 3000);
    } else if (candidate->action.move != LEASE_WAIT) {
        start_call(history, candidate);
    }
    if (choose(history, 400) == 0)
        candidate->asleep_until_ms = history->now_ms + choose(history, 40000);
}

static void assert_one_holder(const struct history *history, uint64_t seed)
{
    unsigned holders = 0;
    for (size_t i = 0; i < CANDIDATES; i++)
        holders += lease_until(&history->candidates[i].lease) > history->now_ms;
    if (holders > 1)
        fail_msg("seed %llu: %u hold the lease at %lld ms", (unsigned long long)seed, holders,
                 (long long)history->now_ms);
}

static void never_two_hold_it(void **state)
{
    (void)state;
    unsigned gained = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct history history = {.random = seed};
        bool led[CANDIDATES] = {false};
        for (size_t i = 0; i < CANDIDATES; i++)
            history.candidates[i].lease = lease_steps_new((const char *[]){"a", "b", "c"}[i]);
        for (; history.now_ms < 300000; history.now_ms += 100) {
            for (size_t i = 0; i < CANDIDATES; i++) {
                turn(&history, &history.candidates[i]);
                assert_one_holder(&history, seed);
                bool leads = lease_until(&history.candidates[i].lease) > history.now_ms;
                gained += leads && !led[i];
                led[i] = leads;
            }
        }
    }
    assert_in_range(gained, 600, 30000); /* it changed hands, and was held */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_two_hold_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
