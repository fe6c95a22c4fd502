/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arn - the AWS names that reach a URL, a header or a request body, each checked into a type of its
 * own. Pure; no heap: every type is a plain struct of fixed size that may be copied.
 *
 * A value of one of these types is well-formed: it holds no control byte, no quote that would
 * matter, and is never longer than its buffer. Parsing fails with ERROR_INVALID and says what was
 * expected; the text at fault is shown cut and without control bytes.
 *
 * Sources: IAM API reference (role names and paths), EKS API reference (cluster names), the id form
 * "a-" and 17 of [a-z0-9] as EKS itself demands ("should be 19 characters long").
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define ARN_PARTITION_SIZE 32
#define ARN_REGION_SIZE 32
#define ARN_ACCOUNT_SIZE 13
#define ARN_ROLE_PATH_SIZE 513
#define ARN_ROLE_NAME_SIZE 65
#define ARN_CLUSTER_NAME_SIZE 101
#define ARN_ASSOCIATION_ID_SIZE 20
#define ARN_SIZE 768 /* any of the ARNs below */

/* "us-west-2": lower-case words joined by hyphens, a number at the end. */
struct arn_region {
    char text[ARN_REGION_SIZE];
};
int arn_region_parse(const char *text, struct arn_region *ret_region, struct error *err);

/* 1 to 100 of [0-9A-Za-z_-], a letter or digit first. */
struct arn_cluster_name {
    char text[ARN_CLUSTER_NAME_SIZE];
};
int arn_cluster_name_parse(const char *text, struct arn_cluster_name *ret_name, struct error *err);

/* "a-" and 17 of [a-z0-9]. */
struct arn_association_id {
    char text[ARN_ASSOCIATION_ID_SIZE];
};
int arn_association_id_parse(const char *text, struct arn_association_id *ret_id,
                             struct error *err);
/* Finds the first association id in a longer text ("Association already exists: a-..."). Returns
 * false when there is none. */
bool arn_association_id_find(const char *text, struct arn_association_id *ret_id);

/* A role's name with its path: "team/a/reader" has the path "/team/a/" and the name "reader";
 * "reader" has the path "/". No wildcards. */
struct arn_role_name {
    char path[ARN_ROLE_PATH_SIZE];
    char name[ARN_ROLE_NAME_SIZE];
};
int arn_role_name_parse(const char *text, struct arn_role_name *ret_name, struct error *err);

/* arn:<partition>:iam::<account>:role<path><name> */
struct arn_role {
    char text[ARN_SIZE];
    char partition[ARN_PARTITION_SIZE];
    char account[ARN_ACCOUNT_SIZE];
    struct arn_role_name role;
};
int arn_role_parse(const char *text, struct arn_role *ret_role, struct error *err);
/* The ARN that a role of this name has in an account. Text alone: nobody is asked. */
int arn_role_make(const char *partition, const char *account, const char *role_name,
                  struct arn_role *ret_role, struct error *err);

/* arn:<partition>:eks:<region>:<account>:cluster/<name> */
struct arn_cluster {
    char text[ARN_SIZE];
    char partition[ARN_PARTITION_SIZE];
    struct arn_region region;
    char account[ARN_ACCOUNT_SIZE];
    struct arn_cluster_name name;
};
int arn_cluster_parse(const char *text, struct arn_cluster *ret_cluster, struct error *err);

/* arn:<partition>:eks:<region>:<account>:podidentityassociation/<cluster>/<id> */
struct arn_association {
    char text[ARN_SIZE];
    char partition[ARN_PARTITION_SIZE];
    struct arn_region region;
    char account[ARN_ACCOUNT_SIZE];
    struct arn_cluster_name cluster;
    struct arn_association_id id;
};
int arn_association_parse(const char *text, struct arn_association *ret_association,
                          struct error *err);
