/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

static const struct {
    const char *name;
    int (*run)(struct model *, const struct model_request *, struct model_answer *);
    bool mutates;
} operations[MODEL_OPERATIONS] = {
    [MODEL_ANY] = {"*", NULL, false},
    [MODEL_CREATE] = {"CreatePodIdentityAssociation", model_create, true},
    [MODEL_DESCRIBE] = {"DescribePodIdentityAssociation", model_describe, false},
    [MODEL_UPDATE] = {"UpdatePodIdentityAssociation", model_update, true},
    [MODEL_DELETE] = {"DeletePodIdentityAssociation", model_delete, true},
    [MODEL_LIST] = {"ListPodIdentityAssociations", model_list, false},
    [MODEL_TAG] = {"TagResource", model_tag, true},
    [MODEL_UNTAG] = {"UntagResource", model_untag, true},
    [MODEL_LIST_TAGS] = {"ListTagsForResource", model_list_tags, false},
    [MODEL_DESCRIBE_CLUSTER] = {"DescribeCluster", model_describe_cluster, false},
    [MODEL_LIST_CLUSTERS] = {"ListClusters", model_list_clusters, false},
    [MODEL_GET_CALLER_IDENTITY] = {"GetCallerIdentity", model_get_caller_identity, false},
    [MODEL_GET_ROLE] = {"GetRole", model_get_role, false},
    [MODEL_ASSUME_ROLE] = {"AssumeRole", model_assume_role, false},
    [MODEL_ASSUME_ROLE_WITH_WEB_IDENTITY] = {"AssumeRoleWithWebIdentity", model_assume_role, false},
};

const char *model_operation_name(enum model_operation operation)
{
    return operations[operation].name;
}

enum model_operation model_operation_named(const char *name)
{
    for (size_t i = 0; i < MODEL_OPERATIONS; i++)
        if (strcmp(operations[i].name, name) == 0)
            return (enum model_operation)i;
    return MODEL_OPERATIONS;
}

bool model_operation_mutates(enum model_operation operation)
{
    return operations[operation].mutates;
}

struct model *model_new(void)
{
    struct model *model = mem_alloc(sizeof *model);

    model->settings = (struct model_settings){
        .account = "111122223333",
        .region = "us-west-2",
        .partition = "aws",
        .quota = 5000,
        .page = MODEL_PAGE_MAX,
        .any_role = true,
    };
    return model;
}

void model_free(struct model *model)
{
    if (!model)
        return;
    for (size_t i = 0; i < model->place_count; i++)
        model_place_free(model->places[i]);
    for (size_t i = 0; i < model->role_count; i++)
        mem_free(model->roles[i].facts);
    mem_free(model->places);
    mem_free(model->roles);
    mem_free(model->faults);
    mem_free(model->counters);
    mem_free(model->page);
    mem_free(model);
}

struct model_settings *model_settings(struct model *model)
{
    return &model->settings;
}

/* ---- requests ---- */

static const char *outcome(const struct model_verdict *verdict, const struct model_answer *answer,
                           char text[MODEL_CODE_SIZE])
{
    const char *plain = "ok";

    if (verdict->fate != MODEL_ANSWER)
        plain = model_fate_name(verdict->fate);
    else if (answer->error.status)
        plain = answer->error.code;
    if (verdict->effect && (verdict->fate != MODEL_ANSWER || verdict->error.status))
        snprintf(text, MODEL_CODE_SIZE, "%.48s-after-effect", plain);
    else if (!*plain)
        snprintf(text, MODEL_CODE_SIZE, "status-%d", answer->error.status);
    else
        snprintf(text, MODEL_CODE_SIZE, "%s", plain);
    return text;
}

void model_perform(struct model *model, const struct model_request *request,
                   const struct model_verdict *verdict, struct model_answer *ret_answer)
{
    static const struct model_verdict undisturbed = {.effect = true};
    char text[MODEL_CODE_SIZE];

    verdict = verdict ? verdict : &undisturbed;
    *ret_answer = (struct model_answer){0};
    if (verdict->effect)
        operations[request->operation].run(model, request, ret_answer);
    if (verdict->error.status)
        *ret_answer = (struct model_answer){.error = verdict->error};
    model_count(model, request->operation, outcome(verdict, ret_answer, text));
}

enum model_fate model_call(struct model *model, const struct model_request *request,
                           struct model_answer *ret_answer)
{
    struct model_verdict verdict;

    model_judge(model, request, &verdict);
    model_perform(model, request, &verdict, ret_answer);
    return verdict.fate;
}

/* ---- counters ---- */

void model_count(struct model *model, enum model_operation operation, const char *outcome_name)
{
    struct model_counter *counter = NULL;

    for (size_t i = 0; i < model->counter_count && !counter; i++)
        if (model->counters[i].operation == operation &&
            strcmp(model->counters[i].outcome, outcome_name) == 0)
            counter = &model->counters[i];
    if (!counter) {
        MEM_GROW(model->counters, model->counter_count, model->counter_capacity);
        counter = &model->counters[model->counter_count++];
        *counter = (struct model_counter){.operation = operation};
        snprintf(counter->outcome, sizeof counter->outcome, "%s", outcome_name);
    }
    counter->count++;
}

const struct model_counter *model_counters(const struct model *model, size_t *ret_count)
{
    *ret_count = model->counter_count;
    return model->counters;
}

uint64_t model_counted(const struct model *model, enum model_operation operation,
                       const char *outcome_name)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < model->counter_count; i++) {
        const struct model_counter *counter = &model->counters[i];

        if ((operation == MODEL_ANY || counter->operation == operation) &&
            (!outcome_name || strcmp(counter->outcome, outcome_name) == 0))
            sum += counter->count;
    }
    return sum;
}

void model_reset_counters(struct model *model)
{
    model->counter_count = 0;
}
