/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench_set.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ACCOUNT "111122223333"
#define OWNER "6b3f2c1e-8d57-4a3b-9c60-0f1e2d3c4b5a/podbind"
#define DESCRIBED_MS (10 * (int64_t)MIRROR_SETTLE_MS) /* all of it is settled */
#define MODIFIED_US ((int64_t)1763836800 * 1000000)
#define GROUP 50     /* bindings of one namespace in a mixed set */
#define SELECTING 10 /* of these by selector */

struct maker {
    struct bench_set *set;
    size_t binding_room, account_room;
};

void bench_names(size_t i, char ret_binding[BENCH_NAME_SIZE], char ret_account[BENCH_NAME_SIZE])
{
    snprintf(ret_binding, BENCH_NAME_SIZE, "b%06zu", i);
    snprintf(ret_account, BENCH_NAME_SIZE, "sa%06zu", i);
}

enum bench_kind bench_kind_named(const char *name)
{
    static const char *const names[BENCH_KIND_COUNT] = {"named",    "mixed", "deleted",
                                                        "handover", "fresh", "leaving"};
    int kind = 0;

    while (kind < BENCH_KIND_COUNT && strcmp(names[kind], name) != 0)
        kind++;
    return (enum bench_kind)kind;
}

/* As long as a real one, and nothing that sorts like the names do. */
static void write_uid(size_t i, char ret_uid[40])
{
    uint64_t mixed = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

    snprintf(ret_uid, 40, "%08x-%04x-4000-8000-%012" PRIx64, (unsigned)(mixed >> 32),
             (unsigned)(mixed >> 16 & 0xffff), (uint64_t)i);
}

static struct binding *add_binding(struct maker *maker, size_t i, const char *namespace)
{
    struct bench_set *set = maker->set;
    char name[BENCH_NAME_SIZE], account[BENCH_NAME_SIZE], uid[40];
    struct binding binding = {.namespace = namespace,
                              .name = name,
                              .uid = uid,
                              .resource_version = "1",
                              .generation = 1,
                              .created_us = MODIFIED_US,
                              .has_finalizer = true,
                              .finalizers = BINDING_FINALIZER "\n",
                              .service_account = account,
                              .role_name = "reader",
                              .session_tags = true,
                              .status = {.observed_generation = -1}};

    bench_names(i, name, account);
    write_uid(i, uid);
    MEM_GROW(set->bindings, set->binding_count, maker->binding_room);
    return set->bindings[set->binding_count++] = binding_copy(&binding);
}

static void add_account(struct maker *maker, const char *namespace, const char *name,
                        const char *labels)
{
    struct bench_set *set = maker->set;
    const struct service_account account = {
        .namespace = namespace, .name = name, .resource_version = "1", .labels = labels};

    MEM_GROW(set->accounts, set->account_count, maker->account_room);
    set->accounts[set->account_count++] = service_account_copy(&account);
}

/* What the binding asks for, as EKS holds it. Keys come in order. */
static void add_association(struct maker *maker, const struct binding *binding, const char *account)
{
    char id[32], tags[256];
    const struct association association = {
        .key = {binding->namespace, account},
        .id = id,
        .owner_arn = "",
        .described = true,
        .access = {"arn:aws:iam::" ACCOUNT ":role/reader", "", "", true},
        .tags = tags,
        .external_id = "",
        .modified_us = MODIFIED_US,
    };
    struct mirror_entry *entry = mirror_entry(&maker->set->mirror, &association.key);

    snprintf(id, sizeof id, "a-%017zu", maker->set->mirror.count);
    snprintf(tags, sizeof tags, TAG_BINDING "\t%s\n" TAG_OWNER "\t" OWNER "\n", binding->uid);
    entry->association = association_copy(&association);
    entry->described_at = DESCRIBED_MS;
}

static void make_one_namespace(struct maker *maker, size_t count, bool deleting)
{
    for (size_t i = 0; i < count; i++) {
        struct binding *binding = add_binding(maker, i, "load");

        binding->deleting = deleting;
        add_account(maker, "load", binding->service_account, "");
        add_association(maker, binding, binding->service_account);
    }
}

