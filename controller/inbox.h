/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox - where other threads leave things for the worker: changes from the watches, a wake-up, the
 * word to end, the lease's deadline. The only shared state of the process; the lock is held to copy
 * or splice, never over I/O.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"
#include "controller/ports.h"

struct inbox;

/* `engine` is the worker's: it is woken whenever something arrives. */
struct inbox *inbox_new(struct http *engine);
void inbox_free(struct inbox *inbox);

/* Any thread. The change's contents become the inbox's. */
void inbox_put(struct inbox *inbox, struct change change);
void inbox_wake(struct inbox *inbox);
/* From now on the worker's world is gone. */
void inbox_stop(struct inbox *inbox);
void inbox_set_lease(struct inbox *inbox, int64_t until);
int64_t inbox_lease(struct inbox *inbox);

/* When the worker last turned, ms since boot: at least every few seconds, unless it hangs. */
int64_t inbox_heartbeat(struct inbox *inbox);

/* The worker. */
void inbox_beat(struct inbox *inbox, int64_t now);
bool inbox_stopped(struct inbox *inbox);
/* Moves what has arrived to ret_changes (empty before); returns true when there is something. */
bool inbox_take(struct inbox *inbox, struct changes *ret_changes);
/* True once after each inbox_wake(). */
bool inbox_woken(struct inbox *inbox);
