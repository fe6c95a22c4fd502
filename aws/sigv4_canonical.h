/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sigv4_canonical - the text of a request that is signed: the first step of aws/sigv4. Pure.
 *
 * The path is taken as it is sent and encoded once more, so a "%2F" on the wire is "%252F" here;
 * dot segments and empty segments are resolved first. Query names and values are encoded once: what
 * is percent-encoded already stays so. All headers given are signed: give host and content-type,
 * and none that a proxy may change.
 *
 * Source: AWS documentation "Create a signed AWS API request"; cases in tests/cases/sigv4.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

struct sigv4_header {
    const char *name; /* any case */
    const char *value;
};

#define SIGV4_MAX_HEADERS 32
#define SIGV4_MAX_QUERY 128 /* parameters */

struct sigv4_request {
    const char *method;
    const char *path;                   /* as sent, percent-encoded; "" counts as "/" */
    const char *query;                  /* as sent, without "?"; "" for none */
    const struct sigv4_header *headers; /* the ones to sign; host must be there */
    size_t header_count;
    const void *body; /* NULL: none */
    size_t body_length;
};

/* Appends the canonical request, with x-amz-date (`date`) and, unless `session_token` is "",
 * x-amz-security-token among its headers; ret_signed_headers gets "host;x-amz-date". Fails with
 * ERROR_INVALID: no host header, too many headers or parameters, a line break in a header, a path
 * or query over 64 KiB. */
int sigv4_canonical_request(const struct sigv4_request *request, const char *date,
                            const char *session_token, struct strbuf *ret_canonical,
                            struct strbuf *ret_signed_headers, struct error *err);
