/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside - a function run in a process of its own: a history that fails may lose memory, turn in a
 * circle, or break its process, and none of that must reach what goes on after it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Zeroed memory that processes forked later share. Never given back. */
void *aside_memory(size_t size);
/* Starts run(context) in a process that ends with it, or with its parent. */
pid_t aside_start(void (*run)(void *context), void *context);
/* Waits for that one, or with -1 for any, and returns it. ret_how says how it ended: "" by itself
 * and well, "signal 11", "status 23". */
#define ASIDE_HOW_SIZE 32
pid_t aside_wait(pid_t process, char ret_how[ASIDE_HOW_SIZE]);
/* Both in one; true when it ended well. A run that takes longer than `seconds` is ended. */
bool aside_run(void (*run)(void *context), void *context, unsigned seconds,
               char ret_how[ASIDE_HOW_SIZE]);
