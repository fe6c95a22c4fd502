/* SPDX-License-Identifier: Apache-2.0 */
/* deeds - what people draw and do, shared between people.c and deeds.c. */
#pragma once

#include "tests/sim/people.h"

/* Each replaces a part of a spec by another one, drawn. */
void people_draw_role(struct world *world, struct binding *binding);
void people_draw_extras(struct world *world, struct binding *binding);
void people_draw_adoption(struct world *world, struct binding *binding);
void people_draw_accounts(struct world *world, struct binding *binding);

/* NULL when there is none. */
const struct binding *people_some_binding(struct world *world);
const char *people_binding_name(struct world *world);
/* Nothing when the name is taken, or nothing can be created there. */
void people_create_binding(struct world *world, const char *namespace, const char *name);
/* Makes it, or gives it other labels. */
void people_put_account(struct world *world, const char *namespace, const char *name);
