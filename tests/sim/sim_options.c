/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define JOBS_MOST 256

static const char usage[] =
    "usage: podbind-sim [option]...\n"
    "  --histories N       how many (1000), with the seeds S·2^32, S·2^32 + 1, ...\n"
    "  --seed S            where to begin (1)\n"
    "  --jobs N            processes that share them (one a CPU)\n"
    "  --wire              calls go through the real codecs, and are garbled at times\n"
    "  --twins             ... never garbled: each must leave the trace that it leaves without\n"
    "  --kept DIR          first replay each *.tape there\n"
    "  --failures DIR      where the shrunk tape of a failing history goes (build/sim-failures)\n"
    "  --shrink-seconds N  how long it is shrunk at most (60); 0: not at all\n"
    "  --brief             of a failing history only one line, no tape; no table at the end\n"
    "  --verbose           print each history's seed and trace hash; one process\n"
    "  --junit FILE        write the outcome as JUnit XML\n"
    "or, to run one history alone and print it:\n"
    "  --one SEED          that of this seed\n"
    "  --tape FILE         that of this tape\n";

static const struct option options[] = {
    {"histories", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
    {"jobs", required_argument, NULL, 'j'},      {"kept", required_argument, NULL, 'k'},
    {"failures", required_argument, NULL, 'f'},  {"shrink-seconds", required_argument, NULL, 't'},
    {"brief", no_argument, NULL, 'b'},           {"verbose", no_argument, NULL, 'v'},
    {"junit", required_argument, NULL, 'x'},     {"one", required_argument, NULL, 'o'},
    {"tape", required_argument, NULL, 'r'},      {"wire", no_argument, NULL, 'w'},
    {"twins", no_argument, NULL, 'i'},           {NULL, 0, NULL, 0}};

/* A whole number in [least, most]. */
static int read_number(const char *name, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    char *end = NULL;
    uint64_t number;

    errno = 0;
    number = strtoull(optarg, &end, 10);
    if (*optarg < '0' || *optarg > '9' || *end != '\0' || errno != 0 || number < least ||
        number > most) {
        fprintf(stderr, "podbind-sim: %s '%s', expected a whole number from %llu to %llu\n%s", name,
                optarg, (unsigned long long)least, (unsigned long long)most, usage);
        return -1;
    }
    *ret_number = number;
    return 0;
}

static int read_option(int c, struct sim_options *options_read)
{
    uint64_t number = 0;
    int result = 0;

    switch (c) {
    case 'n':
        return read_number("--histories", 1, UINT32_MAX, &options_read->histories);
    case 's':
        return read_number("--seed", 0, UINT32_MAX, &options_read->seed);
    case 'o':
        options_read->only_one = true;
        return read_number("--one", 0, UINT64_MAX, &options_read->one);
    case 'j':
        result = read_number("--jobs", 1, JOBS_MOST, &number);
        options_read->jobs = (unsigned)number;
        return result;
    case 't':
        result = read_number("--shrink-seconds", 0, 3600, &number);
        options_read->shrink_seconds = (unsigned)number;
        return result;
    case 'k':
        options_read->kept = optarg;
        return 0;
    case 'f':
        options_read->failures = optarg;
        return 0;
    case 'x':
        options_read->junit = optarg;
        return 0;
    case 'r':
        options_read->tape = optarg;
        return 0;
    case 'b':
        options_read->brief = true;
        return 0;
    case 'w':
        options_read->way = WORLD_ROUGH;
        return 0;
    case 'i':
        options_read->way = WORLD_FAITHFUL;
        return 0;
    case 'v':
        options_read->verbose = true;
        return 0;
    default:
        fputs(usage, stderr);
        return -1;
    }
}

static unsigned count_cpus(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return cpus < 1 ? 1 : cpus > JOBS_MOST ? JOBS_MOST : (unsigned)cpus;
}

int sim_options_read(int argc, char **argv, struct sim_options *ret_options)
{
    struct sim_options read = {.histories = 1000,
                               .seed = 1,
                               .jobs = count_cpus(),
                               .shrink_seconds = 60,
                               .failures = "build/sim-failures"};

    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (read_option(c, &read) < 0)
            return -1;
    if (optind < argc) {
        fprintf(stderr, "podbind-sim: '%s', expected an option\n%s", argv[optind], usage);
        return -1;
    }
    if (read.verbose)
        read.jobs = 1;
    *ret_options = read;
    return 0;
}
