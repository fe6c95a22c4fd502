/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podbind-sim: runs histories, says what they met, and makes the first that fails small.
 *
 * Exit status: 0 all is well; 1 a history failed, or they met too little; 2 wrong usage; 3 the
 * process of a history did not survive it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/sim/aside.h"
#include "tests/sim/kept.h"
#include "tests/sim/shrink.h"
#include "tests/sim/sim_junit.h"
#include "tests/sim/sim_options.h"
#include "tests/sim/tape_file.h"
#include "tests/sim/workers.h"

enum { STATUS_WELL, STATUS_FAILED, STATUS_USAGE, STATUS_CRASHED };

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int status_of(const struct history *history)
{
    if (!history->failed && history->invariant[0] == '\0')
        return STATUS_WELL;
    return strcmp(history->invariant, INVARIANT_CRASH) == 0 ? STATUS_CRASHED : STATUS_FAILED;
}

/* ---- one history, printed ---- */

struct printing {
    struct tape *tape;
    enum world_way way;
    FILE *file;
};

/* Ends its process: a history that failed may have lost memory. */
static void print_history(void *context)
{
    struct printing *printing = context;
    CLEANUP(trace_release) struct trace trace;
    struct tally tally = {0};
    struct history history;
    bool well;

    trace_init(&trace, true);
    well = world_history(printing->tape, printing->way, fiber_new(), &tally, &trace, &history);
    fputs(strbuf_text(&trace.text), printing->file);
    fprintf(printing->file, "%s: trace %016" PRIx64 "%s%s\n", well ? "ok" : "FAILED", trace.hash,
            well ? "" : ", ", history.invariant);
    fflush(printing->file);
    _exit(well ? STATUS_WELL : STATUS_FAILED);
}

static int print_aside(struct tape *tape, enum world_way way, FILE *file)
{
    struct printing printing = {tape, way, file};
    char how[ASIDE_HOW_SIZE];

    aside_wait(aside_start(print_history, &printing), how);
    if (how[0] == '\0')
        return STATUS_WELL;
    if (strcmp(how, "status 1") == 0)
        return STATUS_FAILED;
    fprintf(file, "FAILED: its process ended with %s\n", how);
    return STATUS_CRASHED;
}

static int run_single(const struct sim_options *options)
{
    CLEANUP(tape_release) struct tape tape;
    CLEANUP_FREE uint32_t *words = NULL;
    struct error error;
    size_t count;

    tape_init(&tape, options->one);
    if (options->tape) {
        if (tape_file_read(options->tape, &words, &count, &error) < 0) {
            fprintf(stderr, "podbind-sim: %s\n", error.text);
            return STATUS_USAGE;
        }
        tape_put(&tape, words, count);
    }
    return print_aside(&tape, options->way, stdout);
}

/* ---- the first history that failed ---- */

static FILE *open_failure(const struct sim_options *options, uint64_t seed, const char *ending)
{
    char path[4096];
    FILE *file;

    mkdir(options->failures, 0777);
    snprintf(path, sizeof path, "%s/%" PRIu64 ".%s", options->failures, seed, ending);
    file = fopen(path, "w");
    if (!file)
        fprintf(stderr, "podbind-sim: cannot write %s: %s\n", path, strerror(errno));
    return file;
}

static void keep_failure(const struct sim_options *options, uint64_t seed,
                         const struct shrink *shrink)
{
    CLEANUP(strbuf_release) struct strbuf remark = STRBUF_CAPPED(2048);
    CLEANUP(tape_release) struct tape tape = {0};
    FILE *file = open_failure(options, seed, "tape");

    if (file) {
        strbuf_format(&remark, "%s: %s (from seed %" PRIu64 ")", shrink->invariant, shrink->why,
                      seed);
        tape_file_write(file, strbuf_text(&remark), shrink->words, shrink->count);
        fclose(file);
    }
    file = open_failure(options, seed, "txt");
    if (file) {
        tape_put(&tape, shrink->words, shrink->count);
        print_aside(&tape, options->way, file);
        fclose(file);
    }
}

