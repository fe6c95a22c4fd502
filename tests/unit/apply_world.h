/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply_world - a small EKS and a small API server for the tests of controller/apply: a scene whose
 * plan is carried out, and what stands in both afterwards.
 *
 * EKS holds the associations that were made under apply_world_stand() and by Create; the API server
 * holds the scene's bindings, of which the writes change finalizers and status. The stores of a
 * real process would follow by watches; here the scene stays as it was, unless a test changes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/apply.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

#define APPLY_ROOM 64

/* What the API server holds of a binding, and was told. */
struct apply_binding {
    char name[64];
    char finalizers[256]; /* "-" when none was written */
    char reason[64];      /* of Ready; "" when no status was written */
    char ready[8];        /* True, False */
    char associated[600]; /* what Associated says */
};

struct apply_event {
    char binding[64], reason[64], note[1100];
    bool warning;
};

struct apply_world {
    struct script script;
    struct intake intake;
    struct observe_settings settings;
    struct observe observe;
    struct budget budget;
    struct reports reports;
    struct refusals refusals;
    struct roles roles; /* IAM is out of reach here, and is not asked */
    struct scene scene;
    struct outcome_context outcome;
    struct fresh_list fresh;
    size_t window;
    bool blind;       /* there is no plan */
    const char *hold; /* this binding's own write is not seen yet; NULL: none */
    struct apply_result result;

    struct association *eks[APPLY_ROOM]; /* owned */
    size_t eks_count;
    struct apply_binding bindings[APPLY_ROOM];
    size_t binding_count;
    struct apply_event events[APPLY_ROOM];
    size_t event_count;
    size_t calls[CALL_VERB_COUNT]; /* that were answered */
    size_t most_reads;             /* of bindings at once; counted by whoever measures it */
    char order[2048]; /* service accounts created for or read, bindings whose status was written */

    struct error fails[CALL_VERB_COUNT];        /* kind ERROR_NONE: these calls go well */
    const char *fails_for;                      /* only for this binding; NULL: for all */
    bool unchanged;                             /* patches change nothing: the version stays */
    int64_t takes_ms;                           /* every call */
    void (*prepare)(struct apply_world *world); /* between plan and calls */
    void (*meanwhile)(struct apply_world *world, struct call *call); /* before each answer */
};

void apply_world_init(struct apply_world *world);
void apply_world_release(struct apply_world *world);

/* The same as set-up and tear-down of a test; `state` is the world. */
int apply_world_make(void **state);
/* `reader` is being deleted; it has finalizers before and after ours. */
int apply_world_make_leaving(void **state);
int apply_world_end(void **state);

/* The binding `name` for the service account of the same name. */
struct binding *apply_world_add(struct apply_world *world, const char *name);
/* Ours, made for the binding `name`, under the service account of the same name; known and in EKS.
 */
struct mirror_entry *apply_world_stand(struct apply_world *world, const char *name);

/* Makes a plan and carries it out; what apply_plan() returns. */
int apply_world_pass(struct apply_world *world, struct error *err);
/* ... where that is 0. */
void apply_world_run(struct apply_world *world);

bool apply_world_stands(const struct apply_world *world, const char *service_account);
const struct apply_binding *apply_world_binding(const struct apply_world *world, const char *name);
/* The only Event of the binding; NULL when there is none. */
const struct apply_event *apply_world_event(const struct apply_world *world, const char *name);

/* Of a world made leaving: our finalizer is gone, and the others stay. */
bool apply_world_is_let_go(const struct apply_world *world);
/* After another pass it is, or no finalizer was touched. */
void apply_world_let_go(struct apply_world *world, bool expected);
