/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script - a world for struct ports that does what a test says, and nothing by itself.
 *
 * next() gives, in this order: PORT_GONE when `gone`; the queued changes, all at once; a wake-up;
 * an answer by `answer` to a call under way; PORT_TIMEOUT at the deadline, to which the clock then
 * moves. A wait that would never end fails the test.
 */
#pragma once

#include "controller/ports.h"

#define SCRIPT_ROOM 64

struct script_watch {
    enum resource resource;
    uint64_t watch;
    bool initial;
    char version[64];
};

struct script {
    struct ports ports;
    int64_t now; /* ms since boot */
    int64_t lease_until;
    uint64_t random;
    bool gone;
    unsigned wakes;
    struct changes queued;

    void (*answer)(struct script *script, struct call *call); /* fills the outputs or the error */
    void *context;                                            /* of answer() */
    bool newest_first;                                        /* answers, of the calls under way */
    struct call *under_way[SCRIPT_ROOM];
    size_t under_way_count;
    size_t most_under_way, started;

    struct script_watch watches[SCRIPT_ROOM]; /* opened, in order */
    size_t watch_count;
};

void script_init(struct script *script);
void script_release(struct script *script);

/* Queues what a watch brings; `record` becomes the script's, `version` and `error` are copied. */
void script_change(struct script *script, enum resource resource, uint64_t watch,
                   enum change_kind kind, void *owned_record, const char *version,
                   const struct error *error);
/* The watch opened last. */
const struct script_watch *script_watch(const struct script *script);
