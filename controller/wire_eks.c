/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire_eks.h"

#include <string.h>

#include "aws/aws_error.h"
#include "aws/eks.h"
#include "base/mem.h"
#include "crds/pairs.h"

_Static_assert((int)EKS_FIELD_ROLE == (int)ACCESS_ROLE &&
                   (int)EKS_FIELD_TARGET_ROLE == (int)ACCESS_TARGET_ROLE &&
                   (int)EKS_FIELD_POLICY == (int)ACCESS_POLICY &&
                   (int)EKS_FIELD_SESSION_TAGS == (int)ACCESS_SESSION_TAGS,
               "an Update's fields are handed through as they are");

/* ---- requests ---- */

/* Tags as eks.h wants them, cut out of one copy of the pairs. */
struct tags {
    char *owned_text;
    struct eks_tag items[EKS_MAX_TAGS];
    size_t count;
};

static void tags_release(struct tags *tags)
{
    mem_free(tags->owned_text);
}

static struct tags tags_from(const char *pairs)
{
    struct tags tags = {.owned_text = mem_strdup(pairs)};
    const char *cursor = pairs;
    struct pair_view view;

    while (tags.count < EKS_MAX_TAGS && pairs_next(&cursor, &view)) {
        char *key = tags.owned_text + (view.key - pairs);
        char *value = tags.owned_text + (view.value - pairs);

        key[view.key_length] = '\0';
        value[view.value_length] = '\0';
        tags.items[tags.count++] = (struct eks_tag){key, value};
    }
    return tags;
}

static struct eks_access eks_access_of(const struct access *access)
{
    return (struct eks_access){.role_arn = access->role_arn,
                               .target_role_arn = access->target_role_arn,
                               .policy = access->policy,
                               .session_tags = access->session_tags};
}

static int write_create(const struct create_in *in, const struct arn_cluster_name *cluster,
                        struct aws_request *request, struct error *err)
{
    CLEANUP(tags_release) struct tags tags = tags_from(in->tags);
    const struct eks_create create = {.namespace = in->key.namespace,
                                      .service_account = in->key.service_account,
                                      .access = eks_access_of(&in->access),
                                      .tags = tags.items,
                                      .tag_count = tags.count,
                                      .token = in->token};

    return eks_create(cluster, &create, request, err);
}

static int write_tags(const struct call *call, struct aws_request *request, struct error *err)
{
    CLEANUP(tags_release) struct tags tags = tags_from(call->in.association.tags);
    struct arn_association arn;

    if (arn_association_parse(call->in.association.arn, &arn, err) < 0)
        return -1;
    if (call->verb == CALL_TAG_ASSOCIATION)
        return eks_tag(&arn, tags.items, tags.count, request, err);
    return eks_untag(&arn, tags.items, tags.count, request, err);
}

static int write_by_id(const struct call *call, const struct arn_cluster_name *cluster,
                       struct aws_request *request, struct error *err)
{
    const struct association_in *in = &call->in.association;
    const struct eks_access access = eks_access_of(&in->access);
    struct arn_association_id id;

    if (arn_association_id_parse(in->id, &id, err) < 0)
        return -1;
    if (call->verb == CALL_UPDATE_ASSOCIATION)
        return eks_update(cluster, &id, &access, in->fields, in->token, request, err);
    if (call->verb == CALL_DESCRIBE_ASSOCIATION)
        eks_describe(cluster, &id, request);
    else
        eks_delete(cluster, &id, request);
    return 0;
}

int wire_eks_write(const struct call *call, const struct arn_cluster_name *cluster,
                   struct aws_request *ret_request, struct error *err)
{
    switch (call->verb) {
    case CALL_LIST_ASSOCIATIONS:
        return eks_list(cluster, call->in.list.key.namespace, call->in.list.key.service_account,
                        call->in.list.next_token, ret_request, err);
    case CALL_CREATE_ASSOCIATION:
        return write_create(&call->in.create, cluster, ret_request, err);
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        return write_tags(call, ret_request, err);
    case CALL_DESCRIBE_CLUSTER:
        eks_describe_cluster(cluster, ret_request);
        return 0;
    case CALL_LIST_CLUSTERS:
        eks_list_clusters(call->in.clusters.next_token, ret_request);
        return 0;
    default:
        return write_by_id(call, cluster, ret_request, err);
    }
}

/* ---- answers ---- */

