/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

static const char *or_default(const char *text, const char *otherwise)
{
    return text ? text : otherwise;
}

/* Where a new name belongs in the order. */
static size_t position(const struct model *model, const char *name)
{
    size_t i = 0;

    while (i < model->place_count && strcmp(model->places[i]->facts->name, name) < 0)
        i++;
    return i;
}

static struct model_place *insert(struct model *model, const char *name)
{
    struct model_place *place = mem_alloc(sizeof *place);
    size_t at = position(model, name);

    place->sweep_from = INT64_MAX;
    MEM_GROW(model->places, model->place_count, model->place_capacity);
    memmove(model->places + at + 1, model->places + at,
            (model->place_count - at) * sizeof(struct model_place *));
    model->places[at] = place;
    model->place_count++;
    return place;
}

static struct model_cluster *complete(const struct model *model,
                                      const struct model_cluster *cluster)
{
    struct model_cluster whole = *cluster;
    char arn[320], issuer[256], endpoint[256];
    uint64_t hash = model_hash(0, cluster->name);

    whole.account = or_default(cluster->account, model->settings.account);
    whole.region = or_default(cluster->region, model->settings.region);
    whole.status = or_default(cluster->status, "ACTIVE");
    whole.version = or_default(cluster->version, "1.34");
    snprintf(arn, sizeof arn, "arn:%s:eks:%s:%s:cluster/%s", model->settings.partition,
             whole.region, whole.account, cluster->name);
    snprintf(issuer, sizeof issuer,
             "https://oidc.eks.%s.amazonaws.com/id/%016" PRIX64 "%016" PRIX64, whole.region, hash,
             model_mix(hash));
    snprintf(endpoint, sizeof endpoint, "https://%016" PRIX64 ".gr7.%s.eks.amazonaws.com", hash,
             whole.region);
    whole.arn = arn;
    whole.issuer = or_default(cluster->issuer, issuer);
    whole.endpoint = or_default(cluster->endpoint, endpoint);
    return model_cluster_block(&whole);
}

void model_put_cluster(struct model *model, const struct model_cluster *cluster)
{
    struct model_cluster *facts = complete(model, cluster);
    struct model_place *place = model_place(model, cluster->name, NULL);

    if (!place)
        place = insert(model, cluster->name);
    mem_free(place->facts);
    place->facts = facts;
}

bool model_remove_cluster(struct model *model, const char *name)
{
    struct model_place *place = model_place(model, name, NULL);
    size_t at = position(model, name);

    if (!place)
        return false;
    model_place_free(place);
    model->place_count--;
    memmove(model->places + at, model->places + at + 1,
            (model->place_count - at) * sizeof(struct model_place *));
    return true;
}

const struct model_cluster *model_cluster(struct model *model, const char *name)
{
    const struct model_place *place = model_place(model, name, NULL);

    return place ? place->facts : NULL;
}

const struct model_cluster *model_cluster_at(struct model *model, size_t index)
{
    return index < model->place_count ? model->places[index]->facts : NULL;
}

int model_describe_cluster(struct model *model, const struct model_request *request,
                           struct model_answer *answer)
{
    const struct model_place *place = model_check_cluster(model, request, &answer->error);

    if (!place)
        return -1;
    answer->cluster = place->facts;
    return 0;
}

int model_list_clusters(struct model *model, const struct model_request *request,
                        struct model_answer *answer)
{
    uint64_t after = 0;
    size_t most = 0, count = 0, i = 0;
    const void **page = NULL;

    if (model_check_page(model, request, &after, &most, &answer->error) < 0)
        return -1;
    page = model_page(model, most);
    for (i = (size_t)after; i < model->place_count && count < most; i++) {
        const struct model_cluster *facts = model->places[i]->facts;

        if (!request->region || strcmp(facts->region, request->region) == 0)
            page[count++] = facts->name;
    }
    if (i < model->place_count)
        model_next_token(i, answer->next_token);
    answer->cluster_names = (const char *const *)page;
    answer->cluster_count = count;
    return 0;
}
