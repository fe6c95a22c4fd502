/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_canonical - the parts of a Signature Version 4 canonical request, from a raw request.
 * Source: AWS, "Create a signed API request", as the service has to read it.
 */
#pragma once

#include <stddef.h>

#include "base/strbuf.h"
#include "tests/standin/standin_request.h"

/* Longest path, in bytes; the caller refuses longer ones. */
#define STANDIN_PATH_MAX 8192

/* Dot segments and empty segments fall out, a trailing slash stays, every byte of what is left is
 * encoded but A-Z a-z 0-9 - _ . ~ and the slashes: what came encoded is encoded twice. */
void standin_canonical_path(struct strbuf *out, const char *path, size_t length);
/* Names and values decoded and encoded anew, sorted by name and then by value. */
void standin_canonical_query(struct strbuf *out, const char *query);
/* One line for each header of the list "a;b;c", sorted by name: values trimmed, runs of spaces made
 * one, several of a name joined by commas in their order. */
void standin_canonical_headers(struct strbuf *out, const struct standin_request *request,
                               const char *signed_headers);
