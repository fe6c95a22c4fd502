/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - what podbind counts about itself, as Prometheus text. One registry a process, safe from
 * any thread.
 *
 * All metrics stand in one table (metrics.c). Where controller-runtime or client-go has a metric
 * for it, its name and labels are used, so that dashboards made for those work. Label sets are
 * bounded: past the cap of a metric new label values are counted under "other"; values are cut at
 * 64 bytes and anything but printable ASCII becomes "_".
 *
 * Label values follow in the order of the table and end with NULL:
 *
 *     metrics_add(METRIC_EKS_CALLS, 1, "CreatePodIdentityAssociation", "ok", NULL);
 *
 * A sample that does not fit its metric (wrong number of labels, wrong kind, a counter going down)
 * is dropped and counted in podbind_dropped_samples_total, which is to stay 0.
 */
#pragma once

#include <stddef.h>

#include "base/strbuf.h"

enum metric {
    METRIC_RECONCILES,         /* counter: controller, result (success, error, requeue) */
    METRIC_RECONCILE_SECONDS,  /* histogram: controller */
    METRIC_REST_CALLS,         /* counter: code, method, host */
    METRIC_LEADER,             /* gauge: name. 1 while we hold the Lease */
    METRIC_EKS_CALLS,          /* counter: operation, outcome ("ok" or error_kind_name()) */
    METRIC_IAM_CALLS,          /* the same */
    METRIC_BINDINGS,           /* gauge: reason of Ready */
    METRIC_BINDINGS_NOT_READY, /* gauge: reason of Ready */
    METRIC_ASSOCIATIONS,       /* gauge: state */
    METRIC_ORPHANS,            /* gauge */
    METRIC_HELD_DELETIONS,     /* gauge */
    METRIC_DELETION_BUDGET,    /* gauge */
    METRIC_WATCH_TRANSPORT,    /* gauge: transport. 1 for the one in use, else 0 */
    METRIC_REFUSED_BINDINGS,   /* gauge */
    METRIC_WATCH_CONNECTS,     /* counter: resource */
    METRIC_WATCH_ENDS,         /* counter: resource, cause */
    METRIC_RELISTS,            /* counter: resource */
    METRIC_UNREADABLE_OBJECTS, /* counter: resource */
    METRIC_LAST_PASS,          /* gauge: Unix time of the end of the last pass without errors */
    METRIC_DROPPED_SAMPLES,    /* counter; only metrics itself adds to it */
    METRIC_COUNT,
};

/* Counters and gauges. */
void metrics_add(enum metric metric, double amount, ...) __attribute__((sentinel));
/* Gauges. */
void metrics_set(enum metric metric, double value, ...) __attribute__((sentinel));
/* Histograms. */
void metrics_observe(enum metric metric, double value, ...) __attribute__((sentinel));

/* Gauges with one label: these rows are all there is from now on. A scrape sees the old rows or the
 * new ones, never a mixture. */
struct metrics_row {
    const char *label;
    double value;
};
void metrics_replace(enum metric metric, const struct metrics_row *rows, size_t count);

/* All of it, and what the process uses right now, in Prometheus text format 0.0.4. */
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metrics_render(struct strbuf *ret_text);

/* Forgets everything. For tests, and for the end of the process. */
void metrics_reset(void);
