/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/api_request.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

    return at ? (int)(at - digits) : c >= '0' && c <= '9' ? c - '0' : -1;
}

/* In place. */
static bool decode(char *text)
{
    char *to = text;

    for (const char *from = text; *from; from++) {
        int high, low;

        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        high = hex_digit(from[1]);
        low = high < 0 ? -1 : hex_digit(from[2]);
        if (low < 0 || (high == 0 && low == 0))
            return false;
        *to++ = (char)(high << 4 | low);
        from += 2;
    }
    *to = '\0';
    return true;
}

/* Cuts the next part off; NULL at the end. */
static char *cut(char **rest, char by)
{
    char *part = *rest, *end = part ? strchr(part, by) : NULL;

    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return part;
}

static bool read_path(struct api_request *request, char *path)
{
    char *rest = path + 1;

    for (char *segment = cut(&rest, '/'); segment; segment = cut(&rest, '/')) {
        if (request->segment_count == API_SEGMENTS_MAX || !decode(segment))
            return false;
        request->segments[request->segment_count++] = segment;
    }
    return path[0] == '/';
}

static bool read_query(struct api_request *request, char *query)
{
    for (char *pair = cut(&query, '&'); pair; pair = cut(&query, '&')) {
        char *value = pair, *name = cut(&value, '=');

        if (!value || request->query_count == API_PARAMETERS_MAX || !decode(name) || !decode(value))
            return false;
        request->query[request->query_count++] = (struct api_pair){name, value};
    }
    return true;
}

static char *keep(struct api_request *request, char *owned)
{
    return request->owned_texts[request->owned_count++] = owned;
}

static bool read_headers(struct api_request *request, const char *const *headers)
{
    for (; headers && *headers; headers++) {
        char *value, *name;

        if (request->header_count == API_HEADERS_MAX)
            return false;
        value = keep(request, mem_strdup(*headers));
        name = cut(&value, ':');
        if (!value || value[0] != ' ')
            return false;
        request->headers[request->header_count++] = (struct api_pair){name, value + 1};
    }
    return true;
}

bool api_request_read(const struct http_request *http, struct api_request *ret_request)
{
    const char *start = strstr(http->url, "://"), *path = start ? strchr(start + 3, '/') : NULL;
    char *rest;

    *ret_request = (struct api_request){.method = http->method,
                                        .host = "",
                                        .target = "",
                                        .body = http->body ? http->body : "",
                                        .body_length = http->body_length};
    if (!path)
        return false;
    ret_request->host = keep(ret_request, mem_strndup(start + 3, (size_t)(path - start - 3)));
    ret_request->target = keep(ret_request, mem_strdup(path));
    rest = keep(ret_request, mem_strdup(path));
    cut(&rest, '?');
    return read_path(ret_request, ret_request->owned_texts[2]) && read_query(ret_request, rest) &&
           read_headers(ret_request, http->headers);
}

void api_request_release(struct api_request *request)
{
    for (size_t i = 0; i < request->owned_count; i++)
        mem_free(request->owned_texts[i]);
    *request = (struct api_request){0};
}

const char *api_request_query(const struct api_request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return "";
}

const char *api_request_header(const struct api_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return "";
}

bool api_request_is(const struct api_request *request, const char *method, const char *path)
{
    if (strcmp(request->method, method) != 0)
        return false;
    for (size_t i = 0; i < request->segment_count; i++) {
        size_t length = strcspn(path, "/");
        const char *segment = request->segments[i];
        bool any = length == 1 && path[0] == '*';

        if (!any && (strlen(segment) != length || memcmp(segment, path, length) != 0))
            return false;
        path += length;
        if (*path != (i + 1 < request->segment_count ? '/' : '\0'))
            return false;
        path += *path == '/';
    }
    return request->segment_count > 0 && *path == '\0';
}
