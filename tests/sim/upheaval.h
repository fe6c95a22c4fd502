/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upheaval - what people do to many bindings at once, and what brings these back afterwards: a
 * restored backup, a prune and its undoing, the definition deleted and installed again.
 *
 * Who brings bindings back tries again and again until the name is free, as GitOps does; they have
 * the old names and specs, and new UIDs.
 */
#pragma once

#include "tests/sim/world.h"

/* Somebody does one of these. */
void upheaval_act(struct world *world);
/* This binding's name and spec come back: at that time, or when the name is free. */
void upheaval_bring_back(struct world *world, const struct binding *like, int64_t at);
/* When something is due, and doing all that is due. */
int64_t upheaval_due(const struct world *world);
void upheaval_run(struct world *world);
void upheaval_release(struct world *world);
