/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_lines - the events of a chunked HTTP answer, a line each, out of bytes cut anywhere.
 *
 * Pure. Keeps what has come of a line that is not whole yet, up to WATCH_FRAME_CAP; between events
 * it holds nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "kube/watch_frame.h"

/* Zeroed is a valid empty. */
struct watch_lines {
    struct strbuf partial;
};

/* Takes bytes up to the end of the next event: *bytes and *length then stand after it. PARTIAL when
 * they are used up before. Errors as in watch_frame_read(); nothing may follow a broken one. */
enum watch_frame_result watch_lines_read(struct watch_lines *lines, const char **bytes,
                                         size_t *length, struct watch_frame *ret_frame,
                                         struct error *err);
/* True at a border between events: an answer that ends elsewhere was cut. */
bool watch_lines_empty(const struct watch_lines *lines);
void watch_lines_release(struct watch_lines *lines);
