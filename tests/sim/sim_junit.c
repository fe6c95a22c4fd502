/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sim_junit.h"

#include <inttypes.h>
#include <stdio.h>

#define BLOCK 10000

static void add_text(struct strbuf *cases, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            strbuf_str(cases, "&lt;");
        else if (*text == '&')
            strbuf_str(cases, "&amp;");
        else if (*text == '"')
            strbuf_str(cases, "&quot;");
        else if ((unsigned char)*text >= ' ' || *text == '\n')
            strbuf_char(cases, *text);
    }
}

void sim_junit_case(struct sim_junit *junit, const char *name, const char *failure)
{
    struct strbuf *cases = &junit->cases;

    junit->count++;
    strbuf_str(cases, "<testcase name=\"");
    add_text(cases, name);
    strbuf_str(cases, "\">");
    if (failure) {
        junit->failures++;
        strbuf_str(cases, "<failure>");
        add_text(cases, failure);
        strbuf_str(cases, "</failure>");
    }
    strbuf_str(cases, "</testcase>\n");
}

static void add_block(struct sim_junit *junit, uint64_t seed, uint64_t first, uint64_t end,
                      const struct workers_result *result)
{
    char name[128], failure[1200];

    snprintf(name, sizeof name, "histories_%" PRIu64 "_to_%" PRIu64 "_of_seed_%" PRIu64, first,
             end - 1, seed);
    if (!result->failed || result->number >= end) {
        sim_junit_case(junit, name, NULL);
        return;
    }
    if (result->number < first)
        return;
    snprintf(failure, sizeof failure, "seed %" PRIu64 ": %s: %s", (seed << 32) + result->number,
             result->history.invariant, result->history.why);
    sim_junit_case(junit, name, failure);
}

void sim_junit_histories(struct sim_junit *junit, uint64_t seed, uint64_t histories,
                         const struct workers_result *result, const char *shortfalls,
                         const char *summary)
{
    for (uint64_t first = 0; first < histories; first += BLOCK)
        add_block(junit, seed, first, first + BLOCK < histories ? first + BLOCK : histories,
                  result);
    if (histories >= TALLY_GOALS_FROM && !result->failed)
        sim_junit_case(junit, "they_met_enough", shortfalls[0] != '\0' ? shortfalls : NULL);
    strbuf_str(&junit->cases, "<system-out>");
    add_text(&junit->cases, summary);
    strbuf_str(&junit->cases, "</system-out>\n");
}

int sim_junit_write(const struct sim_junit *junit, const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file) {
        fprintf(stderr, "podbind-sim: cannot write %s\n", path);
        return -1;
    }
    fprintf(file,
            "<?xml version=\"1.0\"?>\n<testsuites><testsuite name=\"sim\" tests=\"%u\" "
            "failures=\"%u\">\n%s</testsuite></testsuites>\n",
            junit->count, junit->failures, strbuf_text(&junit->cases));
    return fclose(file);
}

void sim_junit_release(struct sim_junit *junit)
{
    strbuf_release(&junit->cases);
}
