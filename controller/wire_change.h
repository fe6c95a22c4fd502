/* SPDX-License-Identifier: Apache-2.0 */
/* wire_change - an event of a watch as the change that the worker takes. No I/O. */
#pragma once

#include "controller/options.h"
#include "controller/ports.h"
#include "kube/watch_frame.h"

/* What a frame (no ERROR) of that watch brings; the change's contents are the caller's. An object
 * that is no record becomes CHANGE_UNREADABLE; one of a namespace that is not watched counts as a
 * bookmark, for its version is news all the same. */
struct change wire_change_read(const struct options_names *namespaces, enum resource resource,
                               uint64_t watch, const struct watch_frame *frame);
