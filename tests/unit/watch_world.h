/* SPDX-License-Identifier: Apache-2.0 */
/* watch_world - a loop, a watch server and a toy API server, and a sink that keeps what it is told.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/loop.h"
#include "base/strbuf.h"
#include "kube/watch.h"

/* What a sink was told. */
struct watch_record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct strbuf log; /* "opened ADDED:7:a ..." */
    size_t largest;    /* length of the longest name */
    unsigned opened;
    unsigned events;
    unsigned closed;
    struct error error;
};

/* A sink that writes to it, for any transport. The record starts out zeroed. */
struct watch_sink watch_record_sink(struct watch_record *record);
void watch_record_init(struct watch_record *record);
void watch_record_release(struct watch_record *record);
void watch_record_says(struct watch_record *record, const char *expected);

struct watch_world {
    struct loop *loop;
    struct watch_server *server;
    const char *address; /* of the toy */
    struct watch_record record;
};

/* Set-ups for cmocka. The toy's certificate is for 127.0.0.1, or for kube.example; with clients it
 * wants a client certificate. Times are short: connect 1 s, ping 1 s, hang-up 2 s. */
int watch_world_make(void **state);
int watch_world_make_with_names(void **state);
int watch_world_make_with_clients(void **state);
int watch_world_make_on_ipv6(void **state); /* NULL where there is no IPv6 */
int watch_world_end(void **state);

struct watch_server_settings watch_world_settings(void);
/* Another server object in place of the present one, whose watches run on. */
void watch_world_serve(struct watch_world *world, const struct watch_server_settings *settings);

struct watch *watch_world_open(struct watch_world *world, const char *path, const char *token);
/* Opens a watch of that path, waits for its end and gives it back. */
const struct error *watch_world_run(struct watch_world *world, const char *path);
/* False when that takes over 20 s. */
bool watch_world_wait(struct watch_record *record, const unsigned *count, unsigned enough);

/* Fail the test otherwise. */
void watch_world_log(struct watch_world *world, const char *expected);
void watch_world_says(const struct error *err, const char *words);
