/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_object - records of kube_world as the JSON that kube-apiserver writes: whole objects with
 * everything that podbind does not read, too. The encoder to the operator's decoders, and written
 * apart from them.
 */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"
#include "crds/binding.h"

/* How an object is written; a server may choose. Zeroed is the plainest. */
struct api_style {
    const char *status;   /* JSON of a binding's status; NULL: none yet */
    int64_t deleted_us;   /* deletionTimestamp, while it is being deleted */
    bool managed_fields;  /* long, and nothing for us */
    bool strange_members; /* what a newer server or schema might add */
    bool defaults;        /* members of the spec that say the default are written too */
    bool match_labels;    /* In with one value becomes matchLabels */
    bool listed;          /* an item of a list of built-in objects: no kind, no apiVersion */
};

void api_object_binding(const struct binding *binding, const struct api_style *style,
                        struct strbuf *out);
void api_object_account(const struct service_account *account, const struct api_style *style,
                        struct strbuf *out);
/* PartialObjectMetadata of it. */
void api_object_metadata(const struct binding *binding, const struct api_style *style,
                         struct strbuf *out);
/* An object that holds nothing but a version; `initial_end`: the first state is whole by it. */
void api_object_bookmark(const char *api_version, const char *kind, const char *version,
                         bool initial_end, struct strbuf *out);

/* Metadata and little more. `deleted_us` 0: it is not being deleted; `annotations` are pairs, NULL:
 * none. */
void api_object_bare(const char *kind, const char *api_version, const char *name,
                     const char *version, int64_t deleted_us, const char *annotations,
                     struct strbuf *out);

/* A Status. The parts of `details` may be "". */
struct api_status {
    int code;
    const char *reason, *message;
    const char *group, *resource, *name;
};
void api_object_status(const struct api_status *status, struct strbuf *out);

/* "name":"text" with its comma when it is not the first of its object. */
void api_object_text(struct strbuf *out, const char *name, const char *text);
