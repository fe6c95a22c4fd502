/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_frame - one event of a watch: a WebSocket text message, or a line of a chunked answer.
 *
 * Pure: bytes in, a frame out. {"type": ADDED | MODIFIED | DELETED | BOOKMARK | ERROR, "object":
 * ...} with a newline after it. An ERROR is a whole frame too: its Status is in `error`.
 *
 * Source: k8s.io/apimachinery pkg/apis/meta/v1/watch.go; KEP-3157 for the bookmark that ends the
 * first state.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Longest event taken (etcd's objects end at about 1.5 MiB). */
#define WATCH_FRAME_CAP ((size_t)4 << 20)

enum watch_frame_type {
    WATCH_FRAME_ADDED,
    WATCH_FRAME_MODIFIED,
    WATCH_FRAME_DELETED,
    WATCH_FRAME_BOOKMARK,
    WATCH_FRAME_ERROR,
};

struct watch_frame {
    enum watch_frame_type type;
    json_t *document;     /* owned: the whole event */
    const json_t *object; /* borrowed from it */
    const char *version;  /* the object's resourceVersion, digits; "" only for an ERROR */
    bool initial_end;     /* BOOKMARK: all of the first state has been sent */
    struct error error;   /* ERROR: by kube_status's table; 410 and Expired are ERROR_GONE */
};

enum watch_frame_result {
    WATCH_FRAME_WHOLE,   /* ret_frame and ret_used are set */
    WATCH_FRAME_PARTIAL, /* more bytes are needed */
    WATCH_FRAME_BROKEN,  /* err says why; nothing after it can be trusted */
};

/* Reads the first event. `last`: nothing follows these bytes (a WebSocket message is handed over
 * whole), so a missing newline is fine and missing JSON is broken; bytes after the event are broken
 * then. Otherwise an event ends at its newline. Empty lines are skipped.
 * Broken is ERROR_TRANSIENT, but ERROR_GONE for an event over the cap: resuming would meet it
 * again, only a list helps. */
enum watch_frame_result watch_frame_read(const char *bytes, size_t length, bool last,
                                         struct watch_frame *ret_frame, size_t *ret_used,
                                         struct error *err);
void watch_frame_release(struct watch_frame *frame);
const char *watch_frame_type_name(enum watch_frame_type type);
