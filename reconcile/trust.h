/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust - does a role's trust policy let EKS Pod Identity take the role for one binding?
 *
 * EKS calls sts:AssumeRole as the service pods.eks.amazonaws.com, and sts:TagSession with it unless
 * session tags are off. Both must be allowed by some statement and denied by none. A statement
 * counts when principal, action and all conditions fit. What can't be known from here makes it
 * unknown, never wrong: keys other than the ones below, policy variables, operators that are not
 * judged, {"AWS": "*"} and {"Service": "*"}, of which AWS does not say whether they cover a service.
 *
 *   aws:SourceArn, aws:RequestTag/eks-cluster-arn      the cluster's ARN
 *   aws:SourceAccount                                  the cluster's account
 *   aws:RequestTag/eks-cluster-name, kubernetes-namespace, kubernetes-service-account
 *   aws:RequestTag/kubernetes-pod-name, -pod-uid       there, but other for each pod: unknown
 *   aws:RequestTag/...                                 absent when session tags are off
 *
 * So GIVEN means that AWS's rules as they are documented allow it, REFUSED that they surely do not.
 * A trust policy that is pinned to blue's ARN is refused for green. Pure. The time is bounded by
 * the length of the policy times that of the subject, whatever the wildcards.
 *
 * Sources: IAM User Guide ("Policy evaluation logic", "Condition operators", "Single-valued and
 * multivalued context keys", "Principal", "NotPrincipal": not supported with Allow), EKS User Guide
 * ("Create IAM role with trust policy required by EKS Pod Identity", "Grant Pods access to AWS
 * resources based on tags").
 */
#pragma once

#include <stdbool.h>

#include "aws/trust_policy.h"
#include "base/strbuf.h"

#define TRUST_SERVICE "pods.eks.amazonaws.com"

enum trust_verdict { TRUST_UNKNOWN, TRUST_GIVEN, TRUST_REFUSED };

/* For whom. None of the texts may be "". */
struct trust_subject {
    const char *cluster_arn;
    const char *cluster_name;
    const char *account; /* of the cluster, 12 digits */
    const char *namespace;
    const char *service_account;
    bool session_tags; /* EKS sends them, and so needs sts:TagSession */
};

/* Adds a sentence without a full stop, of at most 1,500 printable ASCII bytes: which statement (its
 * number, and its Sid) and which key decide, what it wants and what is. It begins with a small
 * letter: "statement 2 (AllowBlue) wants aws:SourceArn arn:..., and this cluster is arn:...". */
enum trust_verdict trust_judge(const struct trust_policy *policy,
                               const struct trust_subject *subject, struct strbuf *ret_sentence);
