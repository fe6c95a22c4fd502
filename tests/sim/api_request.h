/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_request - a request of the operator as a server reads it: the URL taken apart and decoded,
 * the headers by name. Written apart from the code that makes requests.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/http.h"
#include "base/strbuf.h"

#define API_SEGMENTS_MAX 10
#define API_PARAMETERS_MAX 8
#define API_HEADERS_MAX 8

struct api_pair {
    const char *name, *value;
};

/* Borrows method and body from the request; the rest is its own. */
struct api_request {
    char *owned_texts[3 + API_HEADERS_MAX]; /* what the members point to */
    size_t owned_count;
    const char *method;
    const char *host;   /* with its port */
    const char *target; /* path and query as they came */
    const char *segments[API_SEGMENTS_MAX];
    size_t segment_count;
    struct api_pair query[API_PARAMETERS_MAX];
    size_t query_count;
    struct api_pair headers[API_HEADERS_MAX];
    size_t header_count;
    const char *body; /* "" without one */
    size_t body_length;
};

/* Returns false when the URL or a header is malformed, or has more parts than there is room for.
 * ret_request must be released either way. */
bool api_request_read(const struct http_request *http, struct api_request *ret_request);
void api_request_release(struct api_request *request);
/* The value, "" when it was not sent. Header names in any case. */
const char *api_request_query(const struct api_request *request, const char *name);
const char *api_request_header(const struct api_request *request, const char *name);
/* True when the path has exactly these segments, "/"-separated; "*" is any one. */
bool api_request_is(const struct api_request *request, const char *method, const char *path);
