/* SPDX-License-Identifier: Apache-2.0 */
/* transport - the process's watcher: by the option --watch-transport, and with a log line and a
 * metric for each change between WebSockets and HTTP. */
#pragma once

#include "base/loop.h"
#include "controller/options.h"
#include "kube/kubeconfig.h"
#include "kube/watcher.h"

/* Texts and structs are borrowed for the watcher's life. Errors as in watcher_new(). */
struct watcher *transport_new(const struct options *options, const struct kubeconfig *config,
                              struct loop *loop, const char *user_agent, struct error *err);
