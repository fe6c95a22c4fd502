/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/standin/model_world.h"

#define NAME_MAX_LENGTH 253
#define TAGS_MAX 50
#define TAG_KEY_MAX 128
#define TAG_VALUE_MAX 256

int model_refuse(struct model_error *err, int status, const char *code, const char *cluster,
                 const char *format, ...)
{
    va_list args;

    *err = (struct model_error){.status = status};
    snprintf(err->code, sizeof err->code, "%s", code);
    snprintf(err->cluster_name, sizeof err->cluster_name, "%s", cluster ? cluster : "");
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    return -1;
}

#define INVALID(err, cluster, ...)                                                                 \
    model_refuse((err), 400, "InvalidParameterException", (cluster), __VA_ARGS__)

const char *model_caller(struct model *model, const struct model_request *request)
{
    if (request->caller_arn)
        return request->caller_arn;
    snprintf(model->caller_arn, sizeof model->caller_arn,
             "arn:%s:sts::%s:assumed-role/podbind-controller/podbind", model->settings.partition,
             model->settings.account);
    return model->caller_arn;
}

static bool cluster_name_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    return length >= 1 && length <= 100 && !name[length] && isalnum((unsigned char)name[0]);
}

struct model_place *model_check_cluster(struct model *model, const struct model_request *request,
                                        struct model_error *err)
{
    const char *name = request->cluster ? request->cluster : "";
    struct model_place *place = NULL;

    if (!cluster_name_valid(name)) {
        INVALID(err, name,
                "The parameter clusterName contains invalid characters. It should conform to the "
                "regular expression ^[0-9A-Za-z][A-Za-z0-9\\-_]*");
        return NULL;
    }
    place = model_place(model, name, request->region);
    if (!place)
        model_refuse(err, 404, "ResourceNotFoundException", name, "No cluster found for name: %s.",
                     name);
    else
        model_sweep(place, request->now_ms);
    return place;
}

int model_check_id(const struct model_request *request, struct model_error *err)
{
    const char *id = request->id ? request->id : "";

    if (strlen(id) != MODEL_ID_SIZE - 1)
        return INVALID(err, request->cluster,
                       "The parameter associationId should be 19 characters long.");
    if (strncmp(id, "a-", 2) != 0 ||
        strspn(id + 2, "abcdefghijklmnopqrstuvwxyz0123456789") != MODEL_ID_SIZE - 3)
        return INVALID(err, request->cluster,
                       "The parameter associationId contains invalid characters. It should conform "
                       "to the regular expression ^a-[a-z0-9]*$");
    return 0;
}

struct model_record *model_check_association(struct model *model,
                                             const struct model_request *request,
                                             struct model_place **ret_place,
                                             struct model_error *err)
{
    struct model_place *place = model_check_cluster(model, request, err);
    struct model_record *record = NULL;

    if (!place || model_check_id(request, err) < 0)
        return NULL;
    record = model_find_id(place, request->id);
    if (!record || !model_truth(record)) {
        model_refuse(err, 404, "ResourceNotFoundException", place->facts->name,
                     "No association found for associationId: %s.", request->id);
        return NULL;
    }
    *ret_place = place;
    return record;
}

int model_check_name(const char *parameter, const char *value, const char *cluster,
                     struct model_error *err)
{
    if (!value || !*value)
        return INVALID(err, cluster, "The parameter %s should not be empty.", parameter);
    if (strlen(value) > NAME_MAX_LENGTH)
        return INVALID(err, cluster, "The parameter %s should be at most %d characters long.",
                       parameter, NAME_MAX_LENGTH);
    return 0;
}

/* Opaque, and with characters that must be encoded in a query. */
void model_next_token(uint64_t after, char ret_token[MODEL_TOKEN_SIZE])
{
    snprintf(ret_token, MODEL_TOKEN_SIZE, "bmV4dA+/%016" PRIx64 " ==", after);
}

static bool token_parse(const char *token, uint64_t *ret_after)
{
    char again[MODEL_TOKEN_SIZE];
    uint64_t after = 0;

    if (strlen(token) <= 8)
        return false;
    after = strtoull(token + 8, NULL, 16);
    model_next_token(after, again);
    *ret_after = after;
    return strcmp(again, token) == 0;
}

int model_check_page(const struct model *model, const struct model_request *request,
                     uint64_t *ret_after, size_t *ret_most, struct model_error *err)
{
    size_t most = request->max_results ? (size_t)request->max_results : MODEL_PAGE_MAX;
    uint64_t after = 0;

    if (request->max_results < 0 || request->max_results > MODEL_PAGE_MAX)
        return INVALID(err, request->cluster,
                       "The parameter maxResults should be between 1 and %d.", MODEL_PAGE_MAX);
    if (request->next_token && !token_parse(request->next_token, &after))
        return INVALID(err, request->cluster, "The parameter nextToken is not valid.");
    *ret_after = after;
    *ret_most = most < model->settings.page ? most : model->settings.page;
    return 0;
}

/* Characters of UTF-8, not bytes. */
static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static bool tag_characters_valid(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x80 && !isalnum((unsigned char)*text) &&
            !strchr(" +-=._:/@", *text))
            return false;
    return true;
}

static const char *tag_fault(const struct model_tag *tag)
{
    if (!*tag->key || characters(tag->key) > TAG_KEY_MAX)
        return "A tag key must be between 1 and 128 characters long.";
    if (characters(tag->value) > TAG_VALUE_MAX)
        return "A tag value must be at most 256 characters long.";
    if (strncasecmp(tag->key, "aws:", 4) == 0 || strncasecmp(tag->value, "aws:", 4) == 0)
        return "Tags with the prefix aws: are reserved for AWS use.";
    if (!tag_characters_valid(tag->key) || !tag_characters_valid(tag->value))
        return "Tag keys and values may hold letters, digits, spaces and + - = . _ : / @";
    return NULL;
}

int model_check_tags(const struct model_tag *tags, size_t count, const char *code,
                     const char *cluster, struct model_error *err)
{
    if (count < 1)
        return model_refuse(err, 400, code, cluster, "At least one tag is required.");
    if (count > TAGS_MAX)
        return model_refuse(err, 400, code, cluster, "A resource may have at most %d tags.",
                            TAGS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *fault = tag_fault(&tags[i]);

        if (fault)
            return model_refuse(err, 400, code, cluster, "%s", fault);
    }
    return 0;
}

int model_check_policy(const struct model_request *request, const char *policy, bool tags_disabled,
                       struct model_error *err)
{
    if (!policy || !*policy)
        return 0;
    if (!tags_disabled)
        return INVALID(err, request->cluster,
                       "The parameter policy requires disableSessionTags to be true "
                       "(PackedPolicyTooLarge).");
    if (characters(policy) > MODEL_POLICY_MAX)
        return INVALID(err, request->cluster,
                       "The parameter policy should be at most %d characters long.",
                       MODEL_POLICY_MAX);
    if (request->policy && request->policy_malformed)
        return INVALID(err, request->cluster,
                       "The parameter policy is not a valid JSON policy document.");
    return 0;
}
