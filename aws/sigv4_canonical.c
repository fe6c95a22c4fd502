/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sigv4_canonical.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

#define MAX_ITEMS                                                                                  \
    (SIGV4_MAX_QUERY > SIGV4_MAX_HEADERS + 2 ? SIGV4_MAX_QUERY : SIGV4_MAX_HEADERS + 2)
#define LONGEST ((size_t)64 * 1024) /* path or query */

/* Names and values to be sorted: query parameters or headers. */
struct item {
    char *name;
    char *value;
    size_t order;
};

struct items {
    struct item list[MAX_ITEMS];
    size_t count;
};

static void wipe(char *owned)
{
    if (owned)
        explicit_bzero(owned, strlen(owned));
    mem_free(owned);
}

static void items_release(struct items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        mem_free(items->list[i].name);
        wipe(items->list[i].value);
    }
}

/* ---- path and query ---- */

static void encode(struct strbuf *buf, char c, bool keep_slash)
{
    if (c == '/' && keep_slash)
        strbuf_char(buf, c);
    else
        strbuf_percent(buf, (char[2]){c, '\0'});
}

static void drop_last_segment(struct strbuf *path)
{
    while (path->length > 0 && path->text[--path->length] != '/')
        ;
    if (path->text)
        path->text[path->length] = '\0';
}

static void canonical_path(const char *path, struct strbuf *ret_canonical)
{
    CLEANUP(strbuf_release) struct strbuf kept = {0};
    size_t whole = strlen(path);

    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "/");

        if (length == 2 && memcmp(at, "..", 2) == 0) {
            drop_last_segment(&kept);
        } else if (length > 0 && !(length == 1 && *at == '.')) {
            strbuf_char(&kept, '/');
            strbuf_add(&kept, at, length);
        }
        at += length + (at[length] == '/');
    }
    if (kept.length == 0 || path[whole - 1] == '/')
        strbuf_char(&kept, '/');
    for (size_t i = 0; i < kept.length; i++)
        encode(ret_canonical, kept.text[i], true);
    ret_canonical->overflow |= kept.overflow;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Encodes once: what is percent-encoded already is decoded first. */
static char *encode_once(const char *text, size_t length)
{
    struct strbuf buf = {0};

    for (size_t i = 0; i < length; i++) {
        bool escape = text[i] == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 &&
                      hex_value(text[i + 2]) >= 0;

        if (escape && hex_value(text[i + 1]) + hex_value(text[i + 2]) == 0)
            strbuf_str(&buf, "%00"); /* the one byte that a C string can't hold */
        else if (escape)
            encode(&buf, (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])), false);
        else
            encode(&buf, text[i], false);
        i += escape ? 2 : 0;
    }
    return strbuf_take(&buf);
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->value, right->value);
}

static int canonical_query(const char *query, struct strbuf *ret_canonical, struct error *err)
{
    CLEANUP(items_release) struct items items = {.count = 0};

    for (const char *at = query; *at;) {
        size_t length = strcspn(at, "&"), name = strcspn(at, "=&");

        if (items.count == SIGV4_MAX_QUERY)
            return error_set(err, ERROR_INVALID, "request has more than %d query parameters",
                             SIGV4_MAX_QUERY);
        if (length > 0)
            items.list[items.count++] = (struct item){
                .name = encode_once(at, name),
                .value = encode_once(at + name + 1, name < length ? length - name - 1 : 0),
            };
        at += length + (at[length] == '&');
    }
    qsort(items.list, items.count, sizeof *items.list, by_name_and_value);
    for (size_t i = 0; i < items.count; i++)
        strbuf_format(ret_canonical, "%s%s=%s", i ? "&" : "", items.list[i].name,
                      items.list[i].value);
    return 0;
}

/* ---- headers ---- */

