/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/standin/model_world.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const size_t association_texts[] = {
    offsetof(struct model_association, cluster),
    offsetof(struct model_association, namespace),
    offsetof(struct model_association, service_account),
    offsetof(struct model_association, id),
    offsetof(struct model_association, arn),
    offsetof(struct model_association, role_arn),
    offsetof(struct model_association, target_role_arn),
    offsetof(struct model_association, policy),
    offsetof(struct model_association, owner_arn),
    offsetof(struct model_association, external_id),
};
static const size_t cluster_texts[] = {
    offsetof(struct model_cluster, name),    offsetof(struct model_cluster, account),
    offsetof(struct model_cluster, region),  offsetof(struct model_cluster, issuer),
    offsetof(struct model_cluster, ca_data), offsetof(struct model_cluster, endpoint),
    offsetof(struct model_cluster, status),  offsetof(struct model_cluster, version),
    offsetof(struct model_cluster, arn),
};
static const size_t role_texts[] = {
    offsetof(struct model_role, name),    offsetof(struct model_role, path),
    offsetof(struct model_role, account), offsetof(struct model_role, trust),
    offsetof(struct model_role, arn),     offsetof(struct model_role, role_id),
};

static const char *text_at(const void *thing, size_t offset)
{
    const char *text = NULL;

    memcpy(&text, (const char *)thing + offset, sizeof text);
    return text ? text : "";
}

static const char *append(char **end, const char *text)
{
    size_t size = strlen(text) + 1;
    char *start = memcpy(*end, text, size);

    *end += size;
    return start;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct model_tag *)a)->key, ((const struct model_tag *)b)->key);
}

static size_t block_size(const void *source, size_t size, const size_t *texts, size_t text_count,
                         const struct model_tag *tags, size_t tag_count)
{
    size += tag_count * sizeof *tags;
    for (size_t i = 0; i < text_count; i++)
        size += strlen(text_at(source, texts[i])) + 1;
    for (size_t i = 0; i < tag_count; i++)
        size += strlen(tags[i].key) + strlen(tags[i].value) + 2;
    return size;
}

void *model_block(const void *source, size_t size, const size_t *texts, size_t text_count,
                  const struct model_tag *tags, size_t tag_count, const struct model_tag **ret_tags)
{
    char *block = mem_alloc(block_size(source, size, texts, text_count, tags, tag_count));
    struct model_tag *copies = (struct model_tag *)(void *)(block + size);
    char *end = (char *)(copies + tag_count);

    memcpy(block, source, size);
    for (size_t i = 0; i < text_count; i++) {
        const char *text = append(&end, text_at(source, texts[i]));

        memcpy(block + texts[i], &text, sizeof text);
    }
    for (size_t i = 0; i < tag_count; i++) {
        copies[i].key = append(&end, tags[i].key);
        copies[i].value = append(&end, tags[i].value);
    }
    if (tag_count)
        qsort(copies, tag_count, sizeof *copies, by_key);
    *ret_tags = copies;
    return block;
}

struct model_association *model_association_copy(const struct model_association *association)
{
    const struct model_tag *tags = NULL;
    struct model_association *copy =
        model_block(association, sizeof *association, association_texts, COUNT(association_texts),
                    association->tags, association->tag_count, &tags);

    copy->tags = tags;
    return copy;
}

struct model_cluster *model_cluster_block(const struct model_cluster *cluster)
{
    const struct model_tag *tags = NULL;
    struct model_cluster *copy =
        model_block(cluster, sizeof *cluster, cluster_texts, COUNT(cluster_texts), cluster->tags,
                    cluster->tag_count, &tags);

    copy->tags = tags;
    return copy;
}

struct model_role *model_role_block(const struct model_role *role)
{
    const struct model_tag *none = NULL;

    return model_block(role, sizeof *role, role_texts, COUNT(role_texts), NULL, 0, &none);
}

uint64_t model_hash(uint64_t hash, const char *text)
{
    if (!hash)
        hash = 14695981039346656037u;
    if (!text)
        return (hash ^ 0x100u) * 1099511628211u;
    do
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

uint64_t model_mix(uint64_t number)
{
    number += 0x9e3779b97f4a7c15u;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9u;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebu;
    return number ^ (number >> 31);
}

const void **model_page(struct model *model, size_t count)
{
    if (count > model->page_capacity) {
        model->page = mem_resize(model->page, count * sizeof *model->page);
        model->page_capacity = count;
    }
    return model->page;
}
