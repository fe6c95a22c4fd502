/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_status - the API server's own account of a failure (a Status object), and the one table that
 * turns answers of the API server into kinds of error.
 *
 * | HTTP | Status reason | read | write |
 * |---|---|---|---|
 * | 400, 405, 406, 413, 415 | any | INVALID | INVALID |
 * | 401, 403 | any | DENIED | DENIED |
 * | 404 | NotFound, and it names what was asked for | NOT_FOUND | NOT_FOUND |
 * | 404 | anything else, or no Status | TRANSIENT | TRANSIENT |
 * | 409 | AlreadyExists, Conflict, none | CONFLICT | CONFLICT |
 * | 410 | any | GONE | GONE |
 * | 422 | any | INVALID | INVALID |
 * | 429 | any | THROTTLED | THROTTLED |
 * | 500 | no reason, "illegal resource version" | INVALID | INVALID |
 * | 503 | with Retry-After | THROTTLED | THROTTLED |
 * | 5xx | any | TRANSIENT | UNKNOWN |
 * | other | any | TRANSIENT | UNKNOWN |
 *
 * Source: k8s.io/apimachinery pkg/apis/meta/v1/types.go (Status, StatusReason).
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
};

/* Reads a Status object. False, and ret_status untouched, when this is none. */
bool kube_status_read(const json_t *object, struct kube_status *ret_status);
/* True when the Status says NotFound about exactly this (group "" for the core). */
bool kube_status_denies(const struct kube_status *status, const char *group, const char *resource,
                        const char *name);

/* The table above. `reason` is "" without a Status; `denied` tells that kube_status_denies(). */
enum error_kind kube_status_kind(int http_status, const char *reason, bool denied, bool write);
/* Fills err from a Status by that table, as of an answer to a read (a watch's ERROR event is one).
 * Returns -1. */
int kube_status_error(const struct kube_status *status, struct error *err);
