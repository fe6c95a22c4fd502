/* SPDX-License-Identifier: Apache-2.0 */
/* A text as each of the AWS names. What is accepted is made of its parts again, and is the text. */
#include <stdio.h>
#include <string.h>

#include "aws/arn.h"
#include "base/mem.h"
#include "tests/fuzz/fuzzing.h"

static struct error err;

/* What every parser of a name answers. */
static bool accepted(int result)
{
    if (result == 0)
        return true;
    FUZZ_CHECK(result == -1 && err.kind == ERROR_INVALID, "a name is accepted or invalid");
    fuzzing_check_error(&err);
    return false;
}

static void check_same(const char *text, const char *again)
{
    FUZZ_CHECK(strcmp(text, again) == 0, "a name made of its parts is the text again");
    fuzzing_check_line(text);
}

static void check_names(const char *text)
{
    struct arn_region region;
    struct arn_cluster_name cluster;
    struct arn_association_id id, found;

    if (accepted(arn_region_parse(text, &region, &err)))
        check_same(text, region.text);
    if (accepted(arn_cluster_name_parse(text, &cluster, &err)))
        check_same(text, cluster.text);
    if (accepted(arn_association_id_parse(text, &id, &err))) {
        check_same(text, id.text);
        FUZZ_CHECK(arn_association_id_find(text, &found), "an id is found in itself");
        check_same(id.text, found.text);
    }
    if (arn_association_id_find(text, &found)) {
        FUZZ_CHECK(accepted(arn_association_id_parse(found.text, &id, &err)),
                   "what was found is an id");
        FUZZ_CHECK(strstr(text, found.text), "what was found stands in the text");
    }
}

static void check_role(const char *text)
{
    struct arn_role role, made;
    char again[2 * ARN_SIZE];

    if (!accepted(arn_role_parse(text, &role, &err)))
        return;
    check_same(text, role.text);
    snprintf(again, sizeof again, "arn:%s:iam::%s:role%s%s", role.partition, role.account,
             role.role.path, role.role.name);
    check_same(text, again);
    snprintf(again, sizeof again, "%s%s", role.role.path + 1, role.role.name);
    FUZZ_CHECK(accepted(arn_role_make(role.partition, role.account, again, &made, &err)),
               "an ARN can be made of the parts of one");
    check_same(text, made.text);
}

static void check_role_name(const char *text)
{
    struct arn_role_name name;
    struct arn_role role, parsed;
    char again[ARN_SIZE];

    if (!accepted(arn_role_name_parse(text, &name, &err)))
        return;
    snprintf(again, sizeof again, "%s%s", name.path + 1, name.name);
    check_same(text, again);
    if (!accepted(arn_role_make("aws-us-gov", "111122223333", text, &role, &err)))
        return;
    FUZZ_CHECK(accepted(arn_role_parse(role.text, &parsed, &err)), "what was made is an ARN");
    FUZZ_CHECK(strcmp(parsed.role.name, name.name) == 0 && strcmp(parsed.role.path, name.path) == 0,
               "a role keeps its name and path");
}

static void check_eks_arns(const char *text)
{
    struct arn_cluster cluster;
    struct arn_association association;
    char again[2 * ARN_SIZE];

    if (accepted(arn_cluster_parse(text, &cluster, &err))) {
        snprintf(again, sizeof again, "arn:%s:eks:%s:%s:cluster/%s", cluster.partition,
                 cluster.region.text, cluster.account, cluster.name.text);
        check_same(text, again);
    }
    if (accepted(arn_association_parse(text, &association, &err))) {
        snprintf(again, sizeof again, "arn:%s:eks:%s:%s:podidentityassociation/%s/%s",
                 association.partition, association.region.text, association.account,
                 association.cluster.text, association.id.text);
        check_same(text, again);
    }
}

void fuzz_one(const char *bytes, size_t length)
{
    CLEANUP_FREE char *text = mem_strndup(bytes, length);

    check_names(text);
    check_role(text);
    check_role_name(text);
    check_eks_arns(text);
}
