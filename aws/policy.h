/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - a role's trust policy document, as IAM hands it out, → struct trust_policy. Pure.
 *
 * Everything in it must be of a form that is known (see aws/trust_policy.h); an element that is
 * not, a wrong type, an empty list, is ERROR_INVALID with a sentence that says where and what was
 * expected: a policy that is only half understood must never be judged. Operators of conditions
 * are the exception: one that is not known is kept as TRUST_OTHER.
 *
 * Sources: IAM User Guide, "Grammar of the IAM JSON policy language"; IAM API reference, GetRole
 * (the document is "URL-encoded ... compliant with RFC 3986", at most 131,072 characters).
 */
#pragma once

#include <stddef.h>

#include "aws/trust_policy.h"
#include "base/error.h"

#define POLICY_CAP ((size_t)131072) /* of the JSON text, and of the texts' bytes in all */
#define POLICY_STATEMENT_CAP 256
#define POLICY_VALUE_CAP 2048               /* principals, actions, values, keys, in all */
#define POLICY_TEXT_CAP ((size_t)16 * 1024) /* bytes of these texts, in all: IAM allows 8,192 */
#define POLICY_ENCODED_CAP (3 * POLICY_CAP)

/* Reads a document, percent-encoded or, when it begins with '{' or white space, as it is. The
 * policy is released with policy_release(). */
int policy_read(const char *bytes, size_t length, struct trust_policy *ret_policy,
                struct error *err);
void policy_release(struct trust_policy *policy);
