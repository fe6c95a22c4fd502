/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_policy - reads and evaluates an identity-based IAM policy. Pure.
 *
 * Written from IAM's rules, apart from what the operator knows of policies. What is here: Effect,
 * Action and Resource with wildcards, Condition with StringEquals and StringLike on the keys below.
 * Whatever else a policy may hold (NotAction, policy variables, other operators and keys) is
 * refused when it is read, so that nothing is ever passed over. A placeholder left in is refused
 * with the variables.
 *
 *     aws:RequestTag/key   aws:ResourceTag/key   iam:PassedToService   iam:AssociatedResourceArn
 *
 * A Deny that applies decides; then an Allow; without either the answer is no. Actions and names
 * of keys are compared without case, everything else with it. A condition on a key that the
 * request does not have is not met.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "tests/standin/model.h"

struct standin_policy_tags {
    const struct model_tag *tags;
    size_t count;
};

/* One permission that is asked for. */
struct standin_policy_check {
    const char *action;   /* "eks:DescribeCluster" */
    const char *resource; /* an ARN, or "*" */
    struct standin_policy_tags request_tags, resource_tags;
    const char *passed_to_service;   /* NULL: the request does not have the key */
    const char *associated_resource; /* likewise */
};

enum standin_policy_verdict {
    STANDIN_POLICY_SILENT, /* no statement allows it */
    STANDIN_POLICY_ALLOW,
    STANDIN_POLICY_DENY, /* a statement denies it */
};

/* Whether the document is a policy of the kind above; on failure err says what was expected. */
int standin_policy_check_document(const json_t *document, struct error *err);
enum standin_policy_verdict standin_policy_judge(const json_t *document,
                                                 const struct standin_policy_check *check);
