/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_set - generated input for the benchmark: bindings, service accounts, and what EKS holds for
 * them. The same arguments always give the same set.
 *
 *     BENCH_NAMED     one namespace, a service account by name each: what end-to-end runs create
 *     BENCH_MIXED     namespaces of 50 bindings: 40 by name, 10 by a selector, of two accounts each
 *     BENCH_DELETED   one namespace, every binding is being deleted, its association still stands
 *     BENCH_HANDOVER  one namespace, half of the bindings are being deleted, and the other half
 *                     wants their keys
 *     BENCH_FRESH     one namespace, no binding has its finalizer, EKS holds nothing
 *     BENCH_LEAVING   one namespace, half of the bindings are being deleted, and EKS holds the
 *                     associations of the others only
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "crds/binding.h"
#include "reconcile/cluster.h"
#include "reconcile/mirror.h"

#define BENCH_OWN_NAMESPACE "podbind-system"

enum bench_kind {
    BENCH_NAMED,
    BENCH_MIXED,
    BENCH_DELETED,
    BENCH_HANDOVER,
    BENCH_FRESH,
    BENCH_LEAVING,
    BENCH_KIND_COUNT
};

struct bench_set {
    struct binding **bindings; /* owned, in the order of a store */
    size_t binding_count;
    struct service_account **accounts; /* owned, in the order of a store */
    size_t account_count;
    struct mirror mirror;   /* what EKS holds, all of it described and settled */
    struct cluster cluster; /* verified */
};

#define BENCH_NAME_SIZE 32
/* The names of the i-th binding and its service account. */
void bench_names(size_t i, char ret_binding[BENCH_NAME_SIZE], char ret_account[BENCH_NAME_SIZE]);

/* "mixed" → BENCH_MIXED; BENCH_KIND_COUNT for what is none. */
enum bench_kind bench_kind_named(const char *name);
void bench_set_make(enum bench_kind kind, size_t count, struct bench_set *ret_set);
void bench_set_release(struct bench_set *set);
