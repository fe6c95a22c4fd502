/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica - one life of the operator: the real work_run() on a fiber, and the ports it sees the
 * world through.
 *
 * Once dead, every port call does nothing and next() answers PORT_GONE; its code unwinds through
 * its ordinary error paths and gives back all memory. More than 10,000 port calls by then are a
 * failure, as are too many without time going on.
 */
#pragma once

#include "aws/aws_client.h"
#include "controller/work.h"
#include "tests/sim/kube_watch.h"
#include "tests/sim/world.h"

/* The last Create of a key, as the replica knows of it. */
struct first_try {
    char key[128];
    char token[40];
    uint64_t request; /* a hash of what was asked for */
    int64_t at;
    bool open;   /* its outcome is unknown: it may be repeated */
    bool unseen; /* its outcome is unknown, or something stood there: a List must come first */
};
struct first_tries {
    struct first_try *items;
    size_t count, capacity;
};

/* The last answer to a patch of an object. */
struct own_mark {
    char namespace[64], name[64], version[64];
    uint64_t pass;
};
struct own_marks {
    struct own_mark *items;
    size_t count, capacity;
};

/* When EKS was last written to under a key. */
#define KEY_RATE_MOST 24 /* in a minute */
struct key_rate {
    char key[128];
    int64_t at[KEY_RATE_MOST];
    size_t next;
};
struct key_rates {
    struct key_rate *items;
    size_t count, capacity;
};

/* What its store of a resource has shown so far: the newest version of each object. */
struct stored_version {
    char id[96]; /* uid, or "namespace/name" of what has none */
    uint64_t version;
};
struct stored_versions {
    struct stored_version *items;
    size_t count, capacity;
    void *records; /* owned: the store's pointers when it was last looked at */
    size_t record_count;
};
void stored_versions_release(struct stored_versions *known);

/* EKS asks to be left alone so long, or knows no such cluster; the operator knows once it takes the
 * answer. */
#define ASKED_MOST 64
struct asked {
    const struct call *call;
    int64_t retry_after_ms;
    bool no_cluster;
};

struct replica {
    struct world *world;
    struct place *place; /* where it lives */
    uint64_t life;       /* its number */
    struct ports ports;
    struct sync_settings settings;
    struct sync sync;
    int64_t born_at;        /* in time of the world */
    struct aws_client *aws; /* NULL without a wire */
    bool dead;
    uint32_t dead_calls;
    uint32_t calls; /* started in this life */

    bool waiting;          /* in next() */
    int64_t deadline;      /* in time of the world */
    enum port_event event; /* what next() is to answer */
    struct call *answered;
    struct changes brought;

    struct call **done; /* answers that wait to be taken */
    size_t done_count, done_capacity;
    struct changes changes;
    struct kube_watch watches[RESOURCE_COUNT];

    bool woken;        /* the lease has changed hands */
    int64_t led_from;  /* when it last began to lead, in time of the world */
    int64_t led_since; /* when it first began to; 0: not yet */
    bool resting;      /* no pass is under way */

    /* A whole state was handed over that was asked for, or a list begun, since it leads. */
    bool synced[RESOURCE_COUNT];
    int64_t list_began[RESOURCE_COUNT];
    struct marks deletable; /* ids that a Describe's answer showed as ours, not retained */
    bool told_deleting;     /* that the cluster is being deleted */
    bool identity_read, cluster_read; /* both sides of the check of the cluster were answered */
    struct stored_versions stored[RESOURCE_COUNT];
    struct first_tries tries;
    struct own_marks owns;
    struct key_rates rates;
    struct asked asked[ASKED_MOST];
    size_t asked_count;
    int64_t held_until[2]; /* reads, writes: in time of the world */
    struct marks let_go;   /* "namespace/name@version" of bindings that went with our patch, as it
                              was told */
    struct marks unwanted; /* "binding uid/id": a live GET said that a Delete is right, and when */
    int64_t
        blind_at[RESOURCE_COUNT]; /* when a watch ended last: what came and went since is unseen */
    struct marks seen;            /* uids of bindings that a live GET showed, and when */
};

struct replica *replica_new(struct world *world, struct place *place);
/* Of its place. */
const char *replica_name(const struct replica *replica);
/* When it has to be run on, unless its place is paused. */
int64_t replica_due(const struct replica *replica);
/* Runs it on when that time has come. */
void replica_run(struct replica *replica);
/* It is dead from now on. */
void replica_kill(struct replica *replica, const char *why);
/* True when its code has come to its end. */
bool replica_ended(const struct replica *replica);
void replica_free(struct replica *replica);

/* For the world: an answer, a change. */
void replica_answer(struct replica *replica, struct call *call);
void replica_bring(struct replica *replica, struct change change);
/* It is about to be handed the last of a whole state, which is empty by mistake or not. */
void replica_note_state(struct replica *replica, enum resource resource, bool empty);
/* What its own stores show. */
struct view replica_view(const struct replica *replica);