/* AWS's own tags can't be changed by anybody, so they are none of ours to compare. */
static void copy_tags(const struct eks_association *from, struct strbuf *ret_pairs)
{
    struct pair pairs[EKS_MAX_TAGS];
    size_t count = 0;

    for (size_t i = 0; i < from->tag_count && count < EKS_MAX_TAGS; i++)
        if (strncasecmp(from->tags[i].key, "aws:", 4) != 0)
            pairs[count++] = (struct pair){from->tags[i].key, from->tags[i].value};
    pairs_write(pairs, count, ret_pairs);
}

static struct association *association_of(const struct eks_association *from)
{
    CLEANUP(strbuf_release) struct strbuf tags = STRBUF_CAPPED(ASSOCIATION_TAGS_CAP);
    struct association association = {
        .key = {from->namespace, from->service_account},
        .id = from->id,
        .owner_arn = from->owner_arn,
        .described = from->described,
        .access = {from->access.role_arn, from->access.target_role_arn, from->access.policy,
                   from->access.session_tags},
        .external_id = from->external_id,
        .modified_us = from->modified_us,
    };

    if (!from->described) { /* a summary */
        association.access = (struct access){"", "", "", false};
        association.external_id = "";
    }
    copy_tags(from, &tags);
    association.tags = strbuf_text(&tags);
    return association_copy(&association);
}

static void read_page(const struct arn_cluster_name *cluster, const struct http_answer *answer,
                      struct call *call)
{
    CLEANUP(eks_page_release) struct eks_page page = {0};
    struct associations_page *out = &call->out.page;

    if (eks_read_page(answer, cluster, &page, &call->error) < 0)
        return;
    out->items = mem_array(page.count, sizeof *out->items);
    for (size_t i = 0; i < page.count; i++)
        out->items[out->count++] = association_of(&page.items[i]);
    out->next_token = mem_strdup(page.next_token);
}

static void read_association(const struct arn_cluster_name *cluster,
                             const struct http_answer *answer, struct call *call)
{
    CLEANUP(eks_association_release) struct eks_association association = {0};
    bool create = call->verb == CALL_CREATE_ASSOCIATION;
    const struct eks_expected expected = {
        .cluster = cluster,
        .id = create ? "" : call->in.association.id,
        .namespace = create ? call->in.create.key.namespace : "",
        .service_account = create ? call->in.create.key.service_account : "",
        .writes = call_writes(call->verb),
    };

    if (eks_read_association(answer, &expected, &association, &call->error) == 0)
        call->out.association = association_of(&association);
}

static void read_cluster(const struct arn_cluster_name *cluster, const struct http_answer *answer,
                         struct call *call)
{
    CLEANUP(eks_cluster_release) struct eks_cluster read = {0};

    if (eks_read_cluster(answer, cluster, &read, &call->error) < 0)
        return;
    call->out.cluster = (struct cluster_facts){.arn = mem_strdup(read.arn.text),
                                               .status = mem_strdup(read.status),
                                               .issuer = mem_strdup(read.issuer),
                                               .ca_pem = mem_strdup(read.ca_pem)};
}

static void read_clusters(const struct http_answer *answer, struct call *call)
{
    CLEANUP(eks_clusters_release) struct eks_clusters read = {0};
    struct clusters_page *out = &call->out.clusters;

    if (eks_read_clusters(answer, &read, &call->error) < 0)
        return;
    out->names = mem_array(read.count, sizeof *out->names);
    for (; out->count < read.count; out->count++)
        out->names[out->count] = mem_strdup(read.names[out->count].text);
    out->next_token = mem_strdup(read.next_token);
}

void wire_eks_read(const struct arn_cluster_name *cluster, const struct http_answer *answer,
                   struct call *call)
{
    error_clear(&call->error);
    switch (call->verb) {
    case CALL_LIST_ASSOCIATIONS:
        read_page(cluster, answer, call);
        break;
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        eks_read_tagged(answer, &call->error);
        break;
    case CALL_DESCRIBE_CLUSTER:
        read_cluster(cluster, answer, call);
        break;
    case CALL_LIST_CLUSTERS:
        read_clusters(answer, call);
        break;
    default:
        read_association(cluster, answer, call);
    }
}

enum call_detail wire_eks_detail(const struct error *error)
{
    if (aws_error_is_role_missing(error))
        return DETAIL_ROLE_MISSING;
    if (aws_error_is_trust_invalid(error))
        return DETAIL_TRUST_INVALID;
    if (aws_error_is_pass_role_denied(error))
        return DETAIL_PASS_ROLE;
    if (aws_error_is_quota(error))
        return DETAIL_QUOTA;
    if (aws_error_is_cluster_missing(error))
        return DETAIL_CLUSTER_MISSING;
    return DETAIL_NONE;
}
