/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people - those who write to the API server and, behind everybody's back, to EKS.
 */
#pragma once

#include "tests/sim/world.h"

/* What a world begins with. */
void people_settle_in(struct world *world);
/* One of them does something. */
void people_act(struct world *world);
/* All that stands in the operator's way for good is mended. */
void people_mend(struct world *world);

/* Somebody changes EKS by hand. (drift.c) */
void drift_act(struct world *world);
/* An association is as given from now on, or comes. */
void drift_put(struct world *world, const struct model_association *wanted);
/* An association that is not ours comes under a free key. Returns false when the key is taken. */
bool drift_foreign(struct world *world, const char *namespace, const char *account, uint32_t kind);

/* ---- names, drawn ---- */

const char *people_namespace(struct world *world);
const char *people_account(struct world *world);
const char *people_role(struct world *world);
void people_did(struct world *world, enum deed deed, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
