/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health - serves GET and HEAD of /healthz, /readyz and /metrics on the loop's thread.
 *
 * The port is open to whoever reaches the pod, so little is offered: libwebsockets only carries
 * bytes (its raw role), the request is read by health_request, one request a connection
 * ("Connection: close"), no upgrades, no bodies. Bounded: 64 connections at once, the request to 8
 * KiB and 5 s, the answer to 10 s. When file handles run out, accepting pauses for a second.
 *
 *     200 or 503   /healthz, /readyz: "ok", or a sentence
 *     200          /metrics
 *     404, 405     other paths, other methods
 *     400, 431, 505  what is no request of HTTP/1
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/strbuf.h"
#include "controller/value.h"

/* Called on the loop's thread; must not block. */
struct health_settings {
    void *context;
    /* True when all is well; else a sentence is added. */
    bool (*alive)(void *context, struct strbuf *ret_sentence);
    bool (*ready)(void *context, struct strbuf *ret_sentence);
    /* Adds the whole page: metrics_render(). */
    void (*metrics)(struct strbuf *ret_text);
    int request_seconds; /* for a request to come in whole; 0: 5 */
    int answer_seconds;  /* for an answer to be taken; 0: 10 */
};

struct health;

/* Listens from now on, answers once the loop runs. Call it before loop_start(). `settings` are
 * copied. Fails, saying why, when the address can't be had. */
struct health *health_new(struct loop *loop, const struct value_address *address,
                          const struct health_settings *settings, struct error *err);
/* The port, also when any free one was asked for. */
uint16_t health_port(const struct health *health);
/* After loop_free(). */
void health_free(struct health *health);
