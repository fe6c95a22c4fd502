/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/standin/model_world.h"

int model_describe(struct model *model, const struct model_request *request,
                   struct model_answer *answer)
{
    struct model_place *place = model_check_cluster(model, request, &answer->error);
    const struct model_record *record = NULL;

    if (!place || model_check_id(request, &answer->error) < 0)
        return -1;
    record = model_find_id(place, request->id);
    answer->association = record ? model_shown(record, request->now_ms) : NULL;
    if (!answer->association)
        return model_refuse(&answer->error, 404, "ResourceNotFoundException", place->facts->name,
                            "No association found for associationId: %s.", request->id);
    return 0;
}

static bool wanted(const struct model_association *association, const struct model_request *request)
{
    return association &&
           (!request->namespace || strcmp(association->namespace, request->namespace) == 0) &&
           (!request->service_account ||
            strcmp(association->service_account, request->service_account) == 0);
}

/* The first row that was created after that one. */
static size_t first_after(const struct model_place *place, uint64_t after)
{
    size_t low = 0, high = place->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (place->rows[middle].record->sequence <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int check_filters(const struct model_request *request, struct model_error *err)
{
    if (request->namespace &&
        model_check_name("namespace", request->namespace, request->cluster, err) < 0)
        return -1;
    if (request->service_account &&
        model_check_name("serviceAccount", request->service_account, request->cluster, err) < 0)
        return -1;
    return 0;
}

int model_list(struct model *model, const struct model_request *request,
               struct model_answer *answer)
{
    struct model_place *place = model_check_cluster(model, request, &answer->error);
    uint64_t after = 0, last = 0;
    size_t most = 0, count = 0;
    const void **page = NULL;

    if (!place || check_filters(request, &answer->error) < 0 ||
        model_check_page(model, request, &after, &most, &answer->error) < 0)
        return -1;
    page = model_page(model, most);
    for (size_t i = first_after(place, after); i < place->count; i++) {
        const struct model_association *shown = model_shown(place->rows[i].record, request->now_ms);

        if (!wanted(shown, request))
            continue;
        if (count == most) {
            model_next_token(last, answer->next_token);
            break;
        }
        page[count++] = shown;
        last = place->rows[i].record->sequence;
    }
    answer->associations = (const struct model_association *const *)page;
    answer->association_count = count;
    return 0;
}
