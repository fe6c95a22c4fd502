/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_error - the one table that turns what AWS calls a failure into a kind. Pure, without JSON:
 * the simulator uses it too.
 *
 * The name decides, then the status; with an unknown outcome (5xx, time-out) the kind is
 * ERROR_UNKNOWN for a call that writes and ERROR_TRANSIENT for one that reads. A 404 is
 * ERROR_NOT_FOUND only when AWS names it: a bare one (a proxy, a wrong endpoint) is no evidence.
 * `code` keeps AWS's name, `text` starts with service and status. EKS tells different troubles
 * under one name and no other mark than its message, so the aws_error_is_...() questions read name
 * and message; nothing else may.
 *
 * Sources: botocore's models (names and statuses), its retry lists (throttling and transient
 * codes), public issues (messages).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/arn.h"
#include "base/error.h"

/* Fills err from an answer's parts; `name` and `message` may be "". What AWS quotes of our request
 * after a wrong signature is left out: it holds the session token. Always returns -1. */
int aws_error_set(struct error *err, const char *service, int status, const char *name,
                  const char *message, bool writes);

#define AWS_ERROR_NAME_SIZE sizeof(((struct error *)0)->code)
/* Cuts a name as AWS sends it to the bare one: "com.amazonaws.eks#Name" and "Name:http://..." are
 * "Name". Anything that is no name gives "". */
void aws_error_name(const char *raw, char ret_name[AWS_ERROR_NAME_SIZE]);

/* 400 InvalidParameterException "Role provided in the request does not exist." */
bool aws_error_is_role_missing(const struct error *err);
/* 400 InvalidParameterException "Trust policy of the role provided is invalid. ..." */
bool aws_error_is_trust_invalid(const struct error *err);
/* 403 "... not authorized to perform: iam:PassRole ...", "Cross-account pass role is not allowed"
 */
bool aws_error_is_pass_role_denied(const struct error *err);
/* 404 ResourceNotFoundException "No cluster found for name: ..." */
bool aws_error_is_cluster_missing(const struct error *err);
/* 400 ResourceLimitExceededException */
bool aws_error_is_quota(const struct error *err);
/* 403 because of the signature's time or of the signature itself. */
bool aws_error_is_signature(const struct error *err);
/* 403 because the credentials have expired, or are not known to AWS (any more). */
bool aws_error_is_token_expired(const struct error *err);
/* The id in "Association already exists: a-...": a hint, the key is the identity. */
bool aws_error_conflict_id(const struct error *err, struct arn_association_id *ret_id);
