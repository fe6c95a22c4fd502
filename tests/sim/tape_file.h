/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tape_file - a tape as a text that people can keep.
 *
 *     # what it is, in a line
 *     3 0*17 4294967295 0 0 1
 *
 * Whole numbers below 2^32 with space between; N*M is M times N. A line that begins with # is a
 * remark. A tape means a history only together with the simulator that reads it: after any change
 * of its choices the same words tell another one, which is as good a seed as any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/strbuf.h"

#define TAPE_FILE_WORDS ((size_t)1 << 20)

/* Reads the text of a file, which `text` holds. */
int tape_file_parse(const char *text, uint32_t **ret_words, size_t *ret_count, struct error *err);
int tape_file_read(const char *path, uint32_t **ret_words, size_t *ret_count, struct error *err);
/* `remark`: one line. */
void tape_file_write(FILE *file, const char *remark, const uint32_t *words, size_t count);
