/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim_wire - between errands and servers, everything that lies between them in production: the real
 * codecs of controller/wire*, kube/ and aws/, and in memory the stand-in's handler and tests/sim/api
 * at their other end.
 *
 *     WORLD_PLAIN     none of this: a call is carried out as it stands
 *     WORLD_FAITHFUL  nothing is lost on the way, so a history leaves the same trace as the plain
 *                     one of its seed, line by line
 *     WORLD_ROUGH     answers and events are garbled too (tests/sim/garble)
 *
 * What is random here comes from dice of its own, never from the world's tape.
 */
#pragma once

#include "tests/sim/errand.h"
#include "tests/sim/kube_watch.h"

struct aws_client;
struct sim_wire;

/* When the world is drawn: the dice are thrown by what has been drawn. */
struct sim_wire *sim_wire_new(struct world *world);
void sim_wire_free(struct sim_wire *wire);

/* What the operator learns of AWS in one life: of its clock. NULL without a wire. */
struct aws_client *sim_wire_life_new(struct sim_wire *wire);
void sim_wire_life_free(struct aws_client *life);

/* ---- errands: what is kept of one is errand->wire ---- */

/* Writes the request as it is sent. `call` is the caller's own. */
void sim_wire_send(struct world *world, struct errand *errand, const struct call *call);
/* False when its signature is of a wrong time by now: then EKS is going to do nothing. */
bool sim_wire_has_effect(const struct world *world, const struct errand *errand);
/* Carries it out, and reads the answer into errand->work. */
void sim_wire_perform(struct world *world, struct errand *errand);
/* This one in place of the servers' own; what the answer holds becomes the errand's. */
void sim_wire_answer(struct world *world, struct errand *errand, struct http_answer *owned_answer);
/* The answer is about to reach its caller; it may be garbled now. */
void sim_wire_arrive(struct world *world, struct errand *errand);
void sim_wire_errand_free(struct errand *errand);

/* ---- watches ---- */

/* The query of a watch, written and read; returns the version to go on from. */
uint64_t sim_wire_open(struct world *world, const struct watch_request *request);
/* Sends an event through its JSON to the replica. Returns -1 when it ends the watch: err says why.
 */
int sim_wire_event(struct replica *replica, const struct kube_watch *watch,
                   const struct kube_event *event, bool first_state, struct error *err);
int sim_wire_version(struct replica *replica, const struct kube_watch *watch, uint64_t version,
                     bool initial_end, struct error *err);
/* What the operator makes of a watch that was answered with this status. */
void sim_wire_refuse(struct world *world, int status, struct error *ret_why);
