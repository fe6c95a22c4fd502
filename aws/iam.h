/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iam - GetRole of IAM: the request, and what its answer says. Pure: signing and sending are
 * others' work.
 *
 * IAM knows a role by its bare name, without the path: whoever asks for "team/a/reader" is answered
 * with any role called "reader". So the path of the answer has to be compared with what was meant.
 *
 * Source: botocore's model iam 2010-05-08; IAM API reference, GetRole. It is the awsQuery protocol:
 * a form in, XML out.
 */
#pragma once

#include "aws/arn.h"
#include "aws/aws_request.h"
#include "aws/trust_policy.h"
#include "base/error.h"
#include "base/http.h"

/* The caller gives zeroed memory and releases it. Of the role's name only the last part counts. */
void iam_get_role(const struct arn_role_name *role, struct aws_request *ret_request);

struct iam_role {
    struct arn_role arn; /* with the path that the role really has */
    /* Its trust policy; when that could not be understood it is empty and `unreadable` says why. */
    struct trust_policy trust;
    struct error unreadable; /* ERROR_NONE: it was understood */
};

/* Errors: AWS's own by aws/aws_error; ERROR_TRANSIENT for an answer that is not as it should be,
 * such as one about a role of another name; ERROR_INVALID for a role with an ARN that aws/arn does
 * not take, such as one with an empty segment in its path. */
int iam_read_role(const struct http_answer *answer, const struct arn_role_name *asked,
                  struct iam_role *ret_role, struct error *err);
void iam_role_release(struct iam_role *role);
