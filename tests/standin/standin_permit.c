/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_permit.h"

#include <stdio.h>
#include <string.h>

#include "tests/standin/standin_policy.h"

#define ARN_SIZE 1024

static struct standin_grant *find_grant(struct standin_permits *permits, const char *key_id)
{
    for (size_t i = 0; i < permits->grant_count; i++)
        if (strcmp(permits->grants[i].key_id, key_id) == 0)
            return &permits->grants[i];
    return NULL;
}

static void take_away(struct standin_permits *permits, struct standin_grant *grant)
{
    json_release(&grant->policy);
    *grant = permits->grants[--permits->grant_count];
}

int standin_permits_put(struct standin_permits *permits, const char *key_id, const json_t *policy,
                        struct error *err)
{
    struct standin_grant *grant = find_grant(permits, key_id);

    if (policy && standin_policy_check_document(policy, err) < 0)
        return -1;
    if (!policy) {
        if (grant)
            take_away(permits, grant);
        return 0;
    }
    if (!grant && permits->grant_count == STANDIN_GRANTS_MAX)
        return error_set(err, ERROR_INVALID, "there are %d policies already", STANDIN_GRANTS_MAX);
    if (!grant)
        grant = &permits->grants[permits->grant_count++];
    else
        json_release(&grant->policy);
    snprintf(grant->key_id, sizeof grant->key_id, "%s", key_id);
    grant->policy = json_deep_copy(policy);
    return 0;
}

void standin_permits_release(struct standin_permits *permits)
{
    while (permits->grant_count > 0)
        take_away(permits, &permits->grants[0]);
}

/* ---- one request ---- */

/* A request that is looked at, with what its checks borrow. */
struct asking {
    struct standin_permits *permits;
    struct model *model;
    const struct model_request *request;
    const struct standin_caller *caller;
    const json_t *policy; /* NULL: everything is allowed */
    struct model_error *err;
    char cluster_arn[ARN_SIZE], arn[ARN_SIZE];
};

static void count(struct standin_permits *permits, const char *name, bool allowed)
{
    struct standin_action *action = NULL;

    for (size_t i = 0; i < permits->action_count && !action; i++)
        if (strcmp(permits->actions[i].name, name) == 0)
            action = &permits->actions[i];
    if (!action && permits->action_count == STANDIN_ACTIONS_MAX)
        return;
    if (!action) {
        action = &permits->actions[permits->action_count++];
        *action = (struct standin_action){0};
        snprintf(action->name, sizeof action->name, "%s", name);
    }
    action->allowed += allowed;
    action->denied += !allowed;
}

/* AWS's own sentence. IAM names a role without its ARN. */
static int refuse(const struct asking *asking, const struct standin_policy_check *check,
                  bool explicitly)
{
    const char *role =
        asking->request->operation == MODEL_GET_ROLE ? asking->request->role_name : NULL;
    const struct model_settings *settings = model_settings(asking->model);
    struct model_error *err = asking->err;
    char arn[128], why[128];

    snprintf(arn, sizeof arn, "arn:%s:sts::%s:assumed-role/podbind-controller/podbind",
             settings->partition, settings->account);
    snprintf(why, sizeof why, "because no identity-based policy allows the %s action",
             check->action);
    *err = (struct model_error){.status = 403};
    snprintf(err->code, sizeof err->code, "%s", role ? "AccessDenied" : "AccessDeniedException");
    snprintf(err->message, sizeof err->message,
             "User: %.128s is not authorized to perform: %s on resource: %s%.160s %s",
             asking->caller->arn ? asking->caller->arn : arn, check->action, role ? "role " : "",
             role ? role : check->resource,
             explicitly ? "with an explicit deny in an identity-based policy" : why);
    return -1;
}

static int ask(const struct asking *asking, const struct standin_policy_check *check)
{
    enum standin_policy_verdict verdict =
        asking->policy ? standin_policy_judge(asking->policy, check) : STANDIN_POLICY_ALLOW;

    count(asking->permits, check->action, verdict == STANDIN_POLICY_ALLOW);
    if (verdict == STANDIN_POLICY_ALLOW)
        return 0;
    return refuse(asking, check, verdict == STANDIN_POLICY_DENY);
}

static const char *eks_arn(const struct asking *asking, const char *kind, const char *rest,
                           char *ret_arn)
{
    const struct model_settings *settings = model_settings(asking->model);
    const char *cluster = asking->request->cluster ? asking->request->cluster : "";

    snprintf(ret_arn, ARN_SIZE, "arn:%s:eks:%s:%s:%s/%.512s%s%.64s", settings->partition,
             asking->caller->region, settings->account, kind, cluster, *rest ? "/" : "", rest);
    return ret_arn;
}

static struct standin_policy_tags cluster_tags(const struct asking *asking)
{
    const char *name = asking->request->cluster;
    const struct model_cluster *cluster = name ? model_cluster(asking->model, name) : NULL;

    return cluster ? (struct standin_policy_tags){cluster->tags, cluster->tag_count}
                   : (struct standin_policy_tags){0};
}

/* Of cluster/id as they are now. */
static struct standin_policy_tags association_tags(const struct asking *asking, const char *cluster,
                                                   const char *id)
{
    struct model_view view;

    if (!model_association_by_id(asking->model, cluster, id, asking->request->now_ms, &view) ||
        !view.truth)
        return (struct standin_policy_tags){0};
    return (struct standin_policy_tags){view.truth->tags, view.truth->tag_count};
}

