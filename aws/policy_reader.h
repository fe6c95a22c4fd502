/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_reader - the values of a policy document, counted against the caps of aws/policy.h, and
 * what is said of those that are not as they should be. A part of aws/policy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "aws/policy.h"

struct json_t;

/* Zeroed but for policy and err. */
struct policy_reader {
    struct trust_policy *policy; /* its count is the number of the statement under way; 0: none */
    size_t values;
    size_t text_bytes;
    struct error *err;
};

/* ERROR_INVALID, "statement 2: ...". Returns -1. */
int policy_reader_refuse(struct policy_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fails when the object has a member of another name; `known` ends with NULL, `expected` names
 * them for a person. */
int policy_reader_members(struct policy_reader *reader, struct json_t *object,
                          const char *const *known, const char *expected);

/* A text, counted. What is read points into the document. */
int policy_reader_text(struct policy_reader *reader, const char *what, const struct json_t *value,
                       const char **ret_text);
int policy_reader_count(struct policy_reader *reader, const char *what, const char *text,
                        size_t length);

/* The member as a list, in the document itself: one value becomes a list of it. Never NULL; the
 * member must be there. */
struct json_t *policy_reader_list(struct json_t *object, const char *name);
/* The member as a list of at least one text. With `scalars` numbers and booleans are taken too,
 * and stand for their texts. On failure the texts read so far stay. */
int policy_reader_texts(struct policy_reader *reader, struct json_t *object, const char *name,
                        bool scalars, struct trust_texts *texts);
