/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - runs one program to its end and keeps what it prints.
 *
 * No shell. The program gets the given arguments and environment, /dev/null as stdin, no other
 * descriptor of ours than its own stdout and stderr, every signal unblocked and at its default, and
 * a session of its own: it has no terminal, and a Ctrl-C at ours does not reach it.
 *
 * A run ends when the program has ended. What it leaves behind in its process group is then killed,
 * so it can't hold its pipes open either; only what made a session of its own outlives it. At the
 * deadline, at a stop and over the cap of stdout the whole group is killed. Whatever happens, the
 * program has been reaped when process_run() returns.
 *
 * Blocks the calling thread, and may be called on several at once. SIGCHLD must not be ignored in
 * this process. Where there is no pidfd_open() (before Linux 5.3, in some sandboxes) the end of the
 * program is looked for every 20 ms.
 *
 * What goes to stdout is never repeated in an error; of stderr it is the last line, made harmless.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Of stderr so many of the last bytes are looked at. */
#define PROCESS_STDERR_TAIL 2048

struct process_command {
    /* argv[0] with a slash is the path of the program; without one it is looked for in `path`.
     * Ended by NULL. */
    const char *const *argv;
    const char *const *environment; /* "NAME=value", ended by NULL; NULL: empty */
    const char *path;    /* as $PATH: of its parts the absolute ones count; NULL: /usr/bin:/bin */
    int64_t deadline_ms; /* for the whole run, from its start */
    size_t output_cap;   /* bytes of stdout */
    int stop;            /* a descriptor: once it can be read, the run is ended; -1: none */
};

/* What went to stdout; `bytes` is NUL-terminated (it may hold more NULs). Zeroed is empty. */
struct process_output {
    char *bytes;
    size_t length;
};
/* Wipes it, since it may be a secret. */
void process_output_release(struct process_output *output);

/* Runs it. Kinds of the error, which begins with the name of the program:
 *   NOT_FOUND  there is no such program
 *   INVALID    it is there, and cannot be executed (no permission, no program, no interpreter)
 *   TRANSIENT  it ended with a status other than 0 or by a signal, took longer than its deadline,
 *              printed more than the cap, or was stopped; or a process could not be made */
int process_run(const struct process_command *command, struct process_output *ret_output,
                struct error *err);
