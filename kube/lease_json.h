/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_json - a Lease object of coordination.k8s.io/v1 and struct lease_record, both ways.
 *
 * An update edits the object that the server sent last, so annotations, labels and fields that we
 * do not know stay as they are. Times are MicroTime: exactly six digits, anything else is refused
 * with 400.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "kube/lease.h"

#define LEASE_GROUP "coordination.k8s.io"
#define LEASE_RESOURCE "leases"

/* ERROR_TRANSIENT when this is no Lease, or has no resourceVersion, a holder or a time that can't
 * be read: such an answer says nothing. */
int lease_json_read(const json_t *object, struct lease_record *ret_record, struct error *err);

/* The body of a CREATE. */
void lease_json_create(const char *namespace, const char *name, const struct lease_record *record,
                       struct strbuf *ret_body);
/* The body of an UPDATE: `object` (the last one that the server sent) with the record's fields and
 * metadata.resourceVersion = record->version; managedFields are left out. */
void lease_json_update(const json_t *object, const struct lease_record *record,
                       struct strbuf *ret_body);
