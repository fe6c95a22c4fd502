/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - what went wrong, in words for a person and as a kind for the program.
 *
 * The struct belongs to the caller, has a fixed size and cannot fail. Functions that take a
 * `struct error *err` return 0, or -1 after filling it; each layer wraps it with what it was
 * doing. Only the kind decides whether and how a thing is tried again; no code reads the text.
 */
#pragma once

#include <stdint.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_TRANSIENT, /* failed for now and surely had no effect: try again */
    ERROR_UNKNOWN,   /* sent, and the outcome is not known (timeout, reset, 5xx): look first */
    ERROR_THROTTLED, /* too many requests: try again after retry_after_ms */
    ERROR_CONFLICT,  /* 409: the world is not as we thought; look again */
    ERROR_NOT_FOUND, /* the server says, in its own words, that the thing does not exist */
    ERROR_GONE,      /* 410: the resourceVersion is too old; list again. In the simulator: dead */
    ERROR_DENIED,    /* 401, 403: not authenticated or not allowed */
    ERROR_INVALID,   /* the request, a file or a flag is wrong; repeating it as it is cannot help */
    ERROR_BUG,       /* cannot happen */
};

struct error {
    enum error_kind kind;
    int status;             /* HTTP status of the answer, 0 if there was none */
    int64_t retry_after_ms; /* what the server asked for, 0 if nothing */
    char code[64];          /* the server's own name for it (AlreadyExists), or "" */
    char text[512];         /* one line, no newline; long texts are cut */
};

/* Fills err. Returns -1, so that a caller can write `return error_set(...)`. */
int error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<what>: " before the text; kind, status and code stay. Returns -1. */
int error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Back to "no error". */
void error_clear(struct error *err);

/* "transient", "denied", ...: for logs and metrics. */
const char *error_kind_name(enum error_kind kind);
