/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invariant - what must hold at every step, judged by the world's own truth, and each replica by
 * what it can know.
 *
 *   lease               no write starts that could end after the lease of its replica, none while
 *                       another replica holds it too
 *   synced-first        no EKS write before both resources were seen whole
 *   right-cluster       no EKS write before the cluster was read and compared, none in a wrong one
 *   mode                none that --mode forbids; none for a suspended binding
 *   finalizer-first     a Create or adoption only for a binding that has our finalizer
 *   foreign-untouched   nothing is changed or deleted that is not ours, adoption aside
 *   wanted-not-deleted  no Delete of a key that a binding wants, as far as the operator can know
 *   describe-first      no Delete unless a Describe's answer just before showed it as ours and not
 *                       retained
 *   evidence            no Delete without a live GET that showed why; for a selected account not
 *                       before the grace time
 *   orphan-stays        what a lost binding had made is never deleted: it stays for another binding
 *   make-first          what a renamed binding had stays until what it names now is made
 *   look-first          after a Create of unknown outcome, or a 409, a List comes before the next
 *   token               one clientRequestToken a request, the same for its repeats
 *   let-go              our finalizer goes only when nothing of the binding's is left, and once
 *   ready-lie           Ready=True only when EKS holds it
 *   own-writes          no patch of what was before our last one; no step of a later pass while
 *                       the store does not show it
 *   well-formed         calls that make sense
 *   budget              no more Deletes in ten minutes than the budget and people allow (I6)
 *   storm               not too many of one kind in a minute
 */
#pragma once

#include "tests/sim/errand.h"

/* A call is about to be sent by a replica. */
void invariant_start(struct replica *replica, const struct call *call);
/* True when the replica's own view lets it take over the key of this association. */
bool invariant_may_adopt(const struct replica *replica, const char *id);
/* A call is about to be carried out. */
void invariant_effect(struct world *world, const struct errand *errand);
/* An answer reaches a replica: what it shows may be the reason of what follows. What it is worth is
 * told by its fault, not by what the operator's own tables make of it. (invariant_seen.c)
 */
void invariant_seen(struct replica *replica, const struct call *call, enum fault fault);
/* Two writes to one object, or under one key, one after the other. (invariant_key.c) */
void invariant_key(struct replica *replica, const struct call *call);
void invariant_written(struct replica *replica, const struct call *call);
/* The replica has been told that it does not lead now: it will look at everything anew. */
void invariant_lapse(struct replica *replica);
/* A Create is about to be sent: may it be, after what became of the last one? */
void invariant_try(struct replica *replica, const struct create_in *in);

/* A call is about to be sent: not too many of its kind? (invariant_rate.c) */
void invariant_rate(struct replica *replica, const struct call *call);
/* A Delete is about to take effect. (invariant_rate.c) */
void invariant_budget(struct world *world);
/* The operator writes another number of deletions that people let through. */
void invariant_let_through(struct world *world, const char *before, const char *after);

/* At rest: EKS holds what is wanted, the stores what the API server holds, each status is right. */
void rest_check(struct world *world);
