/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_source - runs the credential plugin of a kubeconfig, on a thread of its own, and has its
 * credential ready for everybody: the worker, the lease thread, the watches. When it is run says
 * kube/exec_cache. One run is under way at a time, for 20 s at most.
 *
 * The plugin gets our environment, with the kubeconfig's `env` over it and KUBERNETES_EXEC_INFO.
 * What it prints goes nowhere else; the last line of its stderr is part of the error.
 *
 * Any thread may call, but exec_source_free() only once no other does.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig.h"

struct exec_source;

struct exec_source_settings {
    const struct kubeconfig *config; /* with an exec; borrowed */
    const char *const *environment;  /* ours, ended by NULL; borrowed */
    void *context;
    /* After a run that failed, and with kind ERROR_NONE after the first that succeeds again. On the
     * source's thread. May be NULL. */
    void (*told)(void *context, const struct error *error);
};

struct exec_source *exec_source_new(const struct exec_source_settings *settings);
int exec_source_start(struct exec_source *source, struct error *err);
/* Has the run under way ended, and no more made; the present credential can still be had. Does not
 * wait. Twice is fine. */
void exec_source_stop(struct exec_source *source);
/* Stops it and waits for its thread. NULL is fine. */
void exec_source_free(struct exec_source *source);

/* Waits until the first run has ended, well or not, or the source was stopped. */
void exec_source_await(struct exec_source *source);
/* The credential of now, held for the caller. Never waits. ERROR_TRANSIENT when there is none: the
 * text says why. */
int exec_source_take(struct exec_source *source, int64_t now_ms,
                     struct exec_credential **ret_credential, struct error *err);
/* A 401 came for the credential of that number. */
void exec_source_reject(struct exec_source *source, uint64_t number);
