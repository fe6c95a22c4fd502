/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/exposition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUE 64

void exposition_label(struct strbuf *labels, const char *name, const char *value)
{
    strbuf_format(labels, "%s%s=\"", labels->length > 0 ? "," : "", name);
    for (size_t i = 0; value[i] && i < MAX_VALUE; i++) {
        if (value[i] == '"' || value[i] == '\\')
            strbuf_char(labels, '\\');
        strbuf_char(labels, value[i] >= ' ' && value[i] < 0x7f ? value[i] : '_');
    }
    strbuf_char(labels, '"');
}

void exposition_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

#define NUMBER_SIZE 32

/* The shortest text that reads back as the same number. */
static void format_number(double number, char ret_text[NUMBER_SIZE])
{
    if (isinf(number)) {
        snprintf(ret_text, NUMBER_SIZE, "%s", number > 0 ? "+Inf" : "-Inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(ret_text, NUMBER_SIZE, "%.*g", digits, number);
        if (strtod(ret_text, NULL) == number)
            return;
    }
}

void exposition_sample(struct strbuf *out, const char *name, const char *suffix, const char *labels,
                       double value)
{
    char number[NUMBER_SIZE];

    format_number(value, number);
    strbuf_format(out, "%s%s%s%s%s %s\n", name, suffix, *labels ? "{" : "", labels,
                  *labels ? "}" : "", number);
}

void exposition_bucket(struct strbuf *out, const char *name, const char *labels,
                       const double *bound, uint64_t count)
{
    char number[NUMBER_SIZE];

    format_number(bound ? *bound : HUGE_VAL, number);
    strbuf_format(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", name, labels, *labels ? "," : "", number,
                  (unsigned long long)count);
}