static char *lower_case(const char *text)
{
    char *lower = mem_strdup(text);

    for (char *c = lower; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return lower;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the blanks at its ends, runs inside as one space. */
static char *collapsed(const char *value)
{
    char *text = mem_alloc(strlen(value) + 1), *end = text;

    for (const char *c = value; *c; c++) {
        if (!is_blank(*c))
            *end++ = *c;
        else if (end > text && end[-1] != ' ')
            *end++ = ' ';
    }
    if (end > text && end[-1] == ' ')
        end--;
    *end = '\0';
    return text;
}

static int add_header(struct items *items, const char *name, const char *value, struct error *err)
{
    if (!*name || strpbrk(name, " \t\r\n:;") || strpbrk(value, "\r\n"))
        return error_set(err, ERROR_INVALID, "header to sign has a line break or a malformed name");
    items->list[items->count] =
        (struct item){.name = lower_case(name), .value = collapsed(value), .order = items->count};
    items->count++;
    return 0;
}

static int by_name_and_order(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static void print_headers(const struct items *items, struct strbuf *ret_lines,
                          struct strbuf *ret_names)
{
    const char *before = "";

    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->list[i];

        if (strcmp(item->name, before) == 0) {
            strbuf_format(ret_lines, ",%s", item->value);
        } else {
            strbuf_format(ret_lines, "%s%s:%s", i ? "\n" : "", item->name, item->value);
            strbuf_format(ret_names, "%s%s", i ? ";" : "", item->name);
        }
        before = item->name;
    }
    strbuf_char(ret_lines, '\n');
}

static int canonical_headers(const struct sigv4_request *request, const char *date,
                             const char *token, struct strbuf *ret_lines, struct strbuf *ret_names,
                             struct error *err)
{
    CLEANUP(items_release) struct items items = {.count = 0};
    bool host = false;

    if (request->header_count > SIGV4_MAX_HEADERS)
        return error_set(err, ERROR_INVALID, "request has more than %d headers to sign",
                         SIGV4_MAX_HEADERS);
    for (size_t i = 0; i < request->header_count; i++) {
        host |= strcasecmp(request->headers[i].name, "host") == 0;
        if (add_header(&items, request->headers[i].name, request->headers[i].value, err) < 0)
            return -1;
    }
    if (!host)
        return error_set(err, ERROR_INVALID, "request to sign has no host header");
    if (add_header(&items, "x-amz-date", date, err) < 0 ||
        (*token && add_header(&items, "x-amz-security-token", token, err) < 0))
        return -1;
    qsort(items.list, items.count, sizeof *items.list, by_name_and_order);
    print_headers(&items, ret_lines, ret_names);
    return 0;
}

/* ---- the whole ---- */

/* A canonical request holds the session token. */
static void canonical_release(struct strbuf *buf)
{
    if (buf->text)
        explicit_bzero(buf->text, buf->capacity);
    strbuf_release(buf);
}

static void add_digest(struct strbuf *buf, const void *bytes, size_t length)
{
    uint8_t digest[DIGEST_SIZE];
    char hex[DIGEST_HEX_SIZE];

    digest_sha256(bytes, length, digest);
    digest_hex(digest, sizeof digest, hex);
    strbuf_str(buf, hex);
}

int sigv4_canonical_request(const struct sigv4_request *request, const char *date,
                            const char *session_token, struct strbuf *ret_canonical,
                            struct strbuf *ret_signed_headers, struct error *err)
{
    CLEANUP(canonical_release) struct strbuf canonical = {0};
    CLEANUP(strbuf_release) struct strbuf names = {0};

    if (strlen(request->path) > LONGEST || strlen(request->query) > LONGEST)
        return error_set(err, ERROR_INVALID, "path or query to sign is longer than %zu bytes",
                         LONGEST);
    strbuf_format(&canonical, "%s\n", request->method);
    canonical_path(request->path, &canonical);
    strbuf_char(&canonical, '\n');
    if (canonical_query(request->query, &canonical, err) < 0)
        return -1;
    strbuf_char(&canonical, '\n');
    if (canonical_headers(request, date, session_token, &canonical, &names, err) < 0)
        return -1;
    strbuf_format(&canonical, "\n%s\n", strbuf_text(&names));
    add_digest(&canonical, request->body_length ? request->body : "", request->body_length);
    if (!strbuf_ok(&canonical) || !strbuf_ok(&names))
        return error_set(err, ERROR_INVALID, "request to sign is longer than %zu bytes",
                         STRBUF_DEFAULT_CAP);
    strbuf_str(ret_canonical, canonical.text);
    strbuf_str(ret_signed_headers, names.text);
    return 0;
}
