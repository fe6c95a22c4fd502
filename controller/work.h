/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work - the worker: waits until there is something to do, makes a pass, and waits again.
 *
 * It runs until the world is gone. As a standby it keeps the stores warm and makes no pass; from
 * the moment it leads it looks at everything anew.
 */
#pragma once

#include "controller/sync.h"

/* Called after each pass and whenever nothing could be done, for logs and metrics. May be NULL. */
struct work_listener {
    void *context;
    void (*passed)(void *context, const struct sync *sync);
    void (*waiting)(void *context, const struct sync *sync);
};

/* Returns when the world is gone. */
void work_run(struct sync *sync, const struct work_listener *listener);
