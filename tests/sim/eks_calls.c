/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's calls to AWS, carried out by the stand-in's model. */
#include <string.h>

#include "aws/aws_error.h"
#include "aws/policy.h"
#include "base/mem.h"
#include "controller/wire_eks.h"
#include "controller/wire_iam.h"
#include "crds/pairs.h"
#include "tests/sim/errand.h"

#define TAGS_MAX 50

bool errand_asks_aws(enum call_verb verb)
{
    return call_is_eks(verb) || verb == CALL_READ_ROLE;
}

/* Tags as the model wants them, cut out of one copy of the pairs. */
struct tag_list {
    char *owned_text;
    struct model_tag items[TAGS_MAX];
    const char *keys[TAGS_MAX];
    size_t count;
};

static void tag_list_release(struct tag_list *tags)
{
    mem_free(tags->owned_text);
}

static void cut_tags(const char *pairs, struct tag_list *ret_tags)
{
    const char *cursor = pairs;
    struct pair_view view;

    ret_tags->owned_text = mem_strdup(pairs);
    while (ret_tags->count < TAGS_MAX && pairs_next(&cursor, &view)) {
        char *key = ret_tags->owned_text + (view.key - pairs);
        char *value = ret_tags->owned_text + (view.value - pairs);

        key[view.key_length] = '\0';
        value[view.value_length] = '\0';
        ret_tags->keys[ret_tags->count] = key;
        ret_tags->items[ret_tags->count++] = (struct model_tag){key, value};
    }
}

static const char *or_null(const char *text)
{
    return text && text[0] != '\0' ? text : NULL;
}

/* ---- requests ---- */

static void ask_create(const struct create_in *in, struct tag_list *tags, bool *disable,
                       struct model_request *request)
{
    cut_tags(in->tags, tags);
    *disable = !in->access.session_tags;
    request->operation = MODEL_CREATE;
    request->namespace = in->key.namespace;
    request->service_account = in->key.service_account;
    request->role_arn = in->access.role_arn;
    request->target_role_arn = or_null(in->access.target_role_arn);
    request->policy = or_null(in->access.policy);
    request->disable_session_tags = disable;
    request->tags = tags->items;
    request->tag_count = tags->count;
    request->client_token = in->token;
}

static void ask_update(const struct association_in *in, bool *disable,
                       struct model_request *request)
{
    *disable = !in->access.session_tags;
    request->operation = MODEL_UPDATE;
    request->id = in->id;
    request->client_token = in->token;
    if (in->fields & ACCESS_ROLE)
        request->role_arn = in->access.role_arn;
    if (in->fields & ACCESS_TARGET_ROLE)
        request->target_role_arn = in->access.target_role_arn;
    if (in->fields & ACCESS_POLICY)
        request->policy = in->access.policy;
    if (in->fields & ACCESS_SESSION_TAGS)
        request->disable_session_tags = disable;
}

static void ask_tags(const struct association_in *in, bool untag, struct tag_list *tags,
                     struct model_request *request)
{
    cut_tags(in->tags, tags);
    request->operation = untag ? MODEL_UNTAG : MODEL_TAG;
    request->resource_arn = in->arn;
    request->tags = tags->items;
    request->tag_count = tags->count;
    request->tag_keys = tags->keys;
    request->tag_key_count = tags->count;
}

static void ask_list(const struct world *world, const struct list_associations_in *in,
                     struct model_request *request)
{
    request->operation = MODEL_LIST;
    request->namespace = or_null(in->key.namespace);
    request->service_account = or_null(in->key.service_account);
    request->next_token = or_null(in->next_token);
    request->max_results = world->weather.eks_page;
}

static void ask(const struct world *world, const struct call *call, struct tag_list *tags,
                bool *disable, struct model_request *request)
{
    switch (call->verb) {
    case CALL_LIST_ASSOCIATIONS:
        ask_list(world, &call->in.list, request);
        break;
    case CALL_CREATE_ASSOCIATION:
        ask_create(&call->in.create, tags, disable, request);
        break;
    case CALL_UPDATE_ASSOCIATION:
        ask_update(&call->in.association, disable, request);
        break;
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        ask_tags(&call->in.association, call->verb == CALL_UNTAG_ASSOCIATION, tags, request);
        break;
    case CALL_DESCRIBE_CLUSTER:
        request->operation = MODEL_DESCRIBE_CLUSTER;
        break;
    case CALL_READ_ROLE:
        request->operation = MODEL_GET_ROLE;
        request->role_name = call->in.role.name;
        break;
    case CALL_LIST_CLUSTERS:
        request->operation = MODEL_LIST_CLUSTERS;
        request->next_token = or_null(call->in.clusters.next_token);
        request->max_results = world->weather.eks_page;
        break;
    default:
        request->operation = call->verb == CALL_DELETE_ASSOCIATION ? MODEL_DELETE : MODEL_DESCRIBE;
        request->id = call->in.association.id;
    }
}

