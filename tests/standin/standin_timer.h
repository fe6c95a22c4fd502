/* SPDX-License-Identifier: Apache-2.0 */
/* standin_timer - one thread that calls a function for each thing when its time has come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct standin_timer;

/* `due` is called on the timer's thread, without its lock. */
struct standin_timer *standin_timer_new(void (*due)(void *thing));
/* In that many milliseconds. Returns false after standin_timer_stop(). */
bool standin_timer_add(struct standin_timer *timer, int64_t delay_ms, void *thing);
/* Calls `due` for everything that still waits, and ends the thread. */
void standin_timer_stop(struct standin_timer *timer);
void standin_timer_free(struct standin_timer *timer);
