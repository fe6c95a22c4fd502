/* SPDX-License-Identifier: Apache-2.0 */
/* What comes to the health port, whole and as much of it as has come so far. */
#include <string.h>

#include "base/mem.h"
#include "controller/health_request.h"
#include "tests/fuzz/fuzzing.h"

struct reading {
    enum health_verdict verdict;
    struct health_request request;
};

static struct reading read_first(const char *bytes, size_t length)
{
    CLEANUP_FREE char *exact = mem_dup(bytes, length);
    struct reading reading = {.verdict = HEALTH_PARTIAL};

    reading.verdict = health_request_parse(exact, length, &reading.request);
    if (reading.verdict != HEALTH_WHOLE)
        return reading;
    FUZZ_CHECK(memchr(reading.request.path, '\0', HEALTH_PATH_SIZE), "a path ends");
    FUZZ_CHECK(reading.request.method <= HEALTH_OTHER, "a method is one of three");
    fuzzing_check_line(reading.request.path);
    return reading;
}

static void check_prefix(struct reading early, struct reading late)
{
    FUZZ_CHECK(late.verdict != HEALTH_PARTIAL || early.verdict == HEALTH_PARTIAL,
               "what was judged is not open again when more comes");
    if (early.verdict == HEALTH_WHOLE && late.verdict == HEALTH_WHOLE)
        FUZZ_CHECK(strcmp(early.request.path, late.request.path) == 0 &&
                       early.request.method == late.request.method,
                   "a request stays what it is when more comes");
    if (early.verdict == HEALTH_BROKEN)
        FUZZ_CHECK(late.verdict == HEALTH_BROKEN, "what is broken stays broken");
}

void fuzz_one(const char *bytes, size_t length)
{
    struct reading whole = read_first(bytes, length);

    FUZZ_CHECK(length <= HEALTH_REQUEST_MAX || whole.verdict != HEALTH_PARTIAL,
               "no more is waited for than the longest request");
    for (size_t part = 1; part < 8; part++)
        check_prefix(read_first(bytes, length * part / 8), whole);
}
