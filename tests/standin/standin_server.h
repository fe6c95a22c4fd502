/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_server - the stand-in on a port of 127.0.0.1: libmicrohttpd with a pool of threads.
 *
 * A reply that has to wait suspends its connection, so latency holds up nobody else. A reply that
 * hangs ends with a broken connection after STANDIN_HANG_MS, or when the server stops.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "tests/standin/standin.h"

#define STANDIN_HANG_MS (10 * 60 * 1000)

struct standin_server;

/* Port 0 takes a free one. `standin` must live longer. */
struct standin_server *standin_server_start(struct standin *standin, uint16_t port,
                                            unsigned threads, struct error *err);
uint16_t standin_server_port(const struct standin_server *server);
/* Breaks what is under way, and frees. */
void standin_server_stop(struct standin_server *server);
