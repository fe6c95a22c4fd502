/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

#define TAGS_MAX 50

/* What a tag call is about: an association, or a cluster itself. */
struct resource {
    struct model_place *place;
    struct model_record *record; /* NULL: the cluster */
    const struct model_tag *tags;
    size_t tag_count;
};

static int malformed(const char *arn, struct model_error *err)
{
    model_refuse(err, 400, "BadRequestException", "", "Invalid resource ARN: %.300s", arn);
    return -1;
}

static int missing(const char *arn, struct model_error *err)
{
    model_refuse(err, 404, "NotFoundException", "", "Resource not found: %.300s", arn);
    return -1;
}

/* "arn:<partition>:eks:<region>:<account>:<rest>" → rest, or NULL. */
static const char *after_account(const char *arn)
{
    static const char *const expected[] = {"arn", NULL, "eks", NULL, NULL};

    for (size_t i = 0; i < 5; i++) {
        size_t length = strcspn(arn, ":");

        if (arn[length] != ':' || length == 0 ||
            (expected[i] &&
             (strlen(expected[i]) != length || strncmp(arn, expected[i], length) != 0)))
            return NULL;
        arn += length + 1;
    }
    return arn;
}

/* Splits the rest into cluster name and, for associations, id. */
static bool split(const char *rest, char ret_cluster[MODEL_NAME_SIZE], const char **ret_id)
{
    bool association = strncmp(rest, "podidentityassociation/", 23) == 0;
    const char *name = strchr(rest, '/');
    size_t length = 0;

    if (!name || (!association && strncmp(rest, "cluster/", 8) != 0))
        return false;
    length = strcspn(++name, "/");
    if (length == 0 || length >= MODEL_NAME_SIZE || association != (name[length] == '/'))
        return false;
    memcpy(ret_cluster, name, length);
    ret_cluster[length] = '\0';
    *ret_id = association ? name + length + 1 : NULL;
    return true;
}

static int locate(struct model *model, const struct model_request *request,
                  struct resource *ret_resource, struct model_error *err)
{
    const char *arn = request->resource_arn ? request->resource_arn : "", *id = NULL;
    const char *rest = after_account(arn), *own_arn = NULL;
    char cluster[MODEL_NAME_SIZE];
    struct resource resource = {0};

    if (!rest || !split(rest, cluster, &id))
        return malformed(arn, err);
    resource.place = model_place(model, cluster, request->region);
    if (!resource.place)
        return missing(arn, err);
    model_sweep(resource.place, request->now_ms);
    resource.record = id ? model_find_id(resource.place, id) : NULL;
    if (id && !resource.record)
        return missing(arn, err);
    own_arn = id ? model_last(resource.record)->arn : resource.place->facts->arn;
    if (strcmp(own_arn, arn) != 0)
        return missing(arn, err);
    *ret_resource = resource;
    return 0;
}

/* With the tags that writes go by. */
static int locate_truth(struct model *model, const struct model_request *request,
                        struct resource *ret_resource, struct model_error *err)
{
    if (locate(model, request, ret_resource, err) < 0)
        return -1;
    if (ret_resource->record && !model_truth(ret_resource->record))
        return missing(request->resource_arn, err);
    if (ret_resource->record) {
        ret_resource->tags = model_truth(ret_resource->record)->tags;
        ret_resource->tag_count = model_truth(ret_resource->record)->tag_count;
    } else {
        ret_resource->tags = ret_resource->place->facts->tags;
        ret_resource->tag_count = ret_resource->place->facts->tag_count;
    }
    return 0;
}

static void write_tags(struct model *model, const struct model_request *request,
                       const struct resource *resource, const struct model_tag *tags, size_t count)
{
    if (resource->record) {
        struct model_association state = *model_truth(resource->record);

        state.tags = tags;
        state.tag_count = count;
        model_write(resource->place, resource->record, &state, request->now_ms,
                    request->now_ms + model->settings.propagation_ms);
    } else {
        struct model_cluster facts = *resource->place->facts;

        facts.tags = tags;
        facts.tag_count = count;
        model_put_cluster(model, &facts);
    }
}

static bool among(const struct model_tag *tags, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tags[i].key, key) == 0)
            return true;
    return false;
}

int model_tag(struct model *model, const struct model_request *request, struct model_answer *answer)
{
    struct model_tag all[2 * TAGS_MAX];
    struct resource resource;
    size_t count = request->tag_count;

    if (model_check_tags(request->tags, count, "BadRequestException", "", &answer->error) < 0 ||
        locate_truth(model, request, &resource, &answer->error) < 0)
        return -1;
    memcpy(all, request->tags, count * sizeof *all);
    for (size_t i = 0; i < resource.tag_count; i++)
        if (!among(request->tags, request->tag_count, resource.tags[i].key))
            all[count++] = resource.tags[i];
    if (count > TAGS_MAX)
        return model_refuse(&answer->error, 400, "BadRequestException", "",
                            "A resource may have at most %d tags.", TAGS_MAX);
    write_tags(model, request, &resource, all, count);
    return 0;
}

static bool listed(const struct model_request *request, const char *key)
{
    for (size_t i = 0; i < request->tag_key_count; i++)
        if (strcmp(request->tag_keys[i], key) == 0)
            return true;
    return false;
}

int model_untag(struct model *model, const struct model_request *request,
                struct model_answer *answer)
{
    struct model_tag kept[TAGS_MAX];
    struct resource resource;
    size_t count = 0;

    if (request->tag_key_count < 1 || request->tag_key_count > TAGS_MAX)
        return model_refuse(&answer->error, 400, "BadRequestException", "",
                            "Between 1 and %d tag keys are required.", TAGS_MAX);
    if (locate_truth(model, request, &resource, &answer->error) < 0)
        return -1;
    for (size_t i = 0; i < resource.tag_count; i++)
        if (!listed(request, resource.tags[i].key) && count < TAGS_MAX)
            kept[count++] = resource.tags[i];
    if (count < resource.tag_count)
        write_tags(model, request, &resource, kept, count);
    return 0;
}

int model_list_tags(struct model *model, const struct model_request *request,
                    struct model_answer *answer)
{
    struct resource resource;

    if (locate(model, request, &resource, &answer->error) < 0)
        return -1;
    if (resource.record) {
        const struct model_association *shown = model_shown(resource.record, request->now_ms);

        if (!shown)
            return missing(request->resource_arn, &answer->error);
        answer->tags = shown->tags;
        answer->tag_count = shown->tag_count;
    } else {
        answer->tags = resource.place->facts->tags;
        answer->tag_count = resource.place->facts->tag_count;
    }
    return 0;
}
