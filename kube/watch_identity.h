/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_identity - inside kube/watcher: the watch_servers of one API server, one for each client
 * certificate in use. A credential plugin gives a new certificate now and then; watches that are
 * open keep the old one, new ones are made with the new.
 */
#pragma once

#include <pthread.h>

#include "base/error.h"
#include "kube/watch_server.h"

struct watch_identity {
    struct watch_identity *next;
    struct watch_server *server;
    char *cert_pem;
    unsigned watches; /* that have not let go of it */
};

/* Caller's memory; must not move. The functions may be called from any thread while the loop runs.
 */
struct watch_identities {
    pthread_mutex_t lock; /* of all below */
    struct loop *loop;
    struct watch_server_settings settings;
    struct watch_identity *first; /* the newest; NULL: none was made */
};

/* The texts of the settings are borrowed. Makes the server of their certificate; errors as of
 * watch_server_new(). */
int watch_identities_init(struct watch_identities *list, struct loop *loop,
                          const struct watch_server_settings *settings, struct error *err);
/* The server for one more watch, with that certificate. NULL when there can't be one. */
struct watch_identity *watch_identities_hold(struct watch_identities *list, const char *cert_pem,
                                             const char *key_pem, struct error *err);
/* A watch has closed, and its handle was given back. NULL is fine. */
void watch_identities_drop(struct watch_identities *list, struct watch_identity *identity);
/* watch_finish() of all. A zeroed list is fine. */
void watch_identities_finish(struct watch_identities *list);