static void shrink_failure(const struct sim_options *options, uint64_t seed)
{
    CLEANUP(shrink_release) struct shrink shrink;
    double start = seconds_now();
    size_t before;

    shrink_init(&shrink, seed, options->way);
    before = shrink.count;
    if (shrink.invariant[0] == '\0')
        return;
    shrink_run(&shrink, options->shrink_seconds);
    keep_failure(options, seed, &shrink);
    printf("  shrunk from %zu choices to %zu in %.0f s, %zu trials: %s/%" PRIu64
           ".tape, its history in the .txt beside it\n",
           before, shrink.count, seconds_now() - start, shrink.trials, options->failures, seed);
}

static void tell_failure(const struct sim_options *options, const struct workers_result *result)
{
    uint64_t seed = (options->seed << 32) + result->number;

    printf("FAILED: seed %" PRIu64 ", history %" PRIu64 ": %s: %s\n", seed, result->number,
           result->history.invariant, result->history.why);
    if (options->brief)
        return;
    printf("  run it again with --one %" PRIu64 "%s\n", seed,
           options->way == WORLD_ROUGH      ? " --wire"
           : options->way == WORLD_FAITHFUL ? " --twins, and without"
                                            : "");
    fflush(stdout);
    if (options->shrink_seconds > 0)
        shrink_failure(options, seed);
}

/* ---- many ---- */

static int tell_shortfalls(const struct tally *tally, struct strbuf *shortfalls)
{
    if (tally->histories < TALLY_GOALS_FROM)
        return STATUS_WELL;
    tally_shortfalls(tally, shortfalls);
    if (shortfalls->length == 0)
        return STATUS_WELL;
    printf("FAILED: the histories met too little:\n%s", strbuf_text(shortfalls));
    return STATUS_FAILED;
}

static int run_histories(const struct sim_options *options, struct sim_junit *junit)
{
    const struct workers_order order = {.first = options->seed << 32,
                                        .histories = options->histories,
                                        .jobs = options->jobs,
                                        .way = options->way,
                                        .verbose = options->verbose};
    CLEANUP_FREE struct workers_result *result = mem_alloc(sizeof *result);
    CLEANUP(strbuf_release) struct strbuf shortfalls = STRBUF_CAPPED(64 << 10);
    CLEANUP(strbuf_release) struct strbuf summary = STRBUF_CAPPED(1024);
    double start = seconds_now(), seconds;
    int status = STATUS_WELL;

    workers_run(&order, result);
    seconds = seconds_now() - start;
    tally_summary(&result->tally, seconds, &summary);
    if (result->failed) {
        result->history.failed = true;
        status = status_of(&result->history);
        tell_failure(options, result);
    } else if (!options->brief) {
        tally_print(&result->tally, seconds);
        status = tell_shortfalls(&result->tally, &shortfalls);
    }
    sim_junit_histories(junit, options->seed, options->histories, result, strbuf_text(&shortfalls),
                        strbuf_text(&summary));
    return status;
}

static int run_all(const struct sim_options *options)
{
    CLEANUP(sim_junit_release) struct sim_junit junit = {0};
    struct kept_result kept = {0};
    int status = STATUS_WELL;

    if (options->kept && kept_run(options->kept, &junit, &kept) < 0)
        return STATUS_USAGE;
    if (options->kept && !options->brief)
        printf("%zu kept tapes, %zu failed\n", kept.count, kept.failed);
    status = run_histories(options, &junit);
    if (status == STATUS_WELL && kept.failed > 0)
        status = STATUS_FAILED;
    if (options->junit && sim_junit_write(&junit, options->junit) < 0)
        return STATUS_USAGE;
    return status;
}

int main(int argc, char **argv)
{
    struct sim_options options;

    if (sim_options_read(argc, argv, &options) < 0)
        return STATUS_USAGE;
    return options.only_one || options.tape ? run_single(&options) : run_all(&options);
}
