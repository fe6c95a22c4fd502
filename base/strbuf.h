/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strbuf - a growing string with a cap given at birth.
 *
 * `text` is always NUL-terminated once anything was added (use strbuf_text() when it may be
 * empty). Going over the cap sets `overflow`, drops the addition whole, and every later addition:
 * check strbuf_ok() once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *text;
    size_t length;
    size_t capacity;
    size_t cap; /* longest length allowed, in bytes; 0 means STRBUF_DEFAULT_CAP */
    bool overflow;
};

#define STRBUF_DEFAULT_CAP ((size_t)1 << 20)
#define STRBUF_CAPPED(bytes) ((struct strbuf){.cap = (bytes)})

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_str(struct strbuf *buf, const char *text);
void strbuf_char(struct strbuf *buf, char c);
void strbuf_format(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Percent-encodes every byte but A-Z a-z 0-9 - _ . ~ (RFC 3986, as AWS wants it). */
void strbuf_percent(struct strbuf *buf, const char *text);

/* Adds text as the inside of a JSON string: quotes, control and direction characters escaped; bytes
 * that are not UTF-8 become U+FFFD. The quotes around it are the caller's. */
void strbuf_json(struct strbuf *buf, const char *text);

/* The text, or "" when nothing was added. Borrowed until the next change. */
const char *strbuf_text(const struct strbuf *buf);
bool strbuf_ok(const struct strbuf *buf);

/* Moves the text out (never NULL); the buffer is empty afterwards. */
char *strbuf_take(struct strbuf *buf);
/* Keeps the memory, drops the content and the overflow mark. */
void strbuf_clear(struct strbuf *buf);
void strbuf_release(struct strbuf *buf);
