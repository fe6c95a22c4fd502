/* SPDX-License-Identifier: Apache-2.0 */
/* file_text - a small file read whole. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Appends the file's bytes. ERROR_INVALID, naming the file and why, when it can't be read, is
 * larger than `cap` bytes or holds a NUL byte. */
int file_text_read(const char *path, size_t cap, struct strbuf *ret_text, struct error *err);
