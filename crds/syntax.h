/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syntax - what the texts of our API may look like: the patterns of podidentitybindings.yaml, in C.
 *
 * The schema refuses most of this at admission. It is checked again because a cluster may serve
 * another version of the schema, and because these texts go into URLs, ARNs and tags. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SYNTAX_NAME_MAX 253
#define SYNTAX_ARN_MAX 640
#define SYNTAX_TAG_KEY_MAX 128   /* characters */
#define SYNTAX_TAG_VALUE_MAX 256 /* characters */

/* A byte below 0x20, or 0x7f. */
bool syntax_has_control(const char *text);
/* Characters of UTF-8 text, as the API server and AWS count them. */
size_t syntax_characters(const char *text);

/* Names of most Kubernetes objects: lower-case letters, digits, '-' and '.' (RFC 1123). */
bool syntax_is_object_name(const char *text);
/* "tier", "example.com/tier" */
bool syntax_is_label_key(const char *text);
/* May be empty. */
bool syntax_is_label_value(const char *text);

/* "reader", "team/a/reader": no slash at either end, no wildcard. */
bool syntax_is_role_name(const char *text);
/* "arn:aws:iam::111122223333:role/team/a/reader", of any partition. */
bool syntax_is_role_arn(const char *text);

/* Letters, digits, spaces and _.:/=+-@; letters outside ASCII are let through unseen. */
bool syntax_is_tag_text(const char *text);
/* True when the key belongs to podbind or to AWS ("aws:" in any case). */
bool syntax_is_reserved_tag(const char *key);
