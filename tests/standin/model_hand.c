/* SPDX-License-Identifier: Apache-2.0 */
/* Associations changed and looked at by hand, past what EKS would allow. */
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

static bool empty(const char *text)
{
    return !text || !*text;
}

static int check(const struct model_association *wanted, const struct model_record *record,
                 const struct model_record *holder, struct model_error *err)
{
    if (empty(wanted->namespace) || empty(wanted->service_account))
        return model_refuse(err, 400, "InvalidParameterException", wanted->cluster,
                            "namespace and serviceAccount are required.");
    if (!empty(wanted->id) && strlen(wanted->id) != MODEL_ID_SIZE - 1)
        return model_refuse(err, 400, "InvalidParameterException", wanted->cluster,
                            "An association id has 19 characters.");
    if (holder && model_truth(holder) && holder != record)
        return model_refuse(err, 409, "ResourceInUseException", wanted->cluster,
                            "Association already exists: %s", model_last(holder)->id);
    if (record && record != holder)
        return model_refuse(err, 400, "InvalidParameterException", wanted->cluster,
                            "namespace and serviceAccount of %s cannot change.", wanted->id);
    return 0;
}

static void take_out(struct model_place *place, const struct model_record *record)
{
    const struct model_association *last = model_last(record);
    struct model_record *found = model_find_id(place, last->id);

    if (model_truth(found))
        model_write(place, found, NULL, INT64_MIN, INT64_MIN);
    else
        found->newest->visible_ms = INT64_MIN;
    place->sweep_from = INT64_MIN;
    model_sweep(place, INT64_MIN);
}

int model_put_association(struct model *model, const struct model_association *wanted,
                          int64_t now_ms, uint64_t random,
                          const struct model_association **ret_association, struct model_error *err)
{
    struct model_place *place = model_place(model, wanted->cluster, NULL);
    struct model_association state = *wanted;
    struct model_record *record = NULL, *holder = NULL;
    char id[MODEL_ID_SIZE];

    if (!place)
        return model_refuse(err, 404, "ResourceNotFoundException", wanted->cluster,
                            "No cluster found for name: %s.", wanted->cluster);
    model_sweep(place, now_ms);
    record = empty(wanted->id) ? NULL : model_find_id(place, wanted->id);
    if (!empty(wanted->namespace) && !empty(wanted->service_account))
        holder = model_find_key(place, wanted->namespace, wanted->service_account);
    if (check(wanted, record, holder, err) < 0)
        return -1;
    if (holder && !model_truth(holder)) { /* a ghost gives way */
        take_out(place, holder);
        record = NULL;
    }
    if (empty(wanted->id)) {
        model_new_id(model, place, random, id);
        state.id = id;
    }
    state.created_ms = wanted->created_ms ? wanted->created_ms : now_ms;
    state.modified_ms = wanted->modified_ms ? wanted->modified_ms : now_ms;
    if (record)
        model_write(place, record, &state, now_ms, INT64_MIN);
    else
        record = model_add(model, place, &state, 0, INT64_MIN);
    *ret_association = model_truth(record);
    return 0;
}

bool model_remove_association(struct model *model, const char *cluster, const char *id)
{
    struct model_place *place = model_place(model, cluster, NULL);
    const struct model_record *record = place ? model_find_id(place, id) : NULL;

    if (record)
        take_out(place, record);
    return record != NULL;
}

static bool view(const struct model_record *record, int64_t now_ms, struct model_view *ret_view)
{
    if (!record)
        return false;
    *ret_view = (struct model_view){
        .truth = model_truth(record),
        .shown = model_shown(record, now_ms),
    };
    ret_view->settled = ret_view->truth == ret_view->shown;
    return true;
}

static struct model_place *swept(struct model *model, const char *cluster, int64_t now_ms)
{
    struct model_place *place = model_place(model, cluster, NULL);

    if (place)
        model_sweep(place, now_ms);
    return place;
}

bool model_association_at(struct model *model, const char *cluster, size_t index, int64_t now_ms,
                          struct model_view *ret_view)
{
    const struct model_place *place = swept(model, cluster, now_ms);

    return place && index < place->count && view(place->rows[index].record, now_ms, ret_view);
}

bool model_association_by_id(struct model *model, const char *cluster, const char *id,
                             int64_t now_ms, struct model_view *ret_view)
{
    const struct model_place *place = swept(model, cluster, now_ms);

    return place && view(model_find_id(place, id), now_ms, ret_view);
}

bool model_association_by_key(struct model *model, const char *cluster, const char *namespace,
                              const char *service_account, int64_t now_ms,
                              struct model_view *ret_view)
{
    const struct model_place *place = swept(model, cluster, now_ms);

    return place && view(model_find_key(place, namespace, service_account), now_ms, ret_view);
}
