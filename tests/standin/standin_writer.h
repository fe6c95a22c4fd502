/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_writer - writes JSON the way EKS does: indented, `"name" : value`, unset members as null,
 * times as seconds in exponent form (1.703780359717E9). jansson can write none of these.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "tests/standin/model.h"

struct standin_writer {
    struct strbuf *out;
    unsigned depth;
    bool begun; /* the open object or array has an element already */
};

/* `name` NULL: an element of an array, or the whole document. `bracket` is '{' or '['. */
void standin_open(struct standin_writer *writer, const char *name, char bracket);
void standin_close(struct standin_writer *writer, char bracket);
/* NULL and "" become null. */
void standin_text(struct standin_writer *writer, const char *name, const char *value);
/* "" stays "". */
void standin_exact(struct standin_writer *writer, const char *name, const char *value);
void standin_flag(struct standin_writer *writer, const char *name, bool value);
void standin_whole(struct standin_writer *writer, const char *name, int64_t value);
void standin_number(struct standin_writer *writer, const char *name, double value);
void standin_null(struct standin_writer *writer, const char *name);
/* Milliseconds since 1970. */
void standin_time(struct standin_writer *writer, const char *name, int64_t epoch_ms);
/* "2s", "100ms". */
void standin_duration(struct standin_writer *writer, const char *name, int64_t ms);
void standin_tags(struct standin_writer *writer, const char *name, const struct model_tag *tags,
                  size_t count);
