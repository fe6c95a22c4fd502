/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garble - what can happen to an answer or an event between a server that did its work and a reader
 * that can make nothing of it: proxies, cuts, wrong bytes. None of it may be taken for news.
 *
 * Nothing here lies: what comes out is unreadable, or says less than the server said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/http.h"
#include "controller/ports.h"
#include "tests/sim/tape.h"

enum garble {
    GARBLE_HTML,             /* a page, with 200 */
    GARBLE_EMPTY,            /* nothing, with the server's own status */
    GARBLE_CUT,              /* the first part of the body */
    GARBLE_BYTE,             /* a byte that is not UTF-8 */
    GARBLE_TWICE,            /* the body, and then again */
    GARBLE_DEEP,             /* brackets within brackets */
    GARBLE_OTHER,            /* JSON, but not of this kind */
    GARBLE_PROXY,            /* a proxy's 502, 503 or 504 */
    GARBLE_STRANGER,         /* 404, NotFound, of another object; only in place of what was read */
    GARBLE_FRAME_CUT,        /* of a watch: the first part of an event */
    GARBLE_FRAME_TYPE,       /* an event of a type that nobody knows */
    GARBLE_FRAME_BARE,       /* an event without a version */
    GARBLE_FRAME_GONE,       /* an ERROR: 410 */
    GARBLE_FRAME_ERROR,      /* an ERROR: 500, or without a Status */
    GARBLE_FRAME_UNREADABLE, /* besides what happened, an object that is no record */
    GARBLE_COUNT,
};

struct garble_tally {
    uint64_t answers, frames; /* that went by, garbled or not */
    uint64_t garbled[GARBLE_COUNT];
    uint64_t skewed; /* signatures of a wrong time */
};

/* Makes that of an answer. `write`: of a call that changes something. */
void garble_answer(enum garble garble, struct tape *dice, struct http_answer *answer);
/* What may become of this answer; `effect` false: it is of a call that only reads. */
enum garble garble_draw(struct tape *dice, bool effect);
/* The text of an event that `event` becomes. */
void garble_frame(enum garble garble, struct tape *dice, const char *event,
                  struct strbuf *ret_event);
enum garble garble_draw_frame(struct tape *dice);

const char *garble_name(enum garble garble);
void garble_print(const struct garble_tally *tally);
