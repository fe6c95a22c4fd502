/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health_request - as much of an HTTP/1 request as three fixed pages need: method and path. Pure.
 *
 * Header fields are skipped. Anything but HTTP/1.0 and HTTP/1.1, and any control byte where none
 * belongs, is refused at once, so that TLS or HTTP/2 sent here is not waited for.
 *
 * Source: RFC 9112, sections 2 to 5.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The longest request, up to the empty line. */
#define HEALTH_REQUEST_MAX 8192
#define HEALTH_PATH_SIZE 64

enum health_method { HEALTH_GET, HEALTH_HEAD, HEALTH_OTHER };

struct health_request {
    enum health_method method;
    char path[HEALTH_PATH_SIZE]; /* without the query; "" when longer than any page's */
};

/* What came of the bytes so far. */
enum health_verdict {
    HEALTH_PARTIAL, /* more is to come */
    HEALTH_WHOLE,   /* ret_request is filled */
    HEALTH_BROKEN,  /* 400 */
    HEALTH_TOO_BIG, /* 431 */
    HEALTH_VERSION, /* 505 */
};
enum health_verdict health_request_parse(const char *bytes, size_t length,
                                         struct health_request *ret_request);
