/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_url - an http or https URL cut into checked parts: the one URL parser of aws/. Pure.
 *
 * It is narrower than RFC 3986, so that what is checked here is what libcurl connects to: no user
 * name, no fragment, no backslash, printable ASCII only, an IPv6 address in brackets without a
 * zone.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define ENDPOINT_URL_SIZE 512
#define ENDPOINT_URL_HOST_SIZE 256

struct endpoint_url {
    bool https;
    bool ipv6;                         /* the host stood in brackets */
    unsigned port;                     /* 0: none given */
    char host[ENDPOINT_URL_HOST_SIZE]; /* lower case, without brackets */
    char path[ENDPOINT_URL_SIZE];      /* as written from the first slash, with the query; or "" */
};

/* Fails with ERROR_INVALID that says what was expected. The URL is not in the text: it may hold a
 * secret. */
int endpoint_url_parse(const char *text, struct endpoint_url *ret_url, struct error *err);
