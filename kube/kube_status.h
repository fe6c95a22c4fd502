/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_status - the API server's own account of a failure (a Status object), and the one table that
 * turns answers of the API server into kinds of error.
 *
 * | HTTP | Status | read | write |
 * |---|---|---|---|
 * | 401, 403 | any | DENIED | DENIED |
 * | 404 | NotFound, and it names what was asked for | NOT_FOUND | NOT_FOUND |
 * | 404 | anything else, or none | TRANSIENT | TRANSIENT |
 * | 409 | any | CONFLICT | CONFLICT |
 * | 410, or any | Expired, Gone | GONE | GONE |
 * | any | cause ResourceVersionTooLarge | GONE | |
 * | 429 | any | THROTTLED | THROTTLED |
 * | 408 | any | TRANSIENT | UNKNOWN |
 * | other 4xx | any | INVALID | INVALID |
 * | 5xx, all else | any | TRANSIENT | UNKNOWN |
 *
 * GONE means: this resourceVersion is of no use here, list again. A resourceVersion from the future
 * is one that another cluster, or this one before its etcd was restored, gave out.
 *
 * Source: k8s.io/apimachinery pkg/apis/meta/v1/types.go (Status, StatusReason, CauseType).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Longer texts are cut, and a cut name equals nothing. */
struct kube_status {
    int code;          /* 0 when the object had none */
    char reason[64];   /* "NotFound", "AlreadyExists", ... or "" */
    char group[128];   /* details.group */
    char kind[128];    /* details.kind: for the server's own answers the plural resource name */
    char name[256];    /* details.name */
    char message[512]; /* as the server wrote it */
    int64_t retry_after_ms; /* details.retryAfterSeconds */
    bool version_too_large; /* a cause says ResourceVersionTooLarge */
};

/* Reads a Status object. False, and ret_status untouched, when this is none. */
bool kube_status_read(const json_t *object, struct kube_status *ret_status);
/* True when the Status says NotFound about exactly this (group "" for the core). */
bool kube_status_denies(const struct kube_status *status, const char *group, const char *resource,
                        const char *name);

/* The table above. `status` is NULL without a Status; `denied` says that kube_status_denies(). */
enum error_kind kube_status_kind(int http_status, const struct kube_status *status, bool denied,
                                 bool write);
/* Fills err from a Status that is no HTTP answer (the ERROR event of a watch), by the column
 * "read". Returns -1. */
int kube_status_error(const struct kube_status *status, struct error *err);
