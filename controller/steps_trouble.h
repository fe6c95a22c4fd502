/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps_trouble - what a step's call that failed means: the trouble that the mirror remembers of its
 * key, and when it is tried again. For controller/steps alone.
 *
 * What only a person can mend is tried slowly: no storm, and it heals by itself once mended.
 */
#pragma once

#include <stdbool.h>

#include "controller/observe.h"
#include "controller/ports.h"
#include "reconcile/plan.h"

/* The step can't go on now: remembers why. The wait grows over a row of the same kind. */
void steps_wait(struct observe *observe, struct plan_step *step, enum trouble kind,
                const struct error *error);
/* The same for a call that failed. */
void steps_fail(struct observe *observe, struct plan_step *step, const struct call *call);
/* True when the association that the call meant is not there any more. */
bool steps_vanished(const struct call *call);
