/* SPDX-License-Identifier: Apache-2.0 */
/* observe_world - a small EKS for the tests of controller/observe, and a scene that wants some of
 * it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/observe.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

#define OBSERVE_ROOM 300
#define OBSERVE_ISSUER "https://oidc.eks.us-west-2.amazonaws.com/id/OURS"
#define EXISTENCE_MS 300000
#define DESCRIBE_MS 3600000
#define ROTATION_MS 4000

struct observe_world {
    struct script script;
    struct intake intake;
    struct observe_settings settings;
    struct observe observe;
    struct scene scene;

    struct association *eks[OBSERVE_ROOM]; /* owned */
    size_t eks_count, page;
    bool endless;                      /* each page of a List has another after it */
    const char *arn, *issuer, *status; /* of the cluster */
    bool missing;                      /* EKS knows no cluster of our name */
    struct error fails[CALL_VERB_COUNT];
    size_t fails_from;   /* the first of these calls that fails, from 1 */
    enum call_verb dies; /* the world ends with the answer to this one; 0: never */
    size_t lists, looks; /* first pages of all, of a key */
    size_t describes;    /* of associations */
    size_t made[CALL_VERB_COUNT];
};

void observe_world_init(struct observe_world *world);
void observe_world_release(struct observe_world *world);
/* The same as set-up and tear-down of a test; `state` is the world. */
int observe_world_make(void **state);
int observe_world_end(void **state);

/* EKS holds an association of ours under (app, account). */
struct association **observe_world_stand(struct observe_world *world, const char *account);
/* The entry of (app, account); NULL without one. */
struct mirror_entry *observe_world_entry(const struct observe_world *world, const char *account);

/* A look at the associations for the scene's bindings: what observe_associations() returns. */
int observe_world_look(struct observe_world *world, struct error *err);
/* ... after the cluster was verified, where both are 0. */
void observe_world_see(struct observe_world *world);
