/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toy_server - an HTTP/1.1 server on 127.0.0.1 that behaves well or badly, as the path says. It
 * shares no code with base/http.
 *
 *   /status/404      that status, body "text"       /echo           the request itself, as body
 *   /big/1000        that many bytes                /chunked/1000   the same, without a length
 *   /slow/300        answers after that many ms     /hang           never answers
 *   /aws /kube /odd  headers of their kind          /continue       a 100 first
 *   /redirect        302 to /status/200             /headers        200 KiB of headers
 *   /garbage         no HTTP                        /cut            ends within the body
 *   /doomed          200; the connection's next request is read and then not answered
 *   anything else    the connection is reset
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One server a process. Returns its port. */
int toy_server_start(void);
void toy_server_stop(void);

/* Since the start. */
int toy_server_connections(void);
int toy_server_requests(void);
