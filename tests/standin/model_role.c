/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

#define IMPLIED_MAX 10000

static const char default_trust[] =
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
    "\"pods.eks.amazonaws.com\"},\"Action\":[\"sts:AssumeRole\",\"sts:TagSession\"]}]}";

static bool role_name_valid(const char *name)
{
    size_t length = 0;

    for (; name[length]; length++)
        if (!isalnum((unsigned char)name[length]) && !strchr("_+=,.@-", name[length]))
            return false;
    return length >= 1 && length <= 64;
}

/* arn:<partition>:iam::<account>:role/<path><name> */
bool model_arn_parse(const char *text, struct model_arn *ret_arn)
{
    struct model_arn arn = {0};
    const char *rest = text;

    if (strncmp(rest, "arn:", 4) != 0)
        return false;
    arn.partition = rest += 4;
    arn.partition_length = strcspn(rest, ":");
    rest += arn.partition_length;
    if (strncmp(rest, ":iam::", 6) != 0)
        return false;
    arn.account = rest += 6;
    arn.account_length = strspn(rest, "0123456789");
    rest += arn.account_length;
    if (arn.account_length != 12 || strncmp(rest, ":role/", 6) != 0)
        return false;
    arn.path = rest + 5; /* the slash after "role" begins the path */
    arn.name = strrchr(arn.path, '/') + 1;
    arn.path_length = (size_t)(arn.name - arn.path);
    *ret_arn = arn;
    return arn.partition_length > 0 && role_name_valid(arn.name);
}

static struct model_known_role *find(struct model *model, const char *account,
                                     size_t account_length, const char *name)
{
    for (size_t i = 0; i < model->role_count; i++) {
        struct model_role *facts = model->roles[i].facts;

        if (strcmp(facts->name, name) == 0 && strlen(facts->account) == account_length &&
            memcmp(facts->account, account, account_length) == 0)
            return &model->roles[i];
    }
    return NULL;
}

static void put(struct model *model, const struct model_role *role, bool implied)
{
    struct model_role complete = *role;
    struct model_known_role *known = NULL;
    char arn[768], role_id[32];

    complete.account = role->account ? role->account : model->settings.account;
    complete.path = role->path && *role->path ? role->path : "/";
    complete.trust = role->trust ? role->trust : default_trust;
    snprintf(arn, sizeof arn, "arn:%s:iam::%s:role%s%s", model->settings.partition,
             complete.account, complete.path, complete.name);
    snprintf(role_id, sizeof role_id, "AROA%016" PRIX64, model_hash(0, arn));
    complete.arn = arn;
    complete.role_id = role_id;
    known = find(model, complete.account, strlen(complete.account), complete.name);
    if (!known) {
        MEM_GROW(model->roles, model->role_count, model->role_capacity);
        known = &model->roles[model->role_count++];
        known->facts = NULL;
    }
    mem_free(known->facts);
    *known = (struct model_known_role){model_role_block(&complete), implied};
}

void model_put_role(struct model *model, const struct model_role *role)
{
    put(model, role, false);
}

const struct model_role *model_role(struct model *model, const char *account, const char *name)
{
    const struct model_known_role *known = NULL;

    account = account ? account : model->settings.account;
    known = find(model, account, strlen(account), name);
    return known ? known->facts : NULL;
}

bool model_remove_role(struct model *model, const char *account, const char *name)
{
    struct model_known_role *known = NULL;

    account = account ? account : model->settings.account;
    known = find(model, account, strlen(account), name);
    if (!known)
        return false;
    mem_free(known->facts);
    *known = model->roles[--model->role_count];
    return true;
}

/* Implied ones only while any_role holds. */
static const struct model_role *known_role(struct model *model, const char *account,
                                           const char *name)
{
    const struct model_known_role *known = find(model, account, strlen(account), name);

    return known && (!known->implied || model->settings.any_role) ? known->facts : NULL;
}

