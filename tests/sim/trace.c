/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

static void mix_number(struct trace *trace, uint64_t number)
{
    trace->hash = (trace->hash ^ number) * 1099511628211u;
    trace->hash ^= trace->hash >> 29;
}

static void mix_text(struct trace *trace, const char *text, size_t longest)
{
    uint64_t hash = trace->hash;

    for (; text && longest > 0 && *text != '\0'; longest--, text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    trace->hash = hash;
}

/* One conversion, without the '%'; returns what follows it. Knows texts and whole numbers. */
static const char *mix_argument(struct trace *trace, const char *format, va_list *args)
{
    size_t longest = SIZE_MAX;
    int longs = 0;

    for (; *format != '\0' && strchr("0123456789.*lz", *format); format++) {
        if (*format == '*')
            longest = (size_t)va_arg(*args, int);
        else if (format[0] == '.' && format[1] != '*')
            longest = strtoul(format + 1, NULL, 10);
        else if (*format == 'l' || *format == 'z')
            longs++;
    }
    if (*format == '%')
        return format + 1;
    if (*format == 's')
        mix_text(trace, va_arg(*args, const char *), longest);
    else if (longs > 0)
        mix_number(trace, va_arg(*args, unsigned long));
    else
        mix_number(trace, va_arg(*args, unsigned));
    return *format == '\0' ? format : format + 1;
}

/* The arguments themselves: printing a line takes several times as long. */
static void mix_line(struct trace *trace, const char *format, va_list *args)
{
    while (*format != '\0') {
        if (*format++ == '%')
            format = mix_argument(trace, format, args);
        else
            mix_number(trace, (unsigned char)format[-1]);
    }
}

void trace_line(struct trace *trace, int64_t now, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    mix_number(trace, (uint64_t)now);
    mix_line(trace, format, &args);
    va_end(args);
    if (!trace->keep)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    strbuf_format(&trace->text, "%9.3f  %s\n", (double)now / 1000, line);
}