/* Those of arn:...:podidentityassociation/<cluster>/<id>. */
static struct standin_policy_tags tags_of_arn(const struct asking *asking, const char *arn)
{
    const char *name = strchr(arn, '/'), *id = name ? strchr(name + 1, '/') : NULL;
    char cluster[MODEL_NAME_SIZE];

    if (!id)
        return (struct standin_policy_tags){0};
    snprintf(cluster, sizeof cluster, "%.*s", (int)(id - name - 1), name + 1);
    return association_tags(asking, cluster, id + 1);
}

/* A role of another account or none at all is for EKS to refuse. */
static bool own_role(const struct asking *asking, const char *arn)
{
    const struct model_settings *settings = model_settings(asking->model);
    char own[64];

    snprintf(own, sizeof own, "arn:%s:iam::%s:role/", settings->partition, settings->account);
    return strncmp(arn, own, strlen(own)) == 0;
}

static int ask_pass_role(struct asking *asking)
{
    const char *arn = asking->request->role_arn;

    if (!arn || !own_role(asking, arn))
        return 0;
    return ask(asking,
               &(struct standin_policy_check){
                   .action = "iam:PassRole",
                   .resource = arn,
                   .passed_to_service = "pods.eks.amazonaws.com",
                   .associated_resource = eks_arn(asking, "cluster", "", asking->cluster_arn),
               });
}

static int ask_create(struct asking *asking, const char *action)
{
    const struct model_request *request = asking->request;
    const struct standin_policy_tags tags = {request->tags, request->tag_count};

    if (ask(asking,
            &(struct standin_policy_check){.action = action,
                                           .resource = eks_arn(asking, "cluster", "", asking->arn),
                                           .request_tags = tags,
                                           .resource_tags = cluster_tags(asking)}) < 0)
        return -1;
    if (tags.count > 0 &&
        ask(asking, &(struct standin_policy_check){
                        .action = "eks:TagResource",
                        .resource = eks_arn(asking, "podidentityassociation", "*", asking->arn),
                        .request_tags = tags}) < 0)
        return -1;
    return ask_pass_role(asking);
}

static int ask_association(struct asking *asking, const char *action)
{
    const char *id = asking->request->id ? asking->request->id : "";
    const char *cluster = asking->request->cluster ? asking->request->cluster : "";

    if (ask(asking, &(struct standin_policy_check){
                        .action = action,
                        .resource = eks_arn(asking, "podidentityassociation", id, asking->arn),
                        .resource_tags = association_tags(asking, cluster, id)}) < 0)
        return -1;
    return asking->request->operation == MODEL_UPDATE ? ask_pass_role(asking) : 0;
}

static int ask_tags(struct asking *asking, const char *action)
{
    const struct model_request *request = asking->request;
    const char *arn = request->resource_arn ? request->resource_arn : "";

    return ask(asking,
               &(struct standin_policy_check){.action = action,
                                              .resource = arn,
                                              .request_tags = {request->tags, request->tag_count},
                                              .resource_tags = tags_of_arn(asking, arn)});
}

static int ask_cluster(struct asking *asking, const char *action)
{
    bool all = asking->request->operation == MODEL_LIST_CLUSTERS;

    return ask(asking, &(struct standin_policy_check){
                           .action = action,
                           .resource = all ? "*" : eks_arn(asking, "cluster", "", asking->arn),
                           .resource_tags = cluster_tags(asking)});
}

static int ask_get_role(struct asking *asking, const char *action)
{
    const char *name = asking->request->role_name ? asking->request->role_name : "";
    const struct model_role *role = model_role(asking->model, NULL, name);
    const struct model_settings *settings = model_settings(asking->model);

    snprintf(asking->arn, ARN_SIZE, "arn:%s:iam::%s:role%s%.512s", settings->partition,
             settings->account, role ? role->path : "/", name);
    return ask(asking, &(struct standin_policy_check){.action = action, .resource = asking->arn});
}

static const struct {
    const char *action;
    int (*ask)(struct asking *asking, const char *action);
} needs[MODEL_OPERATIONS] = {
    [MODEL_CREATE] = {"eks:CreatePodIdentityAssociation", ask_create},
    [MODEL_DESCRIBE] = {"eks:DescribePodIdentityAssociation", ask_association},
    [MODEL_UPDATE] = {"eks:UpdatePodIdentityAssociation", ask_association},
    [MODEL_DELETE] = {"eks:DeletePodIdentityAssociation", ask_association},
    [MODEL_LIST] = {"eks:ListPodIdentityAssociations", ask_cluster},
    [MODEL_TAG] = {"eks:TagResource", ask_tags},
    [MODEL_UNTAG] = {"eks:UntagResource", ask_tags},
    [MODEL_LIST_TAGS] = {"eks:ListTagsForResource", ask_tags},
    [MODEL_DESCRIBE_CLUSTER] = {"eks:DescribeCluster", ask_cluster},
    [MODEL_LIST_CLUSTERS] = {"eks:ListClusters", ask_cluster},
    [MODEL_GET_ROLE] = {"iam:GetRole", ask_get_role},
};

int standin_permit(struct standin_permits *permits, struct model *model,
                   const struct model_request *request, const struct standin_caller *caller,
                   struct model_error *err)
{
    const struct standin_grant *grant = find_grant(permits, caller->key_id);
    struct asking asking = {
        .permits = permits, .model = model, .request = request, .caller = caller, .err = err};

    if (!grant)
        grant = find_grant(permits, "");
    asking.policy = grant ? grant->policy : NULL;
    if (!needs[request->operation].ask)
        return 0;
    return needs[request->operation].ask(&asking, needs[request->operation].action);
}
