/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actors - others with a hand in EKS who keep at it: each has one key, looks at it again and again,
 * and puts it as it wants it. They stop some minutes after people have stopped: the operator looks
 * so seldom that its writes are undone three times only in as many minutes.
 */
#pragma once

#include "tests/sim/world.h"

/* Who is there in this history, if anybody. */
void actors_draw(struct world *world);
/* When the next one looks; doing all that is due. */
int64_t actors_due(const struct world *world);
void actors_run(struct world *world);
