/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_permit - what a caller may do: which permissions a request needs, and whether the policy
 * of the key that signed it gives them. Without a policy everything is allowed.
 *
 *     Create            eks:Create... on the cluster; iam:PassRole on the role; where it has tags,
 *                       eks:TagResource on every association of the cluster, as it has no id yet
 *     Update            eks:Update... on the association; where it names a role, iam:PassRole on it
 *     Describe, Delete  on the association
 *     Tag, Untag, ListTagsForResource  on the ARN in the request
 *     List, DescribeCluster            on the cluster
 *     ListClusters                     on "*"
 *     GetRole                          on the role, with its path
 *
 * STS needs none. What an association of the request carries is known as aws:ResourceTag from the
 * moment of the write, whatever reads show.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "tests/standin/model.h"

#define STANDIN_GRANTS_MAX 16
#define STANDIN_ACTIONS_MAX 64

/* A policy and whom it is for. */
struct standin_grant {
    char key_id[128]; /* "": every key that has no policy of its own */
    json_t *policy;
};

/* How often an action was asked for. */
struct standin_action {
    char name[64]; /* "eks:DescribeCluster" */
    uint64_t allowed, denied;
};

/* A zeroed one allows everything. */
struct standin_permits {
    struct standin_grant grants[STANDIN_GRANTS_MAX];
    size_t grant_count;
    struct standin_action actions[STANDIN_ACTIONS_MAX]; /* in order of first use */
    size_t action_count;
};

/* The policy of a key ("": of those without one) from now on; NULL takes it away. Fails when it
 * is none that can be evaluated, or when there are too many. */
int standin_permits_put(struct standin_permits *permits, const char *key_id, const json_t *policy,
                        struct error *err);
void standin_permits_release(struct standin_permits *permits);

struct standin_caller {
    const char *key_id;
    const char *arn;    /* in the sentence; NULL: the operator's */
    const char *region; /* that the request is signed for */
};

/* Counts what the request needs. Returns -1 with AWS's sentence about the first thing that the
 * caller may not do. */
int standin_permit(struct standin_permits *permits, struct model *model,
                   const struct model_request *request, const struct standin_caller *caller,
                   struct model_error *err);
