/* SPDX-License-Identifier: Apache-2.0 */
/* kube_answer - what the API server answered: an object, or an error by the table of kube_status.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/http.h"
#include "kube/kube_request.h"
#include "kube/kube_status.h"

/* The object of a 2xx answer, owned (json_release), with managedFields empty. Otherwise the error:
 * err->code is the Status reason, err->status the HTTP status.
 * - ERROR_NOT_FOUND comes only for a Status that says NotFound of exactly the group, resource and
 * name of call->path. A bare 404, HTML, cut or other JSON is ERROR_TRANSIENT.
 * - A write that was answered 2xx with something unreadable is ERROR_UNKNOWN: it may have happened.
 * - Without an answer it is the transport's error; a read's ERROR_UNKNOWN becomes ERROR_TRANSIENT.
 * - A 401 has the client read its token file again.
 * ret_status (NULL: not wanted) is what the server said of a failure, zeroed without a Status.
 * Of `call` only method, path and raw_path are looked at; the answer stays the caller's. */
int kube_answer_read(struct kube_client *client, const struct kube_call *call,
                     const struct http_answer *answer, json_t **ret_object,
                     struct kube_status *ret_status, struct error *err);
