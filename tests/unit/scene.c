/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

void scene_init(struct scene *scene)
{
    *scene = (struct scene){
        .cluster = {.verdict = CLUSTER_VERIFIED,
                    .name = "blue",
                    .partition = "aws",
                    .region = "us-west-2",
                    .account = "111122223333",
                    .owner = SCENE_OWNER},
        .context = {.owner = SCENE_OWNER, .now = 1000000, .absence_grace_ms = 300000},
    };
}

void scene_release(struct scene *scene)
{
    plan_release(&scene->plan);
    desired_release(&scene->desired);
    mirror_release(&scene->mirror);
    for (size_t i = 0; i < scene->binding_count; i++)
        mem_free(scene->bindings[i]);
    for (size_t i = 0; i < scene->account_count; i++)
        mem_free(scene->accounts[i]);
    *scene = (struct scene){0};
}

struct binding scene_binding(const char *name)
{
    static char uid[300];

    snprintf(uid, sizeof uid, "uid-%s", name);
    return (struct binding){.namespace = "app",
                            .name = name,
                            .uid = uid,
                            .resource_version = "1",
                            .generation = 1,
                            .has_finalizer = true,
                            .finalizers = BINDING_FINALIZER "\n",
                            .service_account = "app-sa",
                            .role_name = "reader",
                            .session_tags = true,
                            .status = {.observed_generation = -1}};
}

struct binding *scene_add_binding(struct scene *scene, const struct binding *binding)
{
    assert_true(scene->binding_count < SCENE_ROOM);
    return scene->bindings[scene->binding_count++] = binding_copy(binding);
}

struct service_account *scene_add_account(struct scene *scene, const char *namespace,
                                          const char *name, const char *labels)
{
    const struct service_account account = {
        .namespace = namespace, .name = name, .resource_version = "1", .labels = labels};

    assert_true(scene->account_count < SCENE_ROOM);
    return scene->accounts[scene->account_count++] = service_account_copy(&account);
}

struct association scene_association(const char *service_account, const char *uid)
{
    static char id[300], tags[700];

    snprintf(id, sizeof id, "a-%s", service_account);
    snprintf(tags, sizeof tags, TAG_BINDING "\t%s\n" TAG_OWNER "\t" SCENE_OWNER "\n", uid);
    return (struct association){.key = {"app", service_account},
                                .id = id,
                                .owner_arn = "",
                                .described = true,
                                .access = {SCENE_ROLE, "", "", true},
                                .tags = tags,
                                .external_id = ""};
}

struct mirror_entry *scene_add_association(struct scene *scene,
                                           const struct association *association)
{
    struct mirror_entry *entry = mirror_entry(&scene->mirror, &association->key);

    assert_null(entry->association);
    entry->association = association_copy(association);
    if (association->described) /* long after we began to lead */
        entry->described_at = 2 * MIRROR_SETTLE_MS;
    return entry;
}

static int by_name(const void *left, const void *right)
{
    const struct binding *a = *(struct binding *const *)left;
    const struct binding *b = *(struct binding *const *)right;
    int order = strcmp(a->namespace, b->namespace);

    return order != 0 ? order : strcmp(a->name, b->name);
}

static int by_account(const void *left, const void *right)
{
    const struct service_account *a = *(struct service_account *const *)left;
    const struct service_account *b = *(struct service_account *const *)right;
    int order = strcmp(a->namespace, b->namespace);

    return order != 0 ? order : strcmp(a->name, b->name);
}

void scene_desire(struct scene *scene)
{
    const struct desired_input input = {
        .bindings = (const struct binding *const *)scene->bindings,
        .binding_count = scene->binding_count,
        .accounts = (const struct service_account *const *)scene->accounts,
        .account_count = scene->account_count,
        .cluster = &scene->cluster,
        .own_namespace = "podbind-system",
    };

    plan_release(&scene->plan);
    desired_release(&scene->desired);
    qsort(scene->bindings, scene->binding_count, sizeof *scene->bindings, by_name);
    qsort(scene->accounts, scene->account_count, sizeof *scene->accounts, by_account);
    desired_build(&input, &scene->desired);
}

void scene_plan(struct scene *scene)
{
    scene_desire(scene);
    plan_make(&scene->desired, &scene->mirror, &scene->context, &scene->plan);
}

struct claim *scene_claim(const struct scene *scene, const char *binding)
{
    for (size_t i = 0; i < scene->desired.claim_count; i++)
        if (strcmp(scene->desired.claims[i].binding->name, binding) == 0)
            return &scene->desired.claims[i];
    fail_msg("no binding %s", binding);
    return NULL;
}
