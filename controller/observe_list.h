/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe_list - the Lists that controller/observe makes, and when the next one is due.
 *
 * One is due every existence interval; 10 s after the last when EKS was not as we thought; and
 * MIRROR_UNSURE_MS after we began to lead, to show all that was done before us. After one that
 * failed none is made before its backoff has passed, whoever wants it.
 */
#pragma once

#include "controller/observe.h"

struct listing {
    struct association **items; /* owned */
    size_t count;
    size_t capacity;
    int64_t started;
};
void listing_release(struct listing *listing);
/* The page's items become the listing's. */
void listing_take_page(struct listing *listing, struct associations_page *page);
/* The listing's items become the mirror's; `key` NULL: of the whole cluster. */
void listing_hand_over(struct observe *observe, struct listing *listing,
                       const struct association_key *key);

/* ms since boot */
int64_t observe_list_due(const struct observe *observe);
/* Lists all, unless one failed just now. Returns 0 when the mirror holds a List, an older one
 * maybe; otherwise -1, with ERROR_GONE when the world is gone. */
int observe_list(struct observe *observe, struct error *err);
