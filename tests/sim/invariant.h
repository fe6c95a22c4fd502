/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invariant - what must hold at every step, judged by the world's own truth.
 *
 *   lease               no write starts that could end after the lease
 *   synced-first        no EKS write before both resources were seen whole
 *   right-cluster       no EKS write before the cluster was read and compared, none in a wrong one
 *   mode                none that --mode forbids; none for a suspended binding
 *   finalizer-first     a Create or adoption only for a binding that has our finalizer
 *   foreign-untouched   nothing is changed or deleted that is not ours, adoption aside
 *   wanted-not-deleted  no Delete of a key that a binding wants, as far as the operator can know
 *   evidence            no Delete without a live GET that showed why; for a selected account not
 *                       before the grace time
 *   let-go              our finalizer goes only when nothing of the binding's is left
 *   ready-lie           Ready=True only when EKS holds it
 *   well-formed         calls that make sense
 *   storm               not too many of one kind in a minute
 */
#pragma once

#include "tests/sim/errand.h"

/* A call is about to be sent by the replica. */
void invariant_start(struct world *world, const struct call *call);
/* True when the replica's own view lets it take over the key of this association. */
bool invariant_may_adopt(const struct world *world, const char *id);
/* A call is about to be carried out. */
void invariant_effect(struct world *world, const struct errand *errand);
/* A live GET was answered: what it shows may be the evidence for a Delete. */
void invariant_seen(struct world *world, const struct call *call);

/* At rest: EKS holds what is wanted, the stores what the API server holds, each status is right. */
void rest_check(struct world *world);
