/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_answer - what a fault puts in place of the servers' answer, as HTTP; and such answers read
 * by the operator's own tables of errors, so that a plain history judges and words them as one
 * through the codecs does. The words matter: they end up in statuses.
 */
#pragma once

#include "base/http.h"
#include "tests/sim/api_object.h"
#include "tests/sim/errand.h"

/* The answer that errand->fault makes. Not for FAULT_NONE and FAULT_SLOW. ret_answer is empty
 * before. */
void fault_answer_make(struct world *world, const struct errand *errand,
                       struct http_answer *ret_answer);
/* What the operator makes of an answer that is no success: the call's error and detail. */
void fault_answer_read(const struct http_answer *answer, struct call *call);
/* What kube_world refused, as the API server says it and kube/ reads it. */
void fault_answer_refused(struct call *call);

/* The same as an answer. Of what it says is not there it gives the name; without a reason it says
 * nothing of its own. */
void fault_answer_said(const struct error *error, const char *group, const char *resource,
                       const char *name, struct http_answer *ret_answer);

/* A Status, and an error of EKS. */
void fault_answer_status(const struct api_status *status, struct http_answer *ret_answer);
void fault_answer_eks(int status, const char *name, const char *message,
                      struct http_answer *ret_answer);