/* ---- answers ---- */

static struct association *told(const struct model_association *from, bool described)
{
    CLEANUP(strbuf_release) struct strbuf tags = {0};
    struct association association = {
        .key = {from->namespace, from->service_account},
        .id = from->id,
        .owner_arn = from->owner_arn,
        .described = described,
        .access = {"", "", "", false},
        .external_id = "",
    };

    if (described) {
        expect_pairs(from, &tags);
        association.access = (struct access){from->role_arn, from->target_role_arn, from->policy,
                                             !from->disable_session_tags};
        association.external_id = from->external_id;
        association.modified_us = from->modified_ms * 1000;
    }
    association.tags = strbuf_text(&tags);
    return association_copy(&association);
}

static void tell_page(const struct model_answer *answer, struct associations_page *out)
{
    out->items = mem_array(answer->association_count, sizeof *out->items);
    for (size_t i = 0; i < answer->association_count; i++)
        out->items[out->count++] = told(answer->associations[i], false);
    out->next_token = mem_strdup(answer->next_token);
}

static void tell_cluster(const struct model_cluster *cluster, struct cluster_facts *out)
{
    *out = (struct cluster_facts){.arn = mem_strdup(cluster->arn),
                                  .status = mem_strdup(cluster->status),
                                  .issuer = mem_strdup(cluster->issuer),
                                  .ca_pem = mem_strdup(cluster->ca_data)};
}

static void tell_clusters(const struct model_answer *answer, struct clusters_page *out)
{
    out->names = mem_array(answer->cluster_count, sizeof *out->names);
    for (; out->count < answer->cluster_count; out->count++)
        out->names[out->count] = mem_strdup(answer->cluster_names[out->count]);
    out->next_token = mem_strdup(answer->next_token);
}

static void tell_role(const struct model_role *role, struct call *call)
{
    struct trust_policy policy = {0};

    if (policy_read(role->trust, strlen(role->trust), &policy, &call->error) == 0)
        wire_iam_facts(role->arn, &policy, &call->out.role);
}

static void tell(const struct model_answer *answer, struct call *call)
{
    if (answer->error.status) {
        aws_error_set(&call->error, call_is_eks(call->verb) ? "EKS" : "IAM", answer->error.status,
                      answer->error.code, answer->error.message, call_writes(call->verb));
        call->detail = wire_eks_detail(&call->error);
        return;
    }
    switch (call->verb) {
    case CALL_LIST_ASSOCIATIONS:
        tell_page(answer, &call->out.page);
        break;
    case CALL_DESCRIBE_CLUSTER:
        tell_cluster(answer->cluster, &call->out.cluster);
        break;
    case CALL_LIST_CLUSTERS:
        tell_clusters(answer, &call->out.clusters);
        break;
    case CALL_READ_ROLE:
        tell_role(answer->role, call);
        break;
    case CALL_CREATE_ASSOCIATION:
    case CALL_UPDATE_ASSOCIATION:
    case CALL_DESCRIBE_ASSOCIATION:
        call->out.association = told(answer->association, true);
        break;
    default:
        break;
    }
}

/* What a Create met that was refused because the key is taken. */
static void note_conflict(struct world *world, const struct call *call)
{
    const struct association_key *key = &call->in.create.key;
    const struct model_association *there = world_key(world, key->namespace, key->service_account);

    world->tally->sometimes[!there                      ? SOMETIMES_CONFLICT_GHOST
                            : expect_ours(there, OWNER) ? SOMETIMES_CONFLICT_OURS
                                                        : SOMETIMES_CONFLICT_FOREIGN]++;
}

void eks_note(struct world *world, const struct call *call, const char *id)
{
    TRACE(world, "    EKS %s: %s%s%s", call_name(call->verb),
          call->error.kind == ERROR_NONE ? "done" : call->error.code, id[0] != '\0' ? " " : "", id);
    if (call->verb == CALL_CREATE_ASSOCIATION && call->error.kind == ERROR_CONFLICT)
        note_conflict(world, call);
}

void eks_perform(struct world *world, struct errand *errand)
{
    CLEANUP(tag_list_release) struct tag_list tags = {0};
    struct call *call = &errand->work;
    struct model_request request = {
        .now_ms = world->now,
        .random = tape_bits(&world->tape, "of EKS"),
        .cluster = call->cluster,
    };
    struct model_answer answer;
    bool disable = false;

    ask(world, call, &tags, &disable, &request);
    model_perform(world->model, &request, NULL, &answer);
    tell(&answer, call);
    eks_note(world, call, answer.association ? answer.association->id : "");
}
