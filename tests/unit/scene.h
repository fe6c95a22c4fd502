/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene - a small world for the tests of reconcile/ and controller/: bindings, service accounts and
 * what EKS holds, from literals with dull defaults.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "reconcile/plan.h"

#define SCENE_OWNER "kube-uid/podbind"
#define SCENE_ROLE "arn:aws:iam::111122223333:role/reader"
#define SCENE_OTHER_ROLE "arn:aws:iam::111122223333:role/team/a/writer"
#define SCENE_TARGET "arn:aws:iam::444455556666:role/target"
#define SCENE_ROOM 256

struct scene {
    struct cluster cluster; /* verified: blue, in account 111122223333 */
    struct binding *bindings[SCENE_ROOM];
    size_t binding_count;
    struct service_account *accounts[SCENE_ROOM];
    size_t account_count;
    struct mirror mirror;
    struct plan_context context;
    struct desired desired;
    struct plan plan;
};

void scene_init(struct scene *scene);
void scene_release(struct scene *scene);

/* In namespace app, UID "uid-<name>", generation 1, for service account app-sa and the role reader;
 * with the finalizer. Valid until the next call of this function. */
struct binding scene_binding(const char *name);
/* Takes a copy. Order does not matter. */
struct binding *scene_add_binding(struct scene *scene, const struct binding *binding);
/* `labels` are pairs. */
struct service_account *scene_add_account(struct scene *scene, const char *namespace,
                                          const char *name, const char *labels);
/* Ours, made for the binding of this UID, with the role reader; id "a-<service account>". Valid
 * until the next call of this function. */
struct association scene_association(const char *service_account, const char *uid);
/* A copy stands in the mirror. */
struct mirror_entry *scene_add_association(struct scene *scene,
                                           const struct association *association);

/* Makes `desired` anew from what was added; then `plan` too. */
void scene_desire(struct scene *scene);
void scene_plan(struct scene *scene);
/* The claim of a binding, after one of the above. */
struct claim *scene_claim(const struct scene *scene, const char *binding);
