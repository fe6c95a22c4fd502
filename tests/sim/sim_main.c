/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podbind-sim --histories N --seed S [--verbose] [--one SEED] [--junit FILE]
 *
 * Runs histories with the seeds S·2^32, S·2^32 + 1, ...; a failing one is printed with its seed,
 * which --one runs again. Every 20th is run twice and must leave the same trace.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tests/sim/world.h"

#define TWICE_EVERY 20

struct arguments {
    uint64_t histories, seed, one;
    bool only_one, verbose;
    const char *junit;
};

static const char usage[] =
    "usage: podbind-sim [--histories N] [--seed S] [--verbose] [--one SEED] [--junit FILE]\n"
    "  --histories N  how many (1000)\n"
    "  --seed S       where to begin (1)\n"
    "  --one SEED     run the history of this seed alone and print it\n"
    "  --verbose      print each history's seed and trace hash\n"
    "  --junit FILE   write the outcome as JUnit XML\n";

static int bad_usage(const char *what, const char *value)
{
    fprintf(stderr, "podbind-sim: %s '%s', expected a whole number\n%s", what, value, usage);
    return -1;
}

static int read_number(const char *name, const char *text, uint64_t *ret_number)
{
    char *end = NULL;
    uint64_t number = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0')
        return bad_usage(name, text);
    *ret_number = number;
    return 0;
}

static int read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    static const struct option options[] = {
        {"histories", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"one", required_argument, NULL, 'o'},       {"verbose", no_argument, NULL, 'v'},
        {"junit", required_argument, NULL, 'j'},     {NULL, 0, NULL, 0}};
    struct arguments arguments = {.histories = 1000, .seed = 1};
    int result = 0;

    for (int c; result == 0 && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'n')
            result = read_number("--histories", optarg, &arguments.histories);
        else if (c == 's')
            result = read_number("--seed", optarg, &arguments.seed);
        else if (c == 'o')
            result = read_number("--one", optarg, &arguments.one);
        else if (c == 'j')
            arguments.junit = optarg;
        else if (c != 'v') {
            fputs(usage, stderr);
            result = -1;
        }
        arguments.only_one |= c == 'o';
        arguments.verbose |= c == 'v';
    }
    *ret_arguments = arguments;
    return result;
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- histories ---- */

/* The same seed again, with every line kept. */
static void print_history(uint64_t seed, struct fiber *fiber)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(TRACE_CAP);
    CLEANUP(tally_release) struct tally tally = {0};
    uint64_t hash;

    world_history(seed, fiber, &tally, &hash, &text);
    fputs(strbuf_text(&text), stdout);
}

static bool repeats(uint64_t seed, struct fiber *fiber, uint64_t hash)
{
    CLEANUP(tally_release) struct tally tally = {0};
    uint64_t again;

    world_history(seed, fiber, &tally, &again, NULL);
    if (again == hash)
        return true;
    printf("FAILED: seed %" PRIu64 " run twice gives two traces: %016" PRIx64 ", %016" PRIx64 "\n",
           seed, hash, again);
    return false;
}

static bool run_one(uint64_t seed, uint64_t index, struct fiber *fiber, struct tally *tally,
                    bool verbose)
{
    uint64_t hash;

    if (!world_history(seed, fiber, tally, &hash, NULL)) {
        print_history(seed, fiber);
        printf("FAILED: seed %" PRIu64 ": run it again with --one %" PRIu64 "\n", seed, seed);
        return false;
    }
    if (verbose)
        printf("%" PRIu64 " %016" PRIx64 "\n", seed, hash);
    if (index % TWICE_EVERY != 0)
        return true;
    tally->repeated++;
    return repeats(seed, fiber, hash);
}

static bool run_all(const struct arguments *arguments, struct fiber *fiber)
{
    CLEANUP(tally_release) struct tally tally = {0};
    double start = seconds_now();

    for (uint64_t i = 0; i < arguments->histories; i++)
        if (!run_one(arguments->seed << 32 | i, i, fiber, &tally, arguments->verbose))
            return false;
    tally_print(&tally, seconds_now() - start);
    return true;
}

static bool run_single(const struct arguments *arguments, struct fiber *fiber)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(TRACE_CAP);
    CLEANUP(tally_release) struct tally tally = {0};
    uint64_t hash;
    bool well = world_history(arguments->one, fiber, &tally, &hash, &text);

    fputs(strbuf_text(&text), stdout);
    printf("%s: seed %" PRIu64 ", trace %016" PRIx64 "\n", well ? "ok" : "FAILED", arguments->one,
           hash);
    return well;
}

static int write_junit(const struct arguments *arguments, bool well)
{
    FILE *file = fopen(arguments->junit, "w");

    if (!file) {
        fprintf(stderr, "podbind-sim: cannot write %s\n", arguments->junit);
        return -1;
    }
    fprintf(file,
            "<?xml version=\"1.0\"?>\n<testsuites><testsuite name=\"sim\" tests=\"1\" "
            "failures=\"%d\"><testcase name=\"%" PRIu64 "_histories_from_seed_%" PRIu64 "\">%s"
            "</testcase></testsuite></testsuites>\n",
            !well, arguments->histories, arguments->seed,
            well ? ""
                 : "<failure>a history failed; its seed and trace are on standard output"
                   "</failure>");
    return fclose(file);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    struct fiber *fiber;
    bool well;

    if (read_arguments(argc, argv, &arguments) < 0)
        return 2;
    fiber = fiber_new();
    well = arguments.only_one ? run_single(&arguments, fiber) : run_all(&arguments, fiber);
    fiber_free(fiber);
    if (arguments.junit && write_junit(&arguments, well) < 0)
        return 2;
    return well ? 0 : 1;
}
