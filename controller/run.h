/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - the life of the process: threads, signals, start and end. Decides nothing else.
 *
 * Threads. Main blocks all signals before any other thread is there, ignores SIGPIPE, starts the
 * others and waits in sigtimedwait(). The loop (base/loop) serves the watches and the health port.
 * The lease thread renews the Lease, on an HTTP handle of its own. The worker makes the passes.
 * They share the store, the wake-up and the lease deadline, nothing else.
 *
 * End. SIGTERM or SIGINT: no new call starts, those under way are finished or given up, the lease
 * is released, and the process exits with 0; a watchdog ends it 4.5 s after the signal, whatever
 * hangs, and a second signal at once. The lease lost: exit with 1, without a word to EKS.
 *
 * A missing API server, missing credentials or a refused request do not end it: it says so once a
 * minute, is not ready, and goes on trying.
 */
#pragma once

#include "controller/options.h"

/* To be called first, before the options are read: from then on SIGTERM and SIGINT wait for
 * run_controller(), in every thread. */
void run_hold_signals(void);

/* Runs until a signal or the loss of the lease. Returns the exit code: 0 after SIGTERM or SIGINT, 1
 * when the lease was lost or it could not start (a port taken, a kubeconfig that can't be read).
 * Has logged why. */
int run_controller(const struct options *options);
