/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object - what all Kubernetes objects and lists share: resourceVersions, and the list page.
 *
 * A resourceVersion is a decimal number of any length, kept as text (comparable within one resource
 * since Kubernetes 1.35, KEP-5504). It is never persisted and never made a C number.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* True for one or more digits and nothing else. */
bool object_version_valid(const char *version);
/* Less than, equal to or greater than 0, as numbers. Both must be valid. */
int object_version_compare(const char *a, const char *b);
/* metadata.resourceVersion, or "" when absent or not valid; borrowed from the object. */
const char *object_version(const json_t *object);

/* One page; everything is borrowed from the document. */
struct object_page {
    const json_t *items; /* an array, or NULL for none */
    size_t count;
    const char *version;        /* resourceVersion of the list */
    const char *continue_token; /* "" on the last page */
};

/* Checks that this is a list of `kind` ("ServiceAccount" for a ServiceAccountList), that `items` is
 * an array of objects or null, and that it has a resourceVersion. ERROR_TRANSIENT otherwise: such
 * an answer says nothing about what exists. */
int object_page_read(const json_t *document, const char *kind, struct object_page *ret_page,
                     struct error *err);
/* The index-th item, an object. */
const json_t *object_page_item(const struct object_page *page, size_t index);
