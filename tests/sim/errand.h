/* SPDX-License-Identifier: Apache-2.0 */
/*
 * errand - a call under way: sent, at some time carried out, at some time answered. What becomes of
 * it is drawn when it is sent.
 *
 * It keeps its own copy of the request, as its caller may die before it is carried out.
 */
#pragma once

#include "tests/sim/world.h"

struct wire_errand;

struct errand {
    struct errand *next;
    struct replica *replica; /* the caller */
    struct call *call;       /* the caller's; NULL once it is dead, as `replica` then is */
    uint64_t life;           /* of the caller; still known when it is dead */
    int64_t led_from;        /* when that began to lead */
    struct call work;        /* our copy of what goes in; what comes out */
    char *owned_texts[9];
    size_t text_count;
    struct kube_status_write status; /* PATCH_STATUS */
    enum fault fault;
    int64_t effect_at;        /* NEVER: no effect, or done */
    int64_t answer_at;        /* NEVER: no answer, or given */
    bool counted;             /* its fault has been met */
    bool late;                /* its caller does not wait for the effect */
    bool crash;               /* its caller dies right after the effect */
    struct wire_errand *wire; /* NULL without a wire */
    bool adoption; /* when it was sent, the caller's own view allowed to take over the key */
};

/* Takes a call on. `crash`: its caller will die right after the effect. `stopped`: for how long the
 * caller stood still after it had decided to send it. */
void errand_start(struct replica *replica, struct call *call, bool crash, int64_t stopped);
/* When the next effect or answer is due. */
int64_t errands_due(const struct world *world);
/* Does all that is due now. Answers go to the callers. */
void errands_run(struct world *world);
/* The replica is dead: answers are void; what is under way may still have its effect. */
void errands_orphan(struct replica *replica);
void errands_release(struct world *world);

/* True for calls that go to AWS: to EKS, or to IAM. */
bool errand_asks_aws(enum call_verb verb);
/* What the servers do: fill the outputs of errand->work, or its error. */
void eks_perform(struct world *world, struct errand *errand);
void kube_perform(struct world *world, struct errand *errand);
/* ... and what the trace and the tally say of it. */
void eks_note(struct world *world, const struct call *call, const char *id);
void kube_note(struct world *world, const struct errand *errand);

/* One page, of `limit` objects at most. */
void kube_list(struct world *world, const struct list_objects_in *in, uint32_t limit,
               struct call *call);
/* The Lease's annotations. */
#define LEASE_NAME "podbind"
int kube_write_lease(struct world *world, const struct lease_in *in, struct error *err);
int kube_write_event(struct world *world, const struct event_in *in, struct error *err);
int kube_read_definition(const struct world *world, bool *ret_going, struct error *err);
/* What the API server says of itself: "" when it does not. */
#define KUBE_SYSTEM_UID "kube-system-uid-1"
const char *kube_issuer(const struct world *world);
const char *kube_ca_bundle(const struct world *world);
