/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the libwebsockets context and the thread that serves it: watches and the health port.
 *
 * Everything registered here runs on that one thread and must never block. Other threads hand it
 * work with loop_post(); the function then runs on the loop's thread.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct loop;
struct lws_context;
struct lws_protocols;

/* Creates the context (16 KiB header space, no listening vhost, server name "podbind"). `protocols`
 * is the table of every handler used on it, ended by a zeroed row; borrowed for the loop's life. */
struct loop *loop_new(const struct lws_protocols *protocols, struct error *err);
struct lws_context *loop_context(struct loop *loop);

/* Starts and ends the thread. After loop_stop() nothing of it runs any more. */
int loop_start(struct loop *loop, struct error *err);
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

/* Runs run(argument) on the loop's thread as soon as it can. Any thread may call. */
void loop_post(struct loop *loop, void (*run)(void *argument), void *argument);
/* Milliseconds since boot at which the loop last turned: the heartbeat for /healthz. */
int64_t loop_heartbeat(const struct loop *loop);
