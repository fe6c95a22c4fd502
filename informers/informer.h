/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer - one resource kept in step with the API server: drives a reflector, fills a store.
 *
 * The layer above carries out the moves (it has the connections) and hands in what came back. While
 * a first state is streamed or listed it is staged beside the store, which then changes in one go:
 * so an incomplete list never makes anything disappear.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "informers/reflector.h"
#include "informers/store.h"

struct informer {
    struct reflector reflector;
    struct store store;
    struct store staged;
    uint64_t watch;   /* number of the watch whose events count; 0: none */
    uint64_t relists; /* how often the whole state was taken over */
    size_t relisted;  /* objects in the last one */
    bool over_cap;    /* more objects than STORE_CAP came */
};

void informer_init(struct informer *informer, const struct store_kind *kind);
void informer_release(struct informer *informer);

/* What to do now; see reflector_next(). A STREAM or WATCH is to be opened under the number
 * informer->watch, which this call raises. */
enum reflector_move informer_next(struct informer *informer, int64_t now);
/* True once a whole state has been taken over. */
bool informer_synced(const struct informer *informer);
/* Takes the whole state anew: what was asked for before this is not trusted any more. */
void informer_renew(struct informer *informer);
/* True once a whole state has been taken over that was asked for after the last informer_renew(). */
bool informer_current(const struct informer *informer);

/* From a watch; those of an earlier number are dropped. The record becomes the informer's. */
void informer_opened(struct informer *informer, uint64_t watch, int64_t now);
void informer_put(struct informer *informer, uint64_t watch, void *owned_record);
void informer_removed(struct informer *informer, uint64_t watch, void *owned_record);
void informer_bookmark(struct informer *informer, uint64_t watch, const char *version);
void informer_streamed(struct informer *informer, uint64_t watch, const char *version, int64_t now);
void informer_closed(struct informer *informer, uint64_t watch, const struct error *error,
                     int64_t now, uint64_t random);

/* From a page. The records become the informer's, the array stays the caller's. */
void informer_page(struct informer *informer, void **owned_records, size_t count,
                   const char *version, const char *continue_token);
void informer_page_failed(struct informer *informer, const struct error *error, int64_t now,
                          uint64_t random);
