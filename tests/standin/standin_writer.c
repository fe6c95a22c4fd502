/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Most texts need no escape, and a page of a hundred associations has 1,200. */
static void quoted(struct strbuf *out, const char *text)
{
    size_t length = 0;

    while (text[length] >= ' ' && text[length] < 0x7f && text[length] != '"' &&
           text[length] != '\\')
        length++;
    strbuf_char(out, '"');
    if (text[length])
        strbuf_json(out, text);
    else
        strbuf_add(out, text, length);
    strbuf_char(out, '"');
}

static void begin(struct standin_writer *writer, const char *name)
{
    static const char line[] = "\n                        ";

    if (writer->begun)
        strbuf_char(writer->out, ',');
    if (writer->depth > 0)
        strbuf_add(writer->out, line, 1 + 2 * (size_t)writer->depth);
    if (name) {
        quoted(writer->out, name);
        strbuf_add(writer->out, " : ", 3);
    }
    writer->begun = true;
}

void standin_open(struct standin_writer *writer, const char *name, char bracket)
{
    begin(writer, name);
    strbuf_char(writer->out, bracket);
    writer->depth++;
    writer->begun = false;
}

void standin_close(struct standin_writer *writer, char bracket)
{
    bool empty = !writer->begun;

    writer->depth--;
    writer->begun = false;
    if (empty)
        strbuf_char(writer->out, ' ');
    else
        begin(writer, NULL);
    if (!empty && writer->depth == 0)
        strbuf_char(writer->out, '\n');
    strbuf_char(writer->out, bracket);
    writer->begun = true;
}

void standin_exact(struct standin_writer *writer, const char *name, const char *value)
{
    begin(writer, name);
    quoted(writer->out, value);
}

void standin_text(struct standin_writer *writer, const char *name, const char *value)
{
    if (value && *value)
        standin_exact(writer, name, value);
    else
        standin_null(writer, name);
}

void standin_null(struct standin_writer *writer, const char *name)
{
    begin(writer, name);
    strbuf_str(writer->out, "null");
}

void standin_flag(struct standin_writer *writer, const char *name, bool value)
{
    begin(writer, name);
    strbuf_str(writer->out, value ? "true" : "false");
}

void standin_whole(struct standin_writer *writer, const char *name, int64_t value)
{
    begin(writer, name);
    strbuf_format(writer->out, "%" PRId64, value);
}

void standin_number(struct standin_writer *writer, const char *name, double value)
{
    begin(writer, name);
    strbuf_format(writer->out, "%.9g", value);
}

void standin_time(struct standin_writer *writer, const char *name, int64_t epoch_ms)
{
    char digits[24];
    size_t length = 0, used = 0;

    snprintf(digits, sizeof digits, "%" PRId64, epoch_ms < 1000 ? 1000 : epoch_ms);
    used = length = strlen(digits);
    while (used > 2 && digits[used - 1] == '0')
        used--;
    begin(writer, name);
    strbuf_format(writer->out, "%c.%.*sE%zu", digits[0], (int)(used - 1), digits + 1, length - 4);
}

void standin_duration(struct standin_writer *writer, const char *name, int64_t ms)
{
    char text[32];

    snprintf(text, sizeof text, ms % 1000 ? "%" PRId64 "ms" : "%" PRId64 "s",
             ms % 1000 ? ms : ms / 1000);
    standin_exact(writer, name, text);
}

void standin_tags(struct standin_writer *writer, const char *name, const struct model_tag *tags,
                  size_t count)
{
    standin_open(writer, name, '{');
    for (size_t i = 0; i < count; i++)
        standin_exact(writer, tags[i].key, tags[i].value);
    standin_close(writer, '}');
}