/* With any_role a role comes to be by being asked for. */
static const struct model_role *imply(struct model *model, const char *account, const char *path,
                                      size_t path_length, const char *name, int64_t now_ms)
{
    char own_account[MODEL_ACCOUNT_SIZE], own_path[520];
    const struct model_role role = {
        .name = name, .path = own_path, .account = own_account, .created_ms = now_ms};

    if (!model->settings.any_role || model->role_count >= IMPLIED_MAX)
        return NULL;
    snprintf(own_account, sizeof own_account, "%.12s", account);
    snprintf(own_path, sizeof own_path, "%.*s", (int)path_length, path);
    put(model, &role, true);
    return find(model, own_account, strlen(own_account), name)->facts;
}

static bool same_path(const struct model_role *role, const struct model_arn *arn)
{
    return strlen(role->path) == arn->path_length &&
           memcmp(role->path, arn->path, arn->path_length) == 0;
}

/* The role an ARN names; an implied one moves to the path it is named with. */
const struct model_role *model_role_named(struct model *model, const struct model_arn *arn,
                                          int64_t now_ms)
{
    const struct model_known_role *known =
        find(model, arn->account, arn->account_length, arn->name);

    if (known && (!known->implied || same_path(known->facts, arn)))
        return same_path(known->facts, arn) && (!known->implied || model->settings.any_role)
                   ? known->facts
                   : NULL;
    return imply(model, arn->account, arn->path, arn->path_length, arn->name, now_ms);
}

static int invalid(const struct model_request *request, struct model_error *err,
                   const char *message)
{
    return model_refuse(err, 400, "InvalidParameterException", request->cluster, "%s", message);
}

static bool same(const char *part, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(part, text, length) == 0;
}

int model_check_role(struct model *model, const struct model_place *place,
                     const struct model_request *request, struct model_error *err)
{
    const struct model_role *role = NULL;
    struct model_arn arn;
    bool parsed = model_arn_parse(request->role_arn, &arn);

    if (!*request->role_arn ||
        (parsed && !same(arn.account, arn.account_length, place->facts->account)))
        return model_refuse(err, 403, "AccessDeniedException", "",
                            "Cross-account pass role is not allowed");
    if (!parsed || !same(arn.partition, arn.partition_length, model->settings.partition))
        return invalid(request, err, "The parameter roleArn is not a valid ARN of an IAM role.");
    role = model_role_named(model, &arn, request->now_ms);
    if (role && role->pass_denied)
        return model_refuse(err, 403, "AccessDeniedException", "",
                            "User: %s is not authorized to perform: iam:PassRole on resource: %s "
                            "because no identity-based policy allows the iam:PassRole action",
                            model_caller(model, request), request->role_arn);
    if (!role || role->missing || request->now_ms < role->exists_from_ms)
        return invalid(request, err, "Role provided in the request does not exist.");
    if (role->trust_invalid)
        return invalid(request, err,
                       "Trust policy of the role provided is invalid. Follow the official "
                       "documentation to resolve the issue.");
    return 0;
}

int model_check_target(const struct model_request *request, struct model_error *err)
{
    struct model_arn arn;

    if (!request->target_role_arn || !*request->target_role_arn ||
        model_arn_parse(request->target_role_arn, &arn))
        return 0;
    return invalid(request, err, "The parameter targetRoleArn is not a valid ARN of an IAM role.");
}

int model_get_role(struct model *model, const struct model_request *request,
                   struct model_answer *answer)
{
    const char *name = request->role_name ? request->role_name : "";
    const char *account = model->settings.account;
    const struct model_role *role = NULL;

    if (!role_name_valid(name))
        return model_refuse(&answer->error, 400, "ValidationError", "",
                            "The specified value for roleName is invalid. It must contain only "
                            "alphanumeric characters and/or the following: +=,.@_-");
    role = known_role(model, account, name);
    if (!role)
        role = imply(model, account, "/", 1, name, request->now_ms);
    if (role && role->get_denied)
        return model_refuse(&answer->error, 403, "AccessDenied", "",
                            "User: %s is not authorized to perform: iam:GetRole on resource: role "
                            "%s because no identity-based policy allows the iam:GetRole action",
                            model_caller(model, request), name);
    if (!role || role->missing)
        return model_refuse(&answer->error, 404, "NoSuchEntity", "",
                            "The role with name %s cannot be found.", name);
    answer->role = role;
    return 0;
}
