/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - what happened in a history, line by line. The hash goes over every line, so two runs of
 * one history can be compared; the lines themselves are kept only when somebody wants to read them.
 * A history that nobody compares or reads has no trace: it would take a twentieth of its time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define TRACE_CAP ((size_t)64 << 20)

struct trace {
    uint64_t hash;
    bool keep;
    struct strbuf text;
};

void trace_init(struct trace *trace, bool keep);
void trace_release(struct trace *trace);
/* Of printf's conversions only %s, %c and whole numbers, with precision, `l` and `z`. */
void trace_line(struct trace *trace, int64_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
