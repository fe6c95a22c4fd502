/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror - what EKS holds, as far as we know, with our own writes laid over what its lists show.
 *
 * One entry a key, sorted by key. An entry may stand without an association: something was tried
 * there and must be remembered (a create whose outcome is unknown, a failure to retry later).
 *
 * EKS is eventually consistent both ways, so for MIRROR_SETTLE_MS after our own write a List or
 * Describe that does not show it yet is no news (rule C5):
 *
 *     created by us, not listed, or 404    stays
 *     updated by us, Describe differs      ours stands, unless its modifiedAt is later
 *     deleted by us, still listed          stays, marked deleted, until a List does not show it
 *     ... and listed once more after that  a ghost: not taken in
 *
 * A later modifiedAt tells that an Update was done whose answer was lost.
 *
 * A call whose caller has given up, or died, may still be carried out. So what it did shows, or was
 * never done, only MIRROR_UNSURE_MS after that: the same holds for all that a process can have sent
 * which led before this one.
 *
 * What is read to be otherwise than we wrote it, and is not older, is a revert (reconcile/contest).
 *
 * Pure: time (ms since boot) is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconcile/association.h"
#include "reconcile/contest.h"

#define MIRROR_SETTLE_MS 60000
#define MIRROR_LATE_MS 15000 /* how long after its caller's end a call may still take effect */
#define MIRROR_UNSURE_MS (MIRROR_LATE_MS + MIRROR_SETTLE_MS)

/* Why a key is not as wanted, when the last try said so. The names are the reasons in status. */
enum trouble {
    TROUBLE_NONE,
    TROUBLE_RETRYING, /* transient, unknown outcome, conflict: tried again soon */
    TROUBLE_THROTTLED,
    TROUBLE_DENIED,
    TROUBLE_PASS_ROLE,
    TROUBLE_ROLE_MISSING,
    TROUBLE_ROLE_WAIT, /* the role does not exist yet: IAM propagation, for the first two minutes */
    TROUBLE_TRUST,
    TROUBLE_QUOTA,
    TROUBLE_INVALID,
    TROUBLE_GHOST,  /* reads and writes differ: EKS says that the key is taken, but no List shows by
                       what; or it does not show what we wrote */
    TROUBLE_HIDDEN, /* the key is taken by what no List has shown for two minutes */
};

struct mirror_trouble {
    enum trouble kind;
    unsigned failures; /* in a row */
    int64_t since;     /* first failure of this kind in this row */
    int64_t retry_at;
    int64_t generation;             /* of the binding it was tried for: a new one clears it */
#define TROUBLE_ANY_GENERATION (-1) /* a read failed, whoever wants the key */
    char uid[64];                   /* of that binding, cut; "": any */
    char text[512];
};

/* What we deleted last under a key: reads may show it again for a while, it is not there. */
struct mirror_ghost {
    int64_t at;
    char id[]; /* of the association */
};

/* A Create that is sent until its outcome is known, always under one token. */
struct mirror_create {
    uint64_t token[2]; /* zero: to be drawn */
    uint64_t wish;     /* what it asks for, as a hash */
};

/* There is one for each association of the cluster, so what few need is apart. */
struct mirror_entry {
    struct association_key key;      /* owned with the entry */
    struct association *association; /* owned; NULL: none known */
    int64_t described_at;            /* all times in ms since boot, 0: never */
    int64_t tried_at;                /* a Describe brought nothing new, or failed */
    int64_t created_at;              /* by us */
    int64_t written_at;              /* last Create, Update or tag change by us */
    int64_t told_at;                 /* by us, and all of it is known since */
    int64_t deleted_at;              /* by us; the key is not free yet */
    int64_t confirm_at;              /* deleted: when to look whether it is gone */
    struct mirror_ghost *ghost;      /* owned; NULL: none */
    int64_t maybe_at;                /* a Create was sent whose outcome is not known: it may still
                                        have effect, whatever a List started within
                                        MIRROR_UNSURE_MS shows */
    int64_t unsure_at;            /* an Update or tag change was sent whose outcome is not known */
    int64_t maybe_gone_at;        /* a Delete was sent whose outcome is not known */
    int64_t absent_since;         /* since when the selected service account is gone */
    struct mirror_create *create; /* owned; the logical create under way; NULL: none */
    bool look;                    /* look at this key before doing anything to it */
    bool recheck;                 /* describe it again, soon */
    bool unshown; /* an Update's outcome is not known, and no read has shown it done:
                                     what we know of the access may be old */
    bool stands;  /* nobody has undone our last write, as far as we know */
    bool settle;  /* a plan waits for a description that is settled, see below */
    bool listed;  /* scratch, while a list is taken in */
    struct mirror_trouble *trouble; /* owned; NULL: none */
    struct contest *contest;        /* owned; NULL: nothing that we wrote was undone */
};

