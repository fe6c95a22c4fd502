/* SPDX-License-Identifier: Apache-2.0 */
/* What bindings live in: their definition and their namespaces, and what goes with these. */
#include <string.h>

#include "tests/sim/kube_world.h"

/* ---- namespaces ---- */

static bool is_terminating(const struct kube_world *kube, const char *namespace)
{
    for (size_t i = 0; i < kube->terminating_count; i++)
        if (strcmp(kube->terminating[i], namespace) == 0)
            return true;
    return false;
}

bool kube_may_create(const struct kube_world *kube, const char *namespace)
{
    return !is_terminating(kube, namespace);
}

bool kube_may_create_binding(const struct kube_world *kube, const char *namespace)
{
    return kube->definition == DEFINITION_INSTALLED && kube_may_create(kube, namespace);
}

static bool has_bindings(const struct kube_world *kube, const char *namespace)
{
    for (size_t i = 0; i < kube->binding_count; i++)
        if (strcmp(kube->bindings[i]->namespace, namespace) == 0)
            return true;
    return false;
}

static void end_empty_namespaces(struct kube_world *kube)
{
    for (size_t i = kube->terminating_count; i-- > 0;)
        if (!has_bindings(kube, kube->terminating[i]))
            kube->terminating[i] = kube->terminating[--kube->terminating_count];
}

void kube_delete_namespace(struct kube_world *kube, const char *namespace)
{
    if (is_terminating(kube, namespace) || kube->terminating_count == KUBE_NAMESPACES_MAX)
        return;
    kube->terminating[kube->terminating_count++] = namespace;
    for (size_t i = kube->binding_count; i-- > 0;)
        if (strcmp(kube->bindings[i]->namespace, namespace) == 0)
            kube_delete_binding(kube, kube->bindings[i]);
    for (size_t i = kube->account_count; i-- > 0;)
        if (strcmp(kube->accounts[i]->namespace, namespace) == 0)
            kube_delete_account(kube, kube->accounts[i]);
    end_empty_namespaces(kube);
}

/* ---- the definition ---- */

static void end_empty_definition(struct kube_world *kube)
{
    if (kube->definition != DEFINITION_TERMINATING || kube->binding_count > 0)
        return;
    kube->definition = DEFINITION_GONE;
    kube->gone_at = kube->now;
}

void kube_delete_definition(struct kube_world *kube, bool bare)
{
    kube->definition = DEFINITION_TERMINATING;
    kube->bare = bare;
    kube->ending_at = kube->now;
    for (size_t i = kube->binding_count; i-- > 0;)
        kube_delete_binding(kube, kube->bindings[i]);
    end_empty_definition(kube);
}

void kube_install_definition(struct kube_world *kube)
{
    kube->definition = DEFINITION_INSTALLED;
    kube->version++;
    kube->reborn = kube->version;
}

void kube_binding_gone(struct kube_world *kube)
{
    end_empty_definition(kube);
    end_empty_namespaces(kube);
}

int kube_refuse_missing(const struct kube_world *kube, bool write, struct error *err)
{
    bool gone = kube->definition == DEFINITION_GONE;

    return kube_refuse(err, 404, gone && kube->bare ? "" : "NotFound", !gone, write);
}
