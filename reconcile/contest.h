/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contest - somebody else keeps undoing what we write under a key (rule W5).
 *
 * A revert is: what we wrote, and EKS took, is not so any more. The association is gone, or its
 * access or its tags are others. The mirror counts it as it takes in what it reads; what may only be
 * older than our write is no revert. Three within ten minutes make the key *contested*: from then on
 * it is written once an hour at most, until that has stood for an hour.
 *
 * It is kept in memory alone, for few keys: after a restart, and under another leader, it counts
 * anew. So it does when a person edits the binding or sets podbind.dev/reconcile-at.
 *
 * Pure: time (ms since boot) is an argument.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CONTEST_REVERTS 3
#define CONTEST_WINDOW_MS (10 * 60 * 1000)
#define CONTEST_RETRY_MS (60 * 60 * 1000)

enum contest_kind { CONTEST_DELETED, CONTEST_ACCESS, CONTEST_TAGS };

/* Zeroed: nothing was undone yet. */
struct contest {
    enum contest_kind kind; /* of the last revert */
    unsigned count;         /* in this row */
    int64_t since;          /* the first of the row, ms since boot */
    int64_t at[CONTEST_REVERTS];
    int64_t retry_at; /* contested: not to be written before; 0: not contested */
    /* The same for people, microseconds since 1970: worked out once, so that what they read does not
     * change with every look. */
    int64_t told_for, since_us, retry_us;
    uint64_t wish; /* of whom, by which edit: a hash; 0: not known yet */
};

/* Something was undone. */
void contest_count(struct contest *contest, enum contest_kind kind, int64_t now);
/* When nothing of it counts any more, unless something is undone before. */
int64_t contest_ends(const struct contest *contest);
/* The binding of this UID holds the key, at this generation. Returns false when the reverts were of
 * what another, or another edit of it, had asked for: then it ends. */
bool contest_is_of(struct contest *contest, const char *uid, int64_t generation);
/* Works out the times for people. */
void contest_tell(struct contest *contest, int64_t now, int64_t wall_us);

#define CONTEST_TIME_SIZE 24
/* 2026-11-28T17:23:03Z */
void contest_time(int64_t us, char ret_text[CONTEST_TIME_SIZE]);
