/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_lines.h"

#include <string.h>

/* Moves bytes to the partial line, its end included. True when that is whole now. */
static bool take_line(struct watch_lines *lines, const char **bytes, size_t *length)
{
    if (*length == 0)
        return false;
    const char *newline = memchr(*bytes, '\n', *length);
    size_t taken = newline != NULL ? (size_t)(newline - *bytes) : *length;
    lines->partial.cap = WATCH_FRAME_CAP;
    strbuf_add(&lines->partial, *bytes, taken);
    taken += newline != NULL;
    *bytes += taken;
    *length -= taken;
    return newline != NULL;
}

static bool is_blank(const struct strbuf *line)
{
    const char *text = strbuf_text(line);
    return strspn(text, " \t\r") == line->length;
}

static enum watch_frame_result read_line(struct watch_lines *lines, struct watch_frame *ret_frame,
                                         struct error *err)
{
    size_t used;
    enum watch_frame_result result = watch_frame_read(
        strbuf_text(&lines->partial), lines->partial.length, true, ret_frame, &used, err);
    strbuf_release(&lines->partial);
    return result;
}

enum watch_frame_result watch_lines_read(struct watch_lines *lines, const char **bytes,
                                         size_t *length, struct watch_frame *ret_frame,
                                         struct error *err)
{
    while (take_line(lines, bytes, length) && strbuf_ok(&lines->partial)) {
        if (!is_blank(&lines->partial))
            return read_line(lines, ret_frame, err);
        strbuf_clear(&lines->partial);
    }
    if (strbuf_ok(&lines->partial))
        return WATCH_FRAME_PARTIAL;
    error_set(err, ERROR_GONE, "a watch event over %zu bytes", WATCH_FRAME_CAP);
    return WATCH_FRAME_BROKEN;
}

bool watch_lines_empty(const struct watch_lines *lines)
{
    return is_blank(&lines->partial);
}

void watch_lines_release(struct watch_lines *lines)
{
    strbuf_release(&lines->partial);
}
