/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - jansson with caps, and the few accessors the codecs need.
 *
 * A document deeper than JSON_MAX_DEPTH is refused before it is parsed; a repeated key and anything
 * after the document are refused too. The accessors accept NULL for the object and treat JSON null
 * as absent, and so a string with a NUL in it: whoever may annotate one object of a list could
 * otherwise spoil the list for all. What they return is borrowed from the document.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define JSON_MAX_DEPTH 64

/* Parses one whole document, an object or an array. Returns an owned reference, or NULL with
 * ERROR_INVALID that names line and column, but quotes nothing: the text may hold a secret. */
json_t *json_parse(const char *bytes, size_t length, struct error *err);
/* The same, but arrays that begin with `begin`, such as "\"managedFields\":[", are read as empty:
 * what they hold is only searched for its end. For what is long and of no use to us. */
json_t *json_parse_without(const char *bytes, size_t length, const char *begin, struct error *err);
void json_release(json_t **owned);
#define CLEANUP_JSON __attribute__((cleanup(json_release)))

/* Follows names through objects; ends with NULL: json_at(doc, "metadata", "labels", NULL). */
const json_t *json_at(const json_t *object, ...) __attribute__((sentinel));
/* The string member, or "" when absent or not a string. */
const char *json_text(const json_t *object, const char *name);
bool json_flag(const json_t *object, const char *name, bool otherwise);
int64_t json_whole(const json_t *object, const char *name, int64_t otherwise);

/* Compact text with sorted keys, caller frees with mem_free. */
char *json_canonical(const json_t *document);
/* The same for JSON text; NULL when the text is no JSON object (err says where). */
char *json_canonical_text(const char *text, struct error *err);
