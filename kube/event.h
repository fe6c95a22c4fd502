/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - Kubernetes Events (events.k8s.io/v1) as JSON: create one, and fold repeats into its
 * series. Pure.
 *
 * Source: k8s.io/api events/v1 types.go and pkg/apis/core/validation/events.go.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define EVENT_GROUP "events.k8s.io"
#define EVENT_RESOURCE "events"
#define EVENT_CONTROLLER "podbind.dev/controller"
#define EVENT_NOTE_MAX 1024

struct event {
    const char *namespace; /* of the object, and of the Event */
    const char *name;      /* of the Event */
    const char *instance;  /* reportingInstance: our identity; cut at 128 bytes */
    bool warning;
    const char *reason; /* CamelCase */
    const char *action; /* CamelCase verb */
    const char *note;   /* cut at EVENT_NOTE_MAX bytes, between characters */
    int64_t time_us;    /* microseconds since 1970 */

    const char *about_version; /* apiVersion of the object: "podbind.dev/v1alpha1" */
    const char *about_kind;
    const char *about_name;
    const char *about_uid;
};

/* The body of a create. */
void event_create(const struct event *event, struct strbuf *ret_body);
/* The merge patch that says: `count` times by now, last at time_us. */
void event_series_patch(int count, int64_t time_us, struct strbuf *ret_patch);
