/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_iam - the port's call to IAM as an AWS request, and IAM's answer as the call's outputs. No
 * I/O.
 */
#pragma once

#include "aws/arn.h"
#include "aws/aws_request.h"
#include "base/http.h"
#include "controller/ports.h"

/* Fails (ERROR_INVALID) on a name that must not reach AWS. */
int wire_iam_write(const struct call *call, struct arn_role_name *ret_asked,
                   struct aws_request *ret_request, struct error *err);
/* Takes the answer into the call's outputs, or fills its error. A trust policy that is not
 * understood is an error too: ERROR_INVALID. */
void wire_iam_read(const struct arn_role_name *asked, const struct http_answer *answer,
                   struct call *call);
/* Makes the facts of a role that was read; takes the policy over. */
void wire_iam_facts(const char *arn, struct trust_policy *taken_policy,
                    struct role_facts *ret_facts);
