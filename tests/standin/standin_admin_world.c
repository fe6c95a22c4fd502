/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters, associations and roles, by hand. */
#include <string.h>

#include "base/mem.h"
#include "tests/standin/standin_admin.h"
#include "tests/standin/standin_eks.h"

#define ASSOCIATION_MEMBERS                                                                        \
    "namespace serviceAccount roleArn targetRoleArn policy ownerArn disableSessionTags tags"
#define CLUSTER_MEMBERS "account region issuer ca endpoint status version tags"
#define ROLE_MEMBERS                                                                               \
    "account path trust missing trustInvalid passDenied getDenied assumeDenied existsAfter"

static int no_cluster(struct standin_hand *hand)
{
    return standin_hand_refuse(hand, 404, "There is no cluster '%s'.", hand->url.segments[2]);
}

/* ---- associations ---- */

static const char *state_of(const struct model_view *view)
{
    if (view->settled)
        return "visible";
    if (!view->truth)
        return "ghost";
    return view->shown ? "changing" : "pending";
}

static void write_view(struct standin_writer *writer, const struct model_view *view)
{
    const struct model_association *association = view->truth ? view->truth : view->shown;

    if (!association) /* deleted before it was ever shown */
        return;
    standin_open(writer, NULL, '{');
    standin_eks_association(writer, association);
    standin_exact(writer, "state", state_of(view));
    standin_close(writer, '}');
}

static void write_associations(struct standin_hand *hand, const char *name, const char *cluster)
{
    struct model_view view;

    standin_open(&hand->writer, name, '[');
    for (size_t i = 0; model_association_at(hand->standin->model, cluster, i, hand->now_ms, &view);
         i++)
        write_view(&hand->writer, &view);
    standin_close(&hand->writer, ']');
}

int standin_get_associations(struct standin_hand *hand)
{
    const struct model_cluster *cluster = NULL;

    standin_open(&hand->writer, NULL, '{');
    for (size_t i = 0; (cluster = model_cluster_at(hand->standin->model, i)); i++)
        write_associations(hand, cluster->name, cluster->name);
    standin_close(&hand->writer, '}');
    return 0;
}

int standin_get_cluster_associations(struct standin_hand *hand)
{
    if (!model_cluster(hand->standin->model, hand->url.segments[2]))
        return no_cluster(hand);
    write_associations(hand, NULL, hand->url.segments[2]);
    return 0;
}

/* By id (one segment) or by key (two). */
static bool find(struct standin_hand *hand, struct model_view *ret_view)
{
    const struct standin_url *url = &hand->url;
    struct model *model = hand->standin->model;

    if (url->segment_count == 5)
        return model_association_by_id(model, url->segments[2], url->segments[4], hand->now_ms,
                                       ret_view);
    return model_association_by_key(model, url->segments[2], url->segments[4], url->segments[5],
                                    hand->now_ms, ret_view);
}

static int read_association(struct standin_hand *hand, struct model_association *association,
                            struct model_tag **ret_owned_tags)
{
    const json_t *body = hand->body;

    if (standin_hand_known(hand, body, ASSOCIATION_MEMBERS) < 0 ||
        standin_hand_text(hand, body, "namespace", &association->namespace) < 0 ||
        standin_hand_text(hand, body, "serviceAccount", &association->service_account) < 0 ||
        standin_hand_text(hand, body, "roleArn", &association->role_arn) < 0 ||
        standin_hand_text(hand, body, "targetRoleArn", &association->target_role_arn) < 0 ||
        standin_hand_text(hand, body, "policy", &association->policy) < 0 ||
        standin_hand_text(hand, body, "ownerArn", &association->owner_arn) < 0 ||
        standin_hand_flag(hand, body, "disableSessionTags", &association->disable_session_tags) <
            0 ||
        standin_hand_tags(hand, body, "tags", ret_owned_tags, &association->tag_count) < 0)
        return -1;
    if (*ret_owned_tags)
        association->tags = *ret_owned_tags;
    return 0;
}

/* Puts `association` with the body's members over it. */
static int put(struct standin_hand *hand, struct model_association association)
{
    const struct model_association *stored = NULL;
    struct model_tag *owned_tags = NULL;
    struct model_error error;
    struct model_view view;
    int result = read_association(hand, &association, &owned_tags);

    association.cluster = hand->url.segments[2];
    association.modified_ms = hand->now_ms;
    if (result == 0 &&
        model_put_association(hand->standin->model, &association, hand->now_ms,
                              standin_model_random(hand->standin), &stored, &error) < 0)
        result = standin_hand_refuse(hand, error.status, "%s", error.message);
    if (result == 0) {
        view = (struct model_view){stored, stored, true};
        write_view(&hand->writer, &view);
    }
    mem_free(owned_tags);
    return result;
}

int standin_post_association(struct standin_hand *hand)
{
    return put(hand, (struct model_association){0});
}

int standin_put_association(struct standin_hand *hand)
{
    const struct standin_url *url = &hand->url;
    struct model_association association = {0};
    struct model_view view;

    if (url->segment_count == 5)
        association.id = url->segments[4];
    else if (find(hand, &view) && view.truth)
        association.id = view.truth->id;
    if (url->segment_count == 6) {
        association.namespace = url->segments[4];
        association.service_account = url->segments[5];
    } else if (find(hand, &view) && view.truth) {
        association.namespace = view.truth->namespace;
        association.service_account = view.truth->service_account;
    }
    return put(hand, association);
}

