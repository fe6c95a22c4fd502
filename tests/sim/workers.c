/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/workers.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/sim/aside.h"
#include "tests/sim/shrink.h"

#define TWICE_EVERY 50
#define AT_ONCE 16 /* histories that a worker takes */
#define HISTORY_SECONDS 60
#define NOTHING UINT64_MAX

struct worker {
    struct workers_result result;
    uint64_t number; /* of the history under way, NOTHING: none */
};

struct board {
    _Atomic uint64_t next, first_bad; /* numbers */
    struct worker workers[];
};

struct shift {
    const struct workers_order *order;
    struct board *board;
    struct worker *worker;
    struct fiber *fiber;
};

/* ---- in a worker ---- */

static void note_bad(struct board *board, uint64_t number)
{
    uint64_t bad = atomic_load(&board->first_bad);

    while (number < bad && !atomic_compare_exchange_weak(&board->first_bad, &bad, number))
        continue;
}

static void fail(struct shift *shift, uint64_t number)
{
    shift->worker->result.failed = true;
    shift->worker->result.number = number;
    note_bad(shift->board, number);
}

static bool play(struct shift *shift, uint64_t number, enum world_way way, struct tally *tally,
                 struct trace *trace, struct history *history)
{
    struct tape tape;
    bool well;

    tape_init(&tape, shift->order->first + number);
    well = world_history(&tape, way, shift->fiber, tally, trace, history);
    tape_release(&tape);
    return well;
}

static bool repeats(struct shift *shift, uint64_t number, enum world_way way, uint64_t hash)
{
    struct history *history = &shift->worker->result.history;
    CLEANUP(trace_release) struct trace trace;
    struct tally tally = {0};
    struct history again;

    trace_init(&trace, false);
    play(shift, number, way, &tally, &trace, &again);
    if (trace.hash == hash)
        return true;
    snprintf(history->invariant, sizeof history->invariant, INVARIANT_SAME_TRACE);
    snprintf(history->why, sizeof history->why,
             "run twice it gives two traces, %016" PRIx64 " and %016" PRIx64, hash, trace.hash);
    return false;
}

static bool run_history(struct shift *shift, uint64_t number)
{
    struct workers_result *result = &shift->worker->result;
    enum world_way way = shift->order->way;
    bool twice = number % TWICE_EVERY == 0 || way == WORLD_FAITHFUL;
    CLEANUP(trace_release) struct trace trace;

    trace_init(&trace, false);
    alarm(HISTORY_SECONDS);
    shift->worker->number = number;
    if (!play(shift, number, way, &result->tally, twice || shift->order->verbose ? &trace : NULL,
              &result->history))
        return false;
    if (shift->order->verbose)
        printf("%" PRIu64 " %016" PRIx64 "\n", shift->order->first + number, trace.hash);
    if (!twice)
        return true;
    result->tally.repeated++;
    return repeats(shift, number, way == WORLD_FAITHFUL ? WORLD_PLAIN : way, trace.hash);
}

static void work(void *context)
{
    struct shift *shift = context;
    uint64_t number;

    shift->fiber = fiber_new();
    while ((number = atomic_fetch_add(&shift->board->next, AT_ONCE)) < shift->order->histories)
        for (uint64_t end = number + AT_ONCE; number < end; number++) {
            if (number >= shift->order->histories ||
                number >= atomic_load(&shift->board->first_bad))
                break;
            if (!run_history(shift, number)) {
                fail(shift, number);
                fflush(stdout);
                _exit(0); /* what a failing history loses is no leak */
            }
        }
    shift->worker->number = NOTHING;
    fiber_free(shift->fiber);
}

/* ---- outside ---- */

static void note_death(struct board *board, struct worker *worker, const char *how)
{
    struct workers_result *result = &worker->result;
    bool idle = worker->number == NOTHING;

    if (result->failed)
        return;
    result->failed = true;
    result->number = idle ? 0 : worker->number;
    note_bad(board, result->number);
    snprintf(result->history.invariant, sizeof result->history.invariant, INVARIANT_CRASH);
    snprintf(result->history.why, sizeof result->history.why,
             "the process of a worker ended with %s%s", how, idle ? ", after its histories" : "");
}

static void add_up(const struct worker *worker, struct workers_result *result)
{
    tally_add(&result->tally, &worker->result.tally);
    if (!worker->result.failed || (result->failed && result->number <= worker->result.number))
        return;
    result->failed = true;
    result->number = worker->result.number;
    result->history = worker->result.history;
}

static unsigned find(const pid_t *processes, unsigned jobs, pid_t ended)
{
    for (unsigned i = 0; i < jobs; i++)
        if (processes[i] == ended)
            return i;
    return 0;
}

void workers_run(const struct workers_order *order, struct workers_result *ret_result)
{
    struct board *board = aside_memory(sizeof *board + order->jobs * sizeof *board->workers);
    CLEANUP_FREE pid_t *processes = mem_array(order->jobs, sizeof *processes);
    char how[ASIDE_HOW_SIZE];

    memset(ret_result, 0, sizeof *ret_result);
    atomic_store(&board->first_bad, NOTHING);
    for (unsigned i = 0; i < order->jobs; i++) {
        struct shift shift = {order, board, &board->workers[i], NULL};

        processes[i] = aside_start(work, &shift);
    }
    for (unsigned left = order->jobs; left > 0; left--) {
        struct worker *worker = &board->workers[find(processes, order->jobs, aside_wait(-1, how))];

        if (how[0] != '\0')
            note_death(board, worker, how);
        add_up(worker, ret_result);
    }
}
