/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invariant - what must hold at every step, judged by the world's own truth, and each replica by
 * what it can know.
 *
 * The numbers are those of the project's list of invariants: I1 to I12 hold at every step, E1 to E4
 * when nobody disturbs any more (rest.c, world.c). I5 (grants) is not there yet; I11 (no secret in
 * any output) needs secrets, of which the simulator has none.
 *
 *   lease               I3   no write starts that could end after the lease of its replica, none
 *                            while another replica holds it too
 *   synced-first        I4   no EKS write before both resources were seen whole, as asked for
 *                            since the replica leads
 *   right-cluster       I4   no EKS write before the cluster was read and compared, none in a
 *                            wrong one
 *   mode                     none that --mode forbids; none for a suspended binding
 *   finalizer-first     I8   a Create or adoption only for a binding that has our finalizer
 *   foreign-untouched   I1   nothing is changed or deleted that is not ours, adoption aside
 *   wanted-not-deleted  I7   no Delete of a key that a binding wants, as far as the operator can
 *                            know
 *   describe-first      I1   no Delete unless a Describe's answer just before showed it as ours
 *                            and not retained
 *   evidence            I7   no Delete without a live GET that showed why; for a selected account
 *                            not before the grace time
 *   orphan-stays        I7   what a lost binding had made is never deleted: it stays for another
 *                            binding
 *   make-first          I7   what a renamed binding had stays until what it names now is made
 *   look-first          I2   after a Create of unknown outcome, or a 409, a List comes before the
 *                            next
 *   token               I2   one clientRequestToken a request, the same for its repeats
 *   let-go              I8   our finalizer goes only when nothing of the binding's is left, and
 *                            once
 *   cluster-deleting         no EKS write once it was told that the cluster is being deleted
 *   contested           I10  not more than a dozen writes an hour under a key that somebody fights
 *                            for
 *   ready-lie           I9   Ready=True only when EKS holds it
 *   own-writes               no patch of what was before our last one; no step of a later pass
 *                            while the store does not show it
 *   well-formed              calls that make sense
 *   budget              I6   no more Deletes in ten minutes than the budget and people allow
 *   storm               I10  not too many of one kind in a minute
 *   store-forward       I12  a store never goes back to an older version of an object
 *   livelock                 the operator's code comes to an end, and time goes on
 *
 *   desired-equal       E1   EKS holds what is wanted,
 *   nothing-left        E1   and nothing of ours that nobody wants
 *   store-equal         E2   each replica's stores show what the API server holds
 *   status-right        I9   each status says how it is
 *   quiet               E3   three further passes write nothing
 *
 * All of that comes true within 25 minutes (E4). I2, one association a key: the model itself
 * refuses a second one, as EKS does; look-first and token are what keeps a Create from being
 * doubled.
 */
#pragma once

#include "tests/sim/errand.h"

/* A call is about to be sent by a replica. */
void invariant_start(struct replica *replica, const struct call *call);
/* True when the replica's own view lets it take over the key of this association. */
bool invariant_may_adopt(const struct replica *replica, const char *id);
/* Is this binding being deleted, and a person said that what it has may stay? */
bool invariant_abandoned(const struct world *world, const struct object_in *in);
/* ... or the cluster goes with all it holds, as the replica was told? */
bool invariant_let_go_of(const struct replica *replica, const struct binding *binding);
/* A call is about to be carried out. */
void invariant_effect(struct world *world, const struct errand *errand);
/* An answer reaches a replica: what it shows may be the reason of what follows. What it is worth is
 * told by its fault, not by what the operator's own tables make of it. (invariant_seen.c)
 */
void invariant_seen(struct replica *replica, const struct call *call, enum fault fault);
/* Two writes to one object, or under one key, one after the other. (invariant_key.c) */
void invariant_key(struct replica *replica, const struct call *call);
void invariant_written(struct replica *replica, const struct call *call);
/* Something may have come into its stores. (invariant_store.c) */
void invariant_store(struct replica *replica);
/* The replica has been told that it does not lead now: it will look at everything anew. */
void invariant_lapse(struct replica *replica);
/* A Create is about to be sent: may it be, after what became of the last one? */
void invariant_try(struct replica *replica, const struct create_in *in);

/* A call is about to be sent: not too many of its kind? (invariant_rate.c) */
void invariant_rate(struct replica *replica, const struct call *call);
/* The answer to a call to EKS asks to wait so long, or says that there is no such cluster; and is
 * taken. (invariant_rate.c) */
void invariant_asked(struct replica *replica, const struct call *call, int64_t retry_after_ms);
void invariant_no_cluster(struct replica *replica, const struct call *call);
void invariant_told(struct replica *replica, const struct call *call);
/* A Delete is about to take effect. (invariant_rate.c) */
void invariant_budget(struct world *world);
/* The operator writes another number of deletions that people let through. */
void invariant_let_through(struct world *world, const char *before, const char *after);

/* At rest: EKS holds what is wanted, the stores what the API server holds, each status is right. */
void rest_check(struct world *world);
/* Is there something that the operator does later, by time alone, and that status then tells? */
bool rest_waits(const struct world *world);
