/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fiber - a function that runs on a stack of its own and gives way in the middle of its calls.
 *
 * One thread: whoever calls fiber_resume() runs the fiber until it yields or its function returns.
 * The stack is kept for the next start. AddressSanitizer is told of every switch.
 */
#pragma once

#include <stdbool.h>

struct fiber;

struct fiber *fiber_new(void);
/* Another one, made when first asked for and freed with this one. */
struct fiber *fiber_other(struct fiber *fiber);
/* Only of one that does not run. */
void fiber_free(struct fiber *fiber);

/* Sets a function up to run at the next resume. */
void fiber_start(struct fiber *fiber, void (*run)(void *context), void *context);
/* Runs it on, until it yields or ends. */
void fiber_resume(struct fiber *fiber);
/* From within: back to whoever resumed. */
void fiber_yield(struct fiber *fiber);
/* True from the start until the function has returned. */
bool fiber_runs(const struct fiber *fiber);
