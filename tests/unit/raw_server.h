/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw_server - a server on 127.0.0.1 that reads HTTP requests without a body and answers each with
 * the bytes that a test says. It knows no HTTP beyond the empty line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* One a process. Returns its port. `answer` is given each request as text, on a thread of the
 * connection; false ends the connection. */
int raw_server_start(bool (*answer)(int socket, const char *request));
/* Ends open connections; a thread that naps in raw_server_pause() wakes up. */
void raw_server_stop(void);
/* Connections taken since the start. */
int raw_server_connections(void);

/* For the answers. */
void raw_server_say(int socket, const char *text);
void raw_server_bytes(int socket, const char *bytes, size_t length);
/* One chunk, with its length before it. An empty one is the last. */
void raw_server_chunk(int socket, const char *text);
/* Until so many milliseconds have passed, or the server stops, or the client is gone; true then. */
bool raw_server_pause(int socket, int ms);
