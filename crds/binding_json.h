/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding_json - records from JSON, and our patches as JSON. The only place that knows the field
 * names of the API.
 *
 * Reading never trusts: a wrong type, a missing name or a control byte gives an error or a
 * `defect`, never a crash or a half record.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "crds/binding.h"

/* A packed record, or NULL with ERROR_INVALID when the object can't be told apart (no metadata,
 * name, namespace, uid, resourceVersion, or another kind). A spec that is malformed gives a record
 * with `defect` set. */
struct binding *binding_from_json(const json_t *object, struct error *err);
struct service_account *service_account_from_json(const json_t *object, struct error *err);

/* The merge patch for /status: {"metadata":{"resourceVersion":...},"status":{...}}. Conditions that
 * are CONDITION_ABSENT are left out; a member that is absent in `status` is sent as null, so that
 * an old value goes. */
void binding_status_patch(const char *resource_version, const struct binding_status *status,
                          struct strbuf *ret_patch);
/* The merge patch that sets metadata.finalizers to `finalizers` (a line each), if the object is
 * still at this resourceVersion. */
void binding_finalizers_patch(const char *resource_version, const char *finalizers,
                              struct strbuf *ret_patch);
