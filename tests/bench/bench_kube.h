/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_kube - bare requests to an API server as fast as it takes them: one HTTP/2 connection with
 * a window of requests under way, as the operator has it (same client code, so same TLS and
 * framing).
 *
 *     create     N bindings, b000000 for sa000000 and so on
 *     bound      makes N bindings; then times 2N patches, a finalizer and a status each, with the
 *                bodies that the operator sends when all goes well (made by the same code)
 *     accounts   N ServiceAccounts
 *     delete     asks for the deletion of N bindings
 *     remove     takes the finalizers off N bindings and deletes them
 *
 * Any answer but success ends the run.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct bench_kube_settings {
    const char *kubeconfig;
    const char *namespace; /* must exist */
    size_t count;
    size_t window;
};

struct bench_kube_figures {
    int64_t wall_ms;       /* from the first request to the last answer; bound: of the 2N patches */
    int64_t finalizers_ms; /* bound: until the last finalizer was on */
    size_t finalizer_bytes, status_bytes; /* bound: of the bodies, all together */
};

/* Fails with ERROR_INVALID for an unknown mode, else with what the API server said. */
int bench_kube_run(const char *mode, const struct bench_kube_settings *settings,
                   struct bench_kube_figures *ret_figures, struct error *err);
