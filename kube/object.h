/* SPDX-License-Identifier: Apache-2.0 */
/* object - what all Kubernetes objects and lists have in common. Pure. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"
#include "kube/object_version.h"

/* More than half of most objects, and nothing that we look at: json_parse_without(). */
#define OBJECT_UNREAD "\"managedFields\":["

/* metadata.resourceVersion, or "" when absent or not valid; borrowed from the object. */
const char *object_version(const json_t *object);

/* One page of a list; everything is borrowed from the document. */
struct object_page {
    const json_t *items; /* an array, or NULL for none */
    size_t count;
    const char *version;        /* resourceVersion of the list */
    const char *continue_token; /* "" on the last page */
};

/* Checks that this is a list of `kind` ("ServiceAccount" for a ServiceAccountList), that `items` is
 * an array of objects or null, and that the list has a resourceVersion. ERROR_TRANSIENT otherwise:
 * such an answer says nothing about what exists. */
int object_page_read(const json_t *document, const char *kind, struct object_page *ret_page,
                     struct error *err);
/* The index-th item, an object. */
const json_t *object_page_item(const struct object_page *page, size_t index);
