/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tagged - what the tags of an association, or of a Create, say of the binding that it was made
 * for.
 */
#pragma once

#include "tests/sim/world.h"

/* The UID in these tags (pairs), or "". */
void tagged_uid(const char *tags, char ret_uid[64]);
/* That binding, as the API server has it; NULL: none. */
const struct binding *tagged_binding(const struct world *world, const char *tags);
/* True when the binding of this UID went without its finalizers, behind everybody's back. */
bool tagged_was_lost(const struct world *world, const char *uid);
/* Who took the owner tag away did so behind the operator's back: it is told when it looks. Just
 * before a Delete it looks. */
bool tagged_lost_lately(const struct world *world, const char *id);
