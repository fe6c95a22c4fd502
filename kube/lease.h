/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease - leader election by a Lease object, as a state machine. Pure: no I/O, no clock, no memory
 * but the struct itself; the simulator runs the same object code.
 *
 * The caller loops: ask lease_step(); do what it says, one call at a time; hand the outcome to
 * lease_answer(). LEASE_WAIT says when to ask again at the latest; asking earlier does no harm.
 *
 *   GET ─▶ nobody's, expired, our own ─▶ UPDATE ─▶ leading ─▶ UPDATE every retry_ms
 *    ├───▶ another's ─▶ wait                          └─▶ 10 s without success,
 *    └───▶ not found ─▶ CREATE                            or another's ─▶ lost
 *
 * Rules
 * - Nobody's clock is compared with ours. Another's lease has expired when its record has not
 *   changed for its own duration on our monotonic clock, from our first look on; and then a fresh
 *   GET must show it still unchanged.
 * - A write counts from the moment before it was sent: lease_until() is that moment plus
 *   renew_deadline_ms. A write that is over by then is over before anybody else can take over.
 * - All writes carry the resourceVersion of the record that they replace: a conflict means GET.
 * - A Lease that was deleted while another's record that we saw had not expired is waited for until
 *   it would have: who held it may go on that long.
 * - A record with our identity is ours: taken back at once.
 * - An unknown outcome means GET before the next write.
 * - A watch, where there is one, saves calls: while it shows another's renewals, nothing is asked.
 * - Seeing the Lease gone or nobody's while leading stops writes until we hold it again; seeing
 *   another's name means lost, for good: the process is to end.
 *
 * Source: k8s.io/client-go tools/leaderelection/leaderelection.go, with GET before takeover and the
 * deadline counted from the send.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define LEASE_IDENTITY_SIZE 256
#define LEASE_VERSION_SIZE 128

/* What the Lease says. */
struct lease_record {
    char holder[LEASE_IDENTITY_SIZE]; /* "": nobody */
    int64_t duration_s;               /* 0: not said */
    int64_t acquire_us;               /* microseconds since 1970; 0: not said */
    int64_t renew_us;
    int64_t transitions;
    char version[LEASE_VERSION_SIZE]; /* resourceVersion; in a record to be written: of the one
                                         replaced */
};

struct lease_settings {
    const char *identity;      /* copied; shorter than LEASE_IDENTITY_SIZE */
    int64_t duration_ms;       /* 15,000 */
    int64_t renew_deadline_ms; /* 10,000 */
    int64_t retry_ms;          /* 2,000 */
};

enum lease_state {
    LEASE_FOLLOWING,
    LEASE_LEADING,  /* held now, or being renewed; lease_until() says whether writes may start */
    LEASE_LOST,     /* led, and does no more: for good */
    LEASE_RELEASED, /* after lease_release(): nothing more to do */
};

enum lease_move {
    LEASE_WAIT,   /* until `until_ms`, or until something is observed */
    LEASE_GET,    /* the newest, not from a cache */
    LEASE_CREATE, /* `record` */
    LEASE_UPDATE, /* `record`, if the Lease is still at record.version */
    LEASE_DONE,   /* the state is LOST or RELEASED */
};

struct lease_action {
    enum lease_move move;
    int64_t until_ms; /* WAIT: ask again then. Otherwise: the call must be over by then */
    struct lease_record record;
};

struct lease {
    char identity[LEASE_IDENTITY_SIZE];
    int64_t duration_ms, renew_deadline_ms, retry_ms;

    enum lease_state state;
    bool known;   /* `seen` holds a record */
    bool missing; /* the server says that there is no Lease */
    bool fresh;   /* known or missing is the newest, and a write may follow from it */
    bool unsure;  /* a write of ours has an unknown outcome */
    struct lease_record seen;
    int64_t seen_ms; /* when its content last changed, by our clock */

    enum lease_move sent; /* the call under way; LEASE_WAIT: none */
    int64_t sent_ms;
    bool sent_release;     /* it gives the lease up */
    int64_t wait_until_ms; /* no call before */
    unsigned failures;     /* in a row */

    int64_t held_until_ms; /* 0: no write may start */
    int64_t lost_at_ms;    /* leading: without a success by then it is lost */
    bool releasing;
    unsigned release_calls;
};

/* ERROR_INVALID, with a sentence, unless duration > renew deadline > 1.2 x retry, retry >= 100 ms
 * and the identity is 1 to 255 bytes. */
int lease_init(struct lease *lease, const struct lease_settings *settings, struct error *err);

/* What to do now. `wall_us` is only written into the record. */
struct lease_action lease_step(struct lease *lease, int64_t now_ms, int64_t wall_us);

/* How the call of the last step ended. `kind` is that of its error; `record` what the server
 * answered with (GET: the Lease, CREATE and UPDATE: the Lease as written), NULL without one.
 * `retry_after_ms` as the server asked, 0 if it did not. */
void lease_answer(struct lease *lease, int64_t now_ms, enum error_kind kind,
                  const struct lease_record *record, int64_t retry_after_ms);

/* Something else (a watch) saw the Lease at `at_ms`, not long ago. NULL: it was deleted. Only a
 * hint: it is never enough to take over or to renew on. Nobody's, or another's while we lead: a GET
 * at once. Another's while we follow: the next GET waits until LEASE_SILENCE_RETRIES retry periods
 * have brought nothing new, or the record has expired. */
#define LEASE_SILENCE_RETRIES 3
void lease_observe(struct lease *lease, int64_t at_ms, const struct lease_record *record);

/* Gives the lease up: from now lease_until() is 0, and the next steps write it, with
 * LEASE_RELEASE_CALLS calls at most. Call it when all work has stopped. */
#define LEASE_RELEASE_CALLS 6
void lease_release(struct lease *lease, int64_t now_ms);

/* Milliseconds since boot until which a write may be under way; 0 while the lease is not ours. */
int64_t lease_until(const struct lease *lease);
/* Who holds it, as last seen; "" for nobody or not known. Borrowed. */
const char *lease_holder(const struct lease *lease);
