/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_task - runs one program at a time on a thread of its own, for a thread that may not wait
 * for it. base/process says how it is run.
 *
 * All calls are the owner's, on one thread; only `ended` is called on the other.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/process.h"

struct process_task;

/* `ended` is told that there is something to take; it must be quick, and safe from any thread. */
struct process_task *process_task_new(void (*ended)(void *context), void *context);
/* Ends the program that is still running, and waits for that. NULL is fine. */
void process_task_free(struct process_task *task);

/* Starts the program; the command is copied, but for its environment, and its `stop` is not used.
 * Fails with ERROR_TRANSIENT when there is no thread to be had, and with ERROR_BUG while one is
 * running. */
int process_task_start(struct process_task *task, const struct process_command *command,
                       struct error *err);
/* True once for each program that was started, when it has ended: gives what it printed (wiped by
 * process_output_release()), and why it failed; kind ERROR_NONE: it did not. */
bool process_task_take(struct process_task *task, struct process_output *ret_output,
                       struct error *ret_failure);
