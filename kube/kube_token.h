/* SPDX-License-Identifier: Apache-2.0 */
/* kube_token - bearer tokens: what may stand in a header. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define KUBE_TOKEN_CAP ((size_t)12 << 10)

/* A header value and nothing that could end it: 1 byte to 12 KiB of visible ASCII. */
bool kube_token_valid(const char *token);
/* Reads a token file, without the white space at its end. Heap text. ERROR_INVALID when it can't be
 * read or holds no token. */
int kube_token_read(const char *path, char **ret_token, struct error *err);