/* The first half goes, the second half wants the same accounts. */
static void make_handover(struct maker *maker, size_t count)
{
    size_t half = count / 2;

    make_one_namespace(maker, half, true);
    for (size_t i = 0; i < half; i++) {
        struct binding *binding = add_binding(maker, half + i, "load");
        struct binding heir = *binding;

        heir.service_account = maker->set->bindings[i]->service_account;
        maker->set->bindings[half + i] = binding_copy(&heir);
        mem_free(binding);
    }
}

/* The binding wants two accounts by their label instead of one by name. */
static void select_pair(struct maker *maker, struct binding **binding)
{
    char tier[BENCH_NAME_SIZE], label[2 * BENCH_NAME_SIZE], account[BENCH_NAME_SIZE + 2];
    const char *const values[] = {tier};
    const struct selector_requirement selector = {"tier", SELECTOR_IN, values, 1};
    struct binding *by_name = *binding, selecting = *by_name;

    snprintf(tier, sizeof tier, "%s", by_name->name);
    snprintf(label, sizeof label, "tier\t%s\n", tier);
    selecting.service_account = "";
    selecting.selector = &selector;
    selecting.selector_count = 1;
    for (size_t i = 0; i < 2; i++) {
        snprintf(account, sizeof account, "%.24s%c", by_name->service_account, "xy"[i]);
        add_account(maker, selecting.namespace, account, label);
        add_association(maker, &selecting, account);
    }
    *binding = binding_copy(&selecting);
    mem_free(by_name);
}

static void make_fresh(struct maker *maker, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct binding *binding = add_binding(maker, i, "load"), fresh = *binding;

        fresh.has_finalizer = false;
        fresh.finalizers = "";
        maker->set->bindings[i] = binding_copy(&fresh);
        mem_free(binding);
    }
}

static void make_leaving(struct maker *maker, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct binding *binding = add_binding(maker, i, "load");

        binding->deleting = i % 2 == 0;
        if (!binding->deleting)
            add_association(maker, binding, binding->service_account);
    }
}

static void make_mixed(struct maker *maker, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char namespace[BENCH_NAME_SIZE];
        struct binding *binding;

        snprintf(namespace, sizeof namespace, "team-%06zu", i / GROUP);
        binding = add_binding(maker, i, namespace);
        if (i % GROUP < SELECTING) {
            select_pair(maker, &maker->set->bindings[maker->set->binding_count - 1]);
        } else {
            add_account(maker, namespace, binding->service_account, "");
            add_association(maker, binding, binding->service_account);
        }
    }
}

void bench_set_make(enum bench_kind kind, size_t count, struct bench_set *ret_set)
{
    struct maker maker = {.set = ret_set};

    *ret_set = (struct bench_set){.cluster = {.verdict = CLUSTER_VERIFIED,
                                              .name = "eks-blue",
                                              .partition = "aws",
                                              .region = "us-west-2",
                                              .account = ACCOUNT,
                                              .owner = OWNER}};
    ret_set->mirror.listed_at = DESCRIBED_MS;
    switch (kind) {
    case BENCH_MIXED:
        make_mixed(&maker, count);
        break;
    case BENCH_HANDOVER:
        make_handover(&maker, count);
        break;
    case BENCH_FRESH:
        make_fresh(&maker, count);
        break;
    case BENCH_LEAVING:
        make_leaving(&maker, count);
        break;
    case BENCH_NAMED:
    case BENCH_DELETED:
    case BENCH_KIND_COUNT:
        make_one_namespace(&maker, count, kind == BENCH_DELETED);
    }
}

void bench_set_release(struct bench_set *set)
{
    for (size_t i = 0; i < set->binding_count; i++)
        mem_free(set->bindings[i]);
    for (size_t i = 0; i < set->account_count; i++)
        mem_free(set->accounts[i]);
    mem_free(set->bindings);
    mem_free(set->accounts);
    mirror_release(&set->mirror);
    *set = (struct bench_set){0};
}
