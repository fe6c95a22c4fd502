/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the libwebsockets context and the thread that serves it: watches and the health port.
 *
 * Everything registered here runs on that one thread and must never block. Other threads hand it
 * work with loop_post(); the function then runs on the loop's thread. libwebsockets may be called
 * before loop_start(), on the loop's thread, and nowhere else.
 *
 * Each user makes a vhost of its own on the context, with its own table of protocols and its own
 * CA; the loop's vhost has no port and no TLS. At rest the thread wakes every 5 s.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct loop;
struct lws_context;
struct lws_protocols;

/* Creates the context (16 KiB for the headers of a request, at most 256 sockets, server name
 * "podbind"). `protocols` is the table of every handler used on it, ended by a zeroed row; NULL:
 * none. Borrowed for the loop's life. */
struct loop *loop_new(const struct lws_protocols *protocols, struct error *err);
struct lws_context *loop_context(struct loop *loop);

/* Starts and ends the thread. After loop_stop() nothing of it runs any more; what was posted and
 * did not run never does. Stopping twice, or what never started, is fine. */
int loop_start(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop);
/* Stops, and closes what is open: the handlers' last callbacks run on the caller's thread. */
void loop_free(struct loop *loop);

/* Runs run(argument) on the loop's thread as soon as it can, in the order of posting. Any thread
 * may call. */
void loop_post(struct loop *loop, void (*run)(void *argument), void *argument);
/* Milliseconds since boot at which the loop last turned, at least every 5 s: the heartbeat for
 * /healthz. */
int64_t loop_heartbeat(const struct loop *loop);
