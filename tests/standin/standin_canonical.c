/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_canonical.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define SIGNED_MAX 64 /* signed headers */
#define QUERY_MAX 256 /* query parameters */

const char *standin_header(const struct standin_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static void encode(struct strbuf *out, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        const char escape[] = {'%', digits[c >> 4], digits[c & 15]};

        if (c < 0x80 && (isalnum(c) || (c && strchr("-_.~", c))))
            strbuf_add(out, &bytes[i], 1);
        else
            strbuf_add(out, escape, sizeof escape);
    }
}

/* ---- path ---- */

struct segment {
    size_t at, length;
};

static bool is_dots(const char *text, size_t length, size_t dots)
{
    return length == dots && strncmp(text, "..", dots) == 0;
}

void standin_canonical_path(struct strbuf *out, const char *path, size_t length)
{
    struct segment kept[STANDIN_PATH_MAX / 2 + 1];
    size_t count = 0, end = 0;

    for (size_t at = 0; at < length; at = end + 1) {
        for (end = at; end < length && path[end] != '/';)
            end++;
        if (is_dots(path + at, end - at, 2))
            count -= count > 0;
        else if (end > at && !is_dots(path + at, end - at, 1))
            kept[count++] = (struct segment){at, end - at};
    }
    for (size_t i = 0; i < count; i++) {
        strbuf_char(out, '/');
        encode(out, path + kept[i].at, kept[i].length);
    }
    if (count == 0 || path[length - 1] == '/')
        strbuf_char(out, '/');
}

/* ---- query ---- */

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void recode(struct strbuf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '%' && i + 2 < length && isxdigit((unsigned char)text[i + 1]) &&
            isxdigit((unsigned char)text[i + 2])) {
            c = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        }
        encode(out, &c, 1);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "name\1value": sorts by name first, as no encoded name holds a byte as low as that. */
static char *parameter(const char *text, size_t length)
{
    struct strbuf out = {0};
    const char *equals = memchr(text, '=', length);
    size_t name = equals ? (size_t)(equals - text) : length;

    recode(&out, text, name);
    strbuf_char(&out, '\1');
    if (equals)
        recode(&out, equals + 1, length - name - 1);
    return strbuf_take(&out);
}

void standin_canonical_query(struct strbuf *out, const char *query)
{
    char *parameters[QUERY_MAX];
    size_t count = 0, length = 0;

    for (; *query && count < QUERY_MAX; query += length + (query[length] == '&')) {
        length = strcspn(query, "&");
        if (length)
            parameters[count++] = parameter(query, length);
    }
    qsort(parameters, count, sizeof *parameters, by_text);
    for (size_t i = 0; i < count; i++) {
        *strchr(parameters[i], '\1') = '=';
        strbuf_format(out, "%s%s", i ? "&" : "", parameters[i]);
        mem_free(parameters[i]);
    }
}

/* ---- headers ---- */

static void trimmed(struct strbuf *out, const char *value)
{
    bool gap = false, begun = false;

    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            gap = begun;
            continue;
        }
        if (gap)
            strbuf_char(out, ' ');
        strbuf_char(out, *value);
        gap = false;
        begun = true;
    }
}

static void line(struct strbuf *out, const struct standin_request *request, const char *name)
{
    bool first = true;

    strbuf_format(out, "%s:", name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0)
            continue;
        if (!first)
            strbuf_char(out, ',');
        trimmed(out, request->headers[i].value);
        first = false;
    }
    strbuf_char(out, '\n');
}

void standin_canonical_headers(struct strbuf *out, const struct standin_request *request,
                               const char *signed_headers)
{
    char *names[SIGNED_MAX];
    size_t count = 0, length = 0;

    for (const char *at = signed_headers; *at && count < SIGNED_MAX;
         at += length + (at[length] == ';')) {
        length = strcspn(at, ";");
        names[count++] = mem_strndup(at, length);
    }
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++) {
        line(out, request, names[i]);
        mem_free(names[i]);
    }
}
