/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube_watch - one watch, from the API server's side: opens it, sends the first state or what has
 * happened since a version, late and in lumps, and ends it, at times badly.
 *
 * It lands on any of the watch caches. A first state begins with what the cache holds and is whole
 * when it has caught up with what the server had at the opening. From a version that the cache does
 * not have yet nothing is sent: after 3 s it answers that the resourceVersion is too large.
 *
 * What has not been sent when it ends is lost with it; otherwise nothing is.
 */
#pragma once

#include "tests/sim/world.h"

enum kube_watch_phase {
    WATCH_NONE,
    WATCH_OPENING,
    WATCH_FIRST_STATE, /* the objects that the cache held when the watch was opened */
    WATCH_CATCHING_UP, /* ... and what the server had by then, before the state is called whole */
    WATCH_LIVE,
};

struct kube_watch {
    enum kube_watch_phase phase;
    enum resource resource;
    uint64_t number;
    bool initial;
    size_t cache; /* the one that it landed on */
    int64_t asked_at;
    int64_t give_up_at; /* waits so long for a cache that is behind; 0: it is not */
    uint64_t from;      /* sends what came after this version */
    uint64_t snapshot;  /* the objects of the first state are as of this version */
    uint64_t whole;     /* the state is whole at this version */
    size_t cursor;      /* index in the log of what comes next */
    int64_t due;        /* when that is sent */
    int64_t end_at, bookmark_at;
    enum watch_fault end; /* WATCH_ENDED or WATCH_BROKEN */
    bool silent;
    bool empty; /* the first state is sent as if there were nothing */
};

/* In place of the one before. */
void kube_watch_open(struct replica *replica, struct kube_watch *watch,
                     const struct watch_request *request);
int64_t kube_watch_due(struct replica *replica, struct kube_watch *watch);
/* Does what is due now; changes go to the replica, whose watch it is. */
void kube_watch_run(struct replica *replica, struct kube_watch *watch);
/* From now on all is well with it. */
void kube_watch_calm(struct replica *replica, struct kube_watch *watch);
