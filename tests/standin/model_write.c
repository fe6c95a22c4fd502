/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/standin/model_world.h"

static int64_t visible(const struct model *model, const struct model_request *request)
{
    return request->now_ms + model->settings.propagation_ms;
}

static uint64_t token_of(const struct model_request *request)
{
    const char *token = request->client_token;

    return token && *token ? model_hash(0, token) : 0;
}

/* Of what the caller asked for, so that a token used again can be told from a replay. */
static uint64_t digest(const struct model_request *request)
{
    const bool *disable = request->disable_session_tags;
    uint64_t hash = model_hash(0, request->id);

    hash = model_hash(hash, request->namespace);
    hash = model_hash(hash, request->service_account);
    hash = model_hash(hash, request->role_arn);
    hash = model_hash(hash, request->target_role_arn);
    hash = model_hash(hash, request->policy);
    hash = model_hash(hash, disable ? (*disable ? "true" : "false") : NULL);
    for (size_t i = 0; i < request->tag_count; i++)
        hash = model_hash(model_hash(hash, request->tags[i].key), request->tags[i].value);
    return hash;
}

static int token_used_otherwise(const struct model_request *request, struct model_error *err)
{
    return model_refuse(err, 400, "InvalidRequestException", request->cluster,
                        "The clientRequestToken was used before with other parameters.");
}

static int check_active(const struct model_place *place, struct model_error *err)
{
    const char *status = place->facts->status;

    if (strcmp(status, "ACTIVE") == 0 || strcmp(status, "UPDATING") == 0)
        return 0;
    return model_refuse(err, 400, "InvalidRequestException", place->facts->name,
                        "The cluster %s is in status %s, not ACTIVE.", place->facts->name, status);
}

static int check_create(const struct model_request *request, struct model_error *err)
{
    bool disabled = request->disable_session_tags && *request->disable_session_tags;

    if (model_check_name("namespace", request->namespace, request->cluster, err) < 0 ||
        model_check_name("serviceAccount", request->service_account, request->cluster, err) < 0)
        return -1;
    if (!request->role_arn)
        return model_check_name("roleArn", NULL, request->cluster, err);
    if (request->tags && model_check_tags(request->tags, request->tag_count,
                                          "InvalidParameterException", request->cluster, err) < 0)
        return -1;
    if (model_check_target(request, err) < 0)
        return -1;
    return model_check_policy(request, request->policy, disabled, err);
}

static int check_room(const struct model *model, const struct model_place *place,
                      const struct model_request *request, struct model_error *err)
{
    const struct model_record *holder =
        model_find_key(place, request->namespace, request->service_account);

    if (holder && (model_truth(holder) || !model->settings.no_ghost_conflict))
        return model_refuse(err, 409, "ResourceInUseException", place->facts->name,
                            "Association already exists: %s", model_last(holder)->id);
    if (place->living >= model->settings.quota)
        return model_refuse(err, 400, "ResourceLimitExceededException", place->facts->name,
                            "The cluster already has the maximum of %zu pod identity "
                            "associations.",
                            model->settings.quota);
    return 0;
}

static struct model_record *add(struct model *model, struct model_place *place,
                                const struct model_request *request)
{
    char id[MODEL_ID_SIZE];
    struct model_association state = {
        .id = id,
        .namespace = request->namespace,
        .service_account = request->service_account,
        .role_arn = request->role_arn,
        .target_role_arn = request->target_role_arn,
        .policy = request->policy,
        .disable_session_tags = request->disable_session_tags && *request->disable_session_tags,
        .tags = request->tags,
        .tag_count = request->tag_count,
        .created_ms = request->now_ms,
        .modified_ms = request->now_ms,
    };
    struct model_record *record = NULL;

    model_new_id(model, place, request->random, id);
    record = model_add(model, place, &state, token_of(request), visible(model, request));
    record->create_digest = digest(request);
    return record;
}

int model_create(struct model *model, const struct model_request *request,
                 struct model_answer *answer)
{
    struct model_error *err = &answer->error;
    struct model_place *place = model_check_cluster(model, request, err);
    struct model_record *record = NULL;

    if (!place || check_create(request, err) < 0)
        return -1;
    record = model_find_token(place, token_of(request));
    if (record && record->create_digest != digest(request))
        return token_used_otherwise(request, err);
    if (!record) {
        if (check_active(place, err) < 0 || model_check_role(model, place, request, err) < 0 ||
            check_room(model, place, request, err) < 0)
            return -1;
        record = add(model, place, request);
    }
    answer->association = model_truth(record);
    return 0;
}

/* Members that are absent stay; "" clears. */
static struct model_association updated(const struct model_association *was,
                                        const struct model_request *request)
{
    struct model_association state = *was;

    if (request->role_arn)
        state.role_arn = request->role_arn;
    if (request->target_role_arn)
        state.target_role_arn = request->target_role_arn;
    if (request->policy)
        state.policy = request->policy;
    if (request->disable_session_tags)
        state.disable_session_tags = *request->disable_session_tags;
    state.modified_ms = request->now_ms;
    return state;
}

static bool same_access(const struct model_association *a, const struct model_association *b)
{
    return a->disable_session_tags == b->disable_session_tags &&
           strcmp(a->role_arn, b->role_arn) == 0 &&
           strcmp(a->target_role_arn, b->target_role_arn) == 0 && strcmp(a->policy, b->policy) == 0;
}

static int check_update(struct model *model, const struct model_place *place,
                        const struct model_request *request, const struct model_association *was,
                        const struct model_association *state, struct model_error *err)
{
    if (same_access(was, state))
        return model_refuse(err, 400, "InvalidParameterException", place->facts->name,
                            "At least one of roleArn, targetRoleArn, disableSessionTags and policy "
                            "must change.");
    if (model_check_target(request, err) < 0 ||
        model_check_policy(request, state->policy, state->disable_session_tags, err) < 0 ||
        check_active(place, err) < 0)
        return -1;
    return request->role_arn ? model_check_role(model, place, request, err) : 0;
}

int model_update(struct model *model, const struct model_request *request,
                 struct model_answer *answer)
{
    struct model_place *place = NULL;
    struct model_record *record = model_check_association(model, request, &place, &answer->error);
    uint64_t token = token_of(request);

    if (!record)
        return -1;
    if (token && record->update_token == token) {
        if (record->update_digest != digest(request))
            return token_used_otherwise(request, &answer->error);
    } else {
        const struct model_association *was = model_truth(record);
        struct model_association state = updated(was, request);

        if (check_update(model, place, request, was, &state, &answer->error) < 0)
            return -1;
        model_write(place, record, &state, request->now_ms, visible(model, request));
        record->update_token = token;
        record->update_digest = digest(request);
    }
    answer->association = model_truth(record);
    return 0;
}

int model_delete(struct model *model, const struct model_request *request,
                 struct model_answer *answer)
{
    struct model_place *place = NULL;
    struct model_record *record = model_check_association(model, request, &place, &answer->error);

    if (!record)
        return -1;
    answer->association = model_truth(record);
    model_write(place, record, NULL, request->now_ms, visible(model, request));
    return 0;
}
