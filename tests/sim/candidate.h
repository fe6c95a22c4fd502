/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candidate - the lease thread of one replica: the real kube/lease, its calls to the Lease of the
 * simulated API server, and what a watch of it shows.
 *
 * As in controller/leader: one call at a time; while another holds the Lease, a watch may bring
 * hints. A call that is under way when its replica dies may still have its effect.
 */
#pragma once

#include "kube/lease.h"
#include "tests/sim/world.h"

/* A call of the lease thread under way. */
struct lease_call {
    struct lease_call *next;
    struct candidate *candidate; /* NULL: it is dead, or has its answer */
    enum lease_move move;
    struct lease_record record; /* to be written */
    enum fault fault;
    int64_t effect_at; /* NEVER: none, or done */
    int64_t answer_at; /* NEVER: none, or given */
    bool late;         /* its caller does not wait for the effect */
    enum error_kind kind;
    struct lease_record answer;
};

/* Begins anew, in a place, under its identity. */
void candidate_start(struct place *place);
/* The process has died. */
void candidate_end(struct candidate *candidate);
/* When it has to be run on. */
int64_t candidate_due(const struct candidate *candidate);
/* One step, when that time has come: the replica of the place may lose its lease in it. */
void candidate_run(struct place *place);
/* All work has stopped: gives the lease up. */
void candidate_release(struct place *place);

/* The moment, in time of the world, until which its writes may be under way; 0: not leading. */
int64_t candidate_holds_until(const struct place *place);

/* The calls of all of them. */
int64_t lease_calls_due(const struct world *world);
void lease_calls_run(struct world *world);
void lease_calls_release(struct world *world);
