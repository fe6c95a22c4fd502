/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exposition - the Prometheus text format, version 0.0.4, line by line. Pure.
 *
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#pragma once

#include <stdint.h>

#include "base/strbuf.h"

/* Adds name="value", after a comma if labels stand there already. The value is cut at 64 bytes;
 * what is not printable ASCII becomes "_". */
void exposition_label(struct strbuf *labels, const char *name, const char *value);

/* The lines HELP and TYPE. `type` is "counter", "gauge" or "histogram". */
void exposition_head(struct strbuf *out, const char *name, const char *type, const char *help);

/* One sample; `labels` without braces, "" for none. */
void exposition_sample(struct strbuf *out, const char *name, const char *suffix, const char *labels,
                       double value);
/* One bucket of a histogram, with all that is not above it. `bound` NULL: +Inf. */
void exposition_bucket(struct strbuf *out, const char *name, const char *labels,
                       const double *bound, uint64_t count);
