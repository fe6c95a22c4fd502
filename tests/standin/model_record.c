/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

static void versions_free(struct model_version *version)
{
    while (version) {
        struct model_version *older = version->older;

        mem_free(version->state);
        mem_free(version);
        version = older;
    }
}

static void record_free(struct model_record *record)
{
    versions_free(record->newest);
    mem_free(record);
}

void model_place_free(struct model_place *place)
{
    for (size_t i = 0; i < place->count; i++)
        record_free(place->rows[i].record);
    mem_free(place->rows);
    mem_free(place->facts);
    mem_free(place);
}

struct model_place *model_place(struct model *model, const char *name, const char *region)
{
    for (size_t i = 0; i < model->place_count; i++) {
        struct model_place *place = model->places[i];

        if (strcmp(place->facts->name, name) == 0)
            return !region || strcmp(place->facts->region, region) == 0 ? place : NULL;
    }
    return NULL;
}

static bool gone(const struct model_record *record, int64_t now_ms)
{
    return !record->newest->state && record->newest->visible_ms <= now_ms;
}

void model_sweep(struct model_place *place, int64_t now_ms)
{
    size_t kept = 0;

    if (now_ms < place->sweep_from)
        return;
    place->sweep_from = INT64_MAX;
    for (size_t i = 0; i < place->count; i++) {
        struct model_version *newest = place->rows[i].record->newest;

        if (gone(place->rows[i].record, now_ms)) {
            record_free(place->rows[i].record);
            continue;
        }
        if (!newest->state && newest->visible_ms < place->sweep_from)
            place->sweep_from = newest->visible_ms;
        place->rows[kept++] = place->rows[i];
    }
    place->count = kept;
}

static uint64_t key_hash(const char *namespace, const char *service_account)
{
    return model_hash(model_hash(0, namespace), service_account);
}

struct model_record *model_find_id(const struct model_place *place, const char *id)
{
    uint64_t hash = model_hash(0, id);

    for (size_t i = 0; i < place->count; i++) {
        struct model_record *record = place->rows[i].record;

        if (place->rows[i].id_hash == hash && strcmp(model_last(record)->id, id) == 0)
            return record;
    }
    return NULL;
}

struct model_record *model_find_key(const struct model_place *place, const char *namespace,
                                    const char *service_account)
{
    uint64_t hash = key_hash(namespace, service_account);
    struct model_record *found = NULL;

    for (size_t i = 0; i < place->count; i++) {
        struct model_record *record = place->rows[i].record;

        if (place->rows[i].key_hash != hash ||
            strcmp(model_last(record)->namespace, namespace) != 0 ||
            strcmp(model_last(record)->service_account, service_account) != 0)
            continue;
        if (model_truth(record))
            return record;
        found = record; /* a ghost, unless a living one follows */
    }
    return found;
}

struct model_record *model_find_token(const struct model_place *place, uint64_t token)
{
    for (size_t i = 0; token && i < place->count; i++)
        if (place->rows[i].create_token == token && model_truth(place->rows[i].record))
            return place->rows[i].record;
    return NULL;
}

const struct model_association *model_truth(const struct model_record *record)
{
    return record->newest->state;
}

const struct model_association *model_shown(const struct model_record *record, int64_t now_ms)
{
    for (const struct model_version *v = record->newest; v; v = v->older)
        if (v->visible_ms <= now_ms)
            return v->state;
    return NULL;
}

const struct model_association *model_last(const struct model_record *record)
{
    const struct model_version *newest = record->newest;

    return newest->state ? newest->state : newest->older->state;
}

/* arn and external id follow from the rest. */
static struct model_association *state_new(const struct model_cluster *cluster,
                                           const struct model_association *from)
{
    struct model_association state = *from;
    char arn[384], external_id[1024];

    snprintf(arn, sizeof arn, "%.*s:podidentityassociation/%s/%s",
             (int)(strrchr(cluster->arn, ':') - cluster->arn), cluster->arn, cluster->name,
             from->id);
    snprintf(external_id, sizeof external_id, "%s/%s/%s/%s/%s", cluster->region, cluster->account,
             cluster->name, from->namespace, from->service_account);
    state.cluster = cluster->name;
    state.arn = arn;
    state.external_id = state.target_role_arn && *state.target_role_arn ? external_id : "";
    return model_association_copy(&state);
}

static void push(struct model_record *record, struct model_association *owned_state,
                 int64_t visible_ms)
{
    struct model_version *version = mem_alloc(sizeof *version);

    *version = (struct model_version){record->newest, visible_ms, owned_state};
    record->newest = version;
}

/* Nothing older than what is shown now is ever shown again. */
static void forget(struct model_record *record, int64_t now_ms)
{
    struct model_version *version = record->newest;

    while (version && version->visible_ms > now_ms)
        version = version->older;
    if (version) {
        versions_free(version->older);
        version->older = NULL;
    }
}

struct model_record *model_add(struct model *model, struct model_place *place,
                               const struct model_association *state, uint64_t create_token,
                               int64_t visible_ms)
{
    struct model_record *record = mem_alloc(sizeof *record);

    push(record, state_new(place->facts, state), visible_ms);
    record->sequence = ++model->sequence;
    MEM_GROW(place->rows, place->count, place->capacity);
    place->rows[place->count++] = (struct model_row){
        .id_hash = model_hash(0, state->id),
        .key_hash = key_hash(state->namespace, state->service_account),
        .create_token = create_token,
        .record = record,
    };
    place->living++;
    return record;
}

void model_write(struct model_place *place, struct model_record *record,
                 const struct model_association *state, int64_t now_ms, int64_t visible_ms)
{
    forget(record, now_ms);
    push(record, state ? state_new(place->facts, state) : NULL, visible_ms);
    if (state)
        return;
    place->living--;
    if (visible_ms < place->sweep_from)
        place->sweep_from = visible_ms;
}

void model_new_id(struct model *model, const struct model_place *place, uint64_t random,
                  char ret_id[MODEL_ID_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    do {
        uint64_t high = model_mix(random ^ model_mix(++model->ids)), low = model_mix(high);

        memcpy(ret_id, "a-", 2);
        for (size_t i = 2; i < MODEL_ID_SIZE - 1; i++) {
            uint64_t *from = i % 2 ? &high : &low;

            ret_id[i] = letters[*from % (sizeof letters - 1)];
            *from /= sizeof letters - 1;
        }
        ret_id[MODEL_ID_SIZE - 1] = '\0';
    } while (model_find_id(place, ret_id));
}