/* A binding's UID, hashed: a pass may bring thousands. */
struct mirror_newcomer {
    uint8_t digest[16]; /* the first half of the SHA-256 */
};

struct mirror {
    struct mirror_entry **entries; /* owned */
    size_t count;
    size_t capacity;
    int64_t listed_at; /* start of the last full List that completed; 0: never */
    int64_t epoch;     /* since when this process leads: before it, another may have written */
    struct mirror_newcomer *newcomers; /* owned, sorted: who got their finalizer since `epoch` */
    size_t newcomer_count, newcomer_capacity;
};

/* Index of the first entry whose key is not smaller. */
size_t mirror_position(const struct mirror *mirror, const struct association_key *key);
struct mirror_entry *mirror_find(const struct mirror *mirror, const struct association_key *key);
/* The entry of a key, made if need be. */
struct mirror_entry *mirror_entry(struct mirror *mirror, const struct association_key *key);

/* Takes in a complete list: summaries in any order, which become the mirror's (the array stays the
 * caller's). `key` NULL: of the whole cluster; otherwise of that key only.
 * `started` is when the first page was asked for. */
void mirror_take_list(struct mirror *mirror, const struct association_key *key,
                      struct association **owned_items, size_t count, int64_t started);

/* A Describe's answer; the association becomes the mirror's. */
void mirror_described(struct mirror_entry *entry, struct association *owned, int64_t now);
/* True when we created the association within the settling time: it may not show yet. */
bool mirror_may_lag(const struct mirror_entry *entry, int64_t now);
/* A Describe said that the association does not exist. Returns false, and changes nothing, when it
 * may lag. */
bool mirror_vanished(struct mirror_entry *entry, int64_t now);
/* An Update or Tag said so, and writes know before reads do: what Lists show of it is a ghost. */
bool mirror_refused(struct mirror_entry *entry, int64_t now);
/* A Create is to be sent: entry->create is there afterwards, with a zero token for a new wish. */
void mirror_creating(struct mirror_entry *entry, uint64_t wish);
/* The next one is another logical create. */
void mirror_not_creating(struct mirror_entry *entry);
/* A Create's or Update's answer. */
void mirror_created(struct mirror_entry *entry, struct association *owned, int64_t now);
void mirror_updated(struct mirror_entry *entry, struct association *owned, int64_t now);
/* A Delete was accepted. */
void mirror_deleted(struct mirror_entry *entry, int64_t now);
/* TagResource or UntagResource answered: these are its tags now, if what was known was `settled`.
 */
void mirror_retagged(struct mirror_entry *entry, const char *tags, bool settled, int64_t now);

/* Remembers a failure; a row of the same kind counts on and keeps its `since`. */
void mirror_failed(struct mirror_entry *entry, enum trouble kind, const char *text,
                   int64_t generation, int64_t now, int64_t wait_ms);
/* What failed was tried for this binding: the trouble ends with its claim on the key. */
void mirror_blame(struct mirror_entry *entry, const char *uid);
/* The step under this key is that of this binding, as of this generation: forgets what failed for
 * another one, or before its last edit. */
void mirror_claimed(struct mirror_entry *entry, const char *uid, int64_t generation);
void mirror_succeeded(struct mirror_entry *entry);
/* The trouble that stands for a binding of this generation, or NULL: an edit makes a new start. */
const struct mirror_trouble *mirror_trouble(const struct mirror_entry *entry, int64_t generation);

/* A person has the last word: what was undone counts no more. */
void mirror_uncontest(struct mirror_entry *entry);
/* When to describe what was written again after it had been undone; INT64_MAX: no need. */
int64_t mirror_watch_at(const struct mirror_entry *entry);

/* True when the last full List showed all that whoever led before us may have made. */
bool mirror_is_whole(const struct mirror *mirror);
/* A binding has got its finalizer from us: nobody can have made anything for it before. */
void mirror_note_newcomer(struct mirror *mirror, const char *uid);
bool mirror_is_newcomer(const struct mirror *mirror, const char *uid);
/* Its finalizer is gone. */
void mirror_forget_newcomer(struct mirror *mirror, const char *uid);
/* From when on a Describe shows all that may have been written under this key without our knowing:
 * by whoever led before us, or by a call of ours whose outcome is unknown. */
int64_t mirror_settles_at(const struct mirror *mirror, const struct mirror_entry *entry);
/* True when what we know of the association was described after that, or told by a write's answer
 * when no other call could come after it. */
bool mirror_is_settled(const struct mirror *mirror, const struct mirror_entry *entry);
/* Drops entries that hold nothing worth remembering. Pointers to entries end here, and only here.
 */
void mirror_purge(struct mirror *mirror, int64_t now);
void mirror_release(struct mirror *mirror);
