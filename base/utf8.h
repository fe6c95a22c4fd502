/* SPDX-License-Identifier: Apache-2.0 */
/* utf8 - reading UTF-8, and which characters must not reach a terminal as they are. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the character at `text`, of which `length` bytes may be read. Returns how many bytes it
 * takes, or 0 when they are not UTF-8 (RFC 3629: no overlong forms, no surrogates). */
size_t utf8_read(const char *text, size_t length, uint32_t *ret_point);

/* Control characters, line separators, and those that turn the writing direction: they can forge
 * or reorder what a person reads in a log. */
bool utf8_is_hidden(uint32_t point);

/* How many bytes of a NUL-terminated text to keep so that they are at most `length` and do not end
 * within a character. */
size_t utf8_cut(const char *text, size_t length);
