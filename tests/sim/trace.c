/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void trace_init(struct trace *trace, bool keep)
{
    *trace = (struct trace){
        .hash = 14695981039346656037u, .keep = keep, .text = STRBUF_CAPPED(TRACE_CAP)};
}

void trace_release(struct trace *trace)
{
    strbuf_release(&trace->text);
}

static void mix(struct trace *trace, const char *bytes, size_t length)
{
    uint64_t hash = trace->hash;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    trace->hash = hash;
}

void trace_line(struct trace *trace, int64_t now, const char *format, ...)
{
    char line[512];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof line)
        length = sizeof line - 1;
    mix(trace, (const char *)&now, sizeof now);
    mix(trace, line, (size_t)length);
    if (trace->keep)
        strbuf_format(&trace->text, "%9.3f  %s\n", (double)now / 1000, line);
}