static int no_association(struct standin_hand *hand)
{
    return standin_hand_refuse(hand, 404, "There is no such association in cluster '%s'.",
                               hand->url.segments[2]);
}

int standin_get_association(struct standin_hand *hand)
{
    struct model_view view;

    if (!find(hand, &view) || (!view.truth && !view.shown))
        return no_association(hand);
    write_view(&hand->writer, &view);
    return 0;
}

int standin_patch_association(struct standin_hand *hand)
{
    struct model_view view;

    if (!find(hand, &view) || !view.truth)
        return no_association(hand);
    return put(hand, *view.truth);
}

int standin_delete_association(struct standin_hand *hand)
{
    const struct model_association *association = NULL;
    struct model_view view;

    if (!find(hand, &view))
        return no_association(hand);
    association = view.truth ? view.truth : view.shown;
    if (!association ||
        !model_remove_association(hand->standin->model, hand->url.segments[2], association->id))
        return no_association(hand);
    return 0;
}

/* ---- clusters ---- */

int standin_get_clusters(struct standin_hand *hand)
{
    const struct model_cluster *cluster = NULL;

    standin_open(&hand->writer, NULL, '[');
    for (size_t i = 0; (cluster = model_cluster_at(hand->standin->model, i)); i++) {
        standin_open(&hand->writer, NULL, '{');
        standin_eks_cluster(&hand->writer, cluster);
        standin_close(&hand->writer, '}');
    }
    standin_close(&hand->writer, ']');
    return 0;
}

static int read_cluster(struct standin_hand *hand, struct model_cluster *cluster,
                        struct model_tag **ret_owned_tags)
{
    const json_t *body = hand->body;

    if (standin_hand_known(hand, body, CLUSTER_MEMBERS) < 0 ||
        standin_hand_text(hand, body, "account", &cluster->account) < 0 ||
        standin_hand_text(hand, body, "region", &cluster->region) < 0 ||
        standin_hand_text(hand, body, "issuer", &cluster->issuer) < 0 ||
        standin_hand_text(hand, body, "ca", &cluster->ca_data) < 0 ||
        standin_hand_text(hand, body, "endpoint", &cluster->endpoint) < 0 ||
        standin_hand_text(hand, body, "status", &cluster->status) < 0 ||
        standin_hand_text(hand, body, "version", &cluster->version) < 0 ||
        standin_hand_tags(hand, body, "tags", ret_owned_tags, &cluster->tag_count) < 0)
        return -1;
    if (*ret_owned_tags)
        cluster->tags = *ret_owned_tags;
    return 0;
}

int standin_put_cluster(struct standin_hand *hand)
{
    struct model *model = hand->standin->model;
    const struct model_cluster *known = model_cluster(model, hand->url.segments[2]);
    struct model_cluster cluster = {.name = hand->url.segments[2], .created_ms = hand->now_ms};
    struct model_tag *owned_tags = NULL;
    int result = 0;

    if (known)
        cluster = *known;
    result = read_cluster(hand, &cluster, &owned_tags);
    if (result == 0)
        model_put_cluster(model, &cluster);
    mem_free(owned_tags);
    return result;
}

int standin_delete_cluster(struct standin_hand *hand)
{
    return model_remove_cluster(hand->standin->model, hand->url.segments[2]) ? 0 : no_cluster(hand);
}

/* ---- roles ---- */

/* The document as text, or written as JSON in the body. Caller frees. */
static char *trust_text(const json_t *trust)
{
    if (json_is_string(trust))
        return mem_strdup(json_string_value(trust));
    return json_is_object(trust) ? json_canonical(trust) : NULL;
}

static int read_role(struct standin_hand *hand, struct model_role *role)
{
    const json_t *body = hand->body;
    int64_t exists_after = -1;

    if (standin_hand_known(hand, body, ROLE_MEMBERS) < 0 ||
        standin_hand_text(hand, body, "account", &role->account) < 0 ||
        standin_hand_text(hand, body, "path", &role->path) < 0 ||
        standin_hand_flag(hand, body, "missing", &role->missing) < 0 ||
        standin_hand_flag(hand, body, "trustInvalid", &role->trust_invalid) < 0 ||
        standin_hand_flag(hand, body, "passDenied", &role->pass_denied) < 0 ||
        standin_hand_flag(hand, body, "getDenied", &role->get_denied) < 0 ||
        standin_hand_flag(hand, body, "assumeDenied", &role->assume_denied) < 0 ||
        standin_hand_duration(hand, body, "existsAfter", &exists_after) < 0)
        return -1;
    if (exists_after >= 0)
        role->exists_from_ms = hand->now_ms + exists_after;
    return 0;
}

int standin_put_role(struct standin_hand *hand)
{
    struct model_role role = {.name = hand->url.segments[2], .created_ms = hand->now_ms};
    CLEANUP_FREE char *trust = trust_text(json_object_get(hand->body, "trust"));

    role.trust = trust;
    role.trust_invalid =
        trust && (!strstr(trust, "pods.eks.amazonaws.com") || !strstr(trust, "sts:AssumeRole") ||
                  !strstr(trust, "sts:TagSession"));
    if (read_role(hand, &role) < 0)
        return -1;
    model_put_role(hand->standin->model, &role);
    return 0;
}

int standin_delete_role(struct standin_hand *hand)
{
    if (model_remove_role(hand->standin->model, standin_parameter(&hand->url, "account"),
                          hand->url.segments[2]))
        return 0;
    return standin_hand_refuse(hand, 404, "There is no role '%s'.", hand->url.segments[2]);
}
