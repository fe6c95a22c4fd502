/* SPDX-License-Identifier: Apache-2.0 */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

/* Makes room for `length` more bytes and the NUL. Returns false when that is over the cap. */
static bool reserve(struct strbuf *buf, size_t length)
{
    size_t cap = buf->cap ? buf->cap : STRBUF_DEFAULT_CAP;

    if (buf->overflow || length > cap || buf->length > cap - length) {
        buf->overflow = true;
        return false;
    }
    size_t needed = buf->length + length + 1;
    if (needed > buf->capacity) {
        size_t doubled = buf->capacity > cap / 2 ? cap + 1 : buf->capacity * 2;

        buf->capacity = needed > doubled ? needed : doubled;
        if (buf->capacity < 64 && cap >= 64)
            buf->capacity = 64;
        buf->text = mem_resize(buf->text, buf->capacity);
    }
    return true;
}

/* An addition made of several pieces is dropped whole. */
static void drop_after(struct strbuf *buf, size_t start)
{
    if (!buf->overflow || !buf->text)
        return;
    buf->length = start;
    buf->text[start] = '\0';
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length > 0)
        memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_str(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_char(struct strbuf *buf, char c)
{
    strbuf_add(buf, &c, 1);
}

/* Written where it mostly fits, into the room that is left; else once more, when there is enough. */
void strbuf_format(struct strbuf *buf, const char *format, ...)
{
    size_t room = buf->overflow ? 0 : buf->capacity - buf->length;
    va_list arguments, again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(room > 0 ? buf->text + buf->length : NULL, room, format, arguments);
    if (length < 0) {
        buf->overflow = true;
    } else if ((size_t)length < room) {
        buf->length += (size_t)length;
    } else if (reserve(buf, (size_t)length)) {
        vsnprintf(buf->text + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    drop_after(buf, buf->length);
    va_end(again);
    va_end(arguments);
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

void strbuf_percent(struct strbuf *buf, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t start = buf->length;

    for (; *text && !buf->overflow; text++) {
        unsigned char byte = (unsigned char)*text;

        if (is_unreserved(*text))
            strbuf_char(buf, *text);
        else
            strbuf_add(buf, (char[3]){'%', hex[byte >> 4], hex[byte & 15]}, 3);
    }
    drop_after(buf, start);
}

static const char *short_escape(uint32_t point)
{
    switch (point) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

void strbuf_json(struct strbuf *buf, const char *text)
{
    const char *end = text + strlen(text);
    size_t start = buf->length;

    while (text < end && !buf->overflow) {
        uint32_t point;
        size_t length = utf8_read(text, (size_t)(end - text), &point);

        if (length == 0)
            strbuf_str(buf, "\xEF\xBF\xBD");
        else if (short_escape(point))
            strbuf_str(buf, short_escape(point));
        else if (utf8_is_hidden(point))
            strbuf_format(buf, "\\u%04x", (unsigned)point);
        else
            strbuf_add(buf, text, length);
        text += length ? length : 1;
    }
    drop_after(buf, start);
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->text ? buf->text : "";
}

bool strbuf_ok(const struct strbuf *buf)
{
    return !buf->overflow;
}

char *strbuf_take(struct strbuf *buf)
{
    char *text = buf->text ? buf->text : mem_strdup("");

    *buf = (struct strbuf){.cap = buf->cap};
    return text;
}

void strbuf_clear(struct strbuf *buf)
{
    buf->length = 0;
    buf->overflow = false;
    if (buf->text)
        buf->text[0] = '\0';
}

void strbuf_release(struct strbuf *buf)
{
    mem_free(buf->text);
    *buf = (struct strbuf){.cap = buf->cap};
}
