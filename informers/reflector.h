/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reflector - list-then-watch of one resource as a state machine: what happened goes in, the next
 * move comes out. No sockets, no clock, no records.
 *
 *      ┌────────────── 410, 30 s without our own write ──────────────┐
 *      ▼                                                             │
 *   STREAMING ──synced──▶ WATCHING ◀──opened── RESUMING ◀──closed── WATCHING
 *      │ 422: no sendInitialEvents here              ▲
 *      └──▶ LISTING ──last page──────────────────────┘
 *
 * The first state is asked for as a stream of the watch (sendInitialEvents); where the server does
 * not know that, by pages and then a watch. Every end of a watch looks alike, so it is always
 * resumed from the last version seen and nothing is assumed.
 *
 * Waits between tries are jittered and double from 0.8 s to 15 s, so that 20 s after the end of any
 * trouble all is seen again; a watch that lasted two minutes, or ended in order, resets them. A
 * watch that ends within 1 s without an event counts as trouble.
 *
 * Source: k8s.io/client-go tools/cache/reflector.go; KEP-3157 for the stream.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/backoff.h"
#include "base/error.h"

#define REFLECTOR_VERSION_SIZE 64

enum reflector_state {
    REFLECTOR_IDLE,      /* waiting to start over, or to resume */
    REFLECTOR_STREAMING, /* a watch with initial events is open or opening */
    REFLECTOR_LISTING,   /* a page is asked for */
    REFLECTOR_WATCHING,  /* a watch from `version` is open or opening */
};

enum reflector_move {
    REFLECTOR_NONE,   /* nothing to do before `due` */
    REFLECTOR_STREAM, /* open a watch with initial events; stage what it brings */
    REFLECTOR_LIST,   /* ask for the page at `page`; stage it */
    REFLECTOR_WATCH,  /* open a watch from `version` */
};

struct reflector {
    enum reflector_state state;
    bool synced;                          /* a whole state has been taken over at least once */
    bool by_pages;                        /* the server does not stream */
    bool stale;                           /* ... but not since reflector_renew() */
    bool start_over;                      /* the next move takes the whole state anew */
    bool heard;                           /* this watch has brought something */
    char version[REFLECTOR_VERSION_SIZE]; /* newest seen: where to resume */
    char page[4096];                      /* continue token of the next page; "": the first */
    int64_t due;                          /* no move before, ms since boot */
    int64_t opened_at;
    struct backoff backoff;
};

void reflector_init(struct reflector *reflector);

/* What to do now; the reflector takes it as done: tell how it went with the functions below. */
enum reflector_move reflector_next(struct reflector *reflector, int64_t now);

/* The watch stands. */
void reflector_opened(struct reflector *reflector, int64_t now);
/* An event or a bookmark came, with the version it carries. Returns false when a plain watch says
 * again what is known: its versions only rise. */
bool reflector_saw(struct reflector *reflector, const char *version);
/* The streamed state is whole: take the staged records over. */
void reflector_streamed(struct reflector *reflector, const char *version, int64_t now);
/* A page came. Returns true when it was the last one: take the staged records over. A token that
 * does not fit `page` starts the list over at once: tell reflector_failed() instead. */
bool reflector_listed(struct reflector *reflector, const char *version, const char *continue_token);
/* The watch or the page failed, or the watch ended (`error` of kind NONE). Staged records are void,
 * unless it was a plain watch. */
void reflector_failed(struct reflector *reflector, const struct error *error, int64_t now,
                      uint64_t random);
/* Take the whole state anew, soon. */
void reflector_restart(struct reflector *reflector);
/* Nothing may follow from what is known, or is under way, any more: take the whole state anew, at
 * once. It is `stale` until one that was asked for after this has been taken over. */
void reflector_renew(struct reflector *reflector);
