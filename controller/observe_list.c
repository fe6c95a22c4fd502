/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe_list.h"

#include "base/least.h"
#include "base/mem.h"
#include "controller/gather.h"

#define SURPRISE_MS 10000
#define LIST_CAP 100000 /* associations; EKS allows 5,000 a cluster */

static int64_t now_of(const struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return ports->now(ports->world);
}

static int64_t wait_of(struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return backoff_next(&observe->list_backoff, ports->random(ports->world));
}

void listing_release(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        mem_free(listing->items[i]);
    mem_free(listing->items);
    *listing = (struct listing){0};
}

void listing_take_page(struct listing *listing, struct associations_page *page)
{
    for (size_t i = 0; i < page->count && listing->count < LIST_CAP; i++) {
        MEM_GROW(listing->items, listing->count, listing->capacity);
        listing->items[listing->count++] = page->items[i];
        page->items[i] = NULL;
    }
}

void listing_hand_over(struct observe *observe, struct listing *listing,
                       const struct association_key *key)
{
    mirror_take_list(&observe->mirror, key, listing->items, listing->count, listing->started);
    listing->count = 0;
    observe->rotation_due = 0; /* what came new has its turn first */
}

static int list_pages(struct observe *observe, struct listing *ret_listing, struct error *err)
{
    CLEANUP_FREE char *token = mem_strdup("");

    ret_listing->started = now_of(observe);
    do {
        CLEANUP(call_release)
        struct call call = {.verb = CALL_LIST_ASSOCIATIONS, .cluster = observe->cluster.name};

        call.in.list.key = (struct association_key){"", ""};
        call.in.list.next_token = token;
        if (gather_call(observe->intake, &observe->pace, &call, err) < 0)
            return -1;
        if (call.detail == DETAIL_CLUSTER_MISSING)
            observe_doubt_cluster(observe);
        if (call.error.kind != ERROR_NONE) {
            *err = call.error;
            return -1;
        }
        listing_take_page(ret_listing, &call.out.page);
        mem_free(token);
        token = call.out.page.next_token ? call.out.page.next_token : mem_strdup("");
        call.out.page.next_token = NULL;
    } while (token[0] != '\0' && ret_listing->count < LIST_CAP);
    if (token[0] != '\0')
        return error_set(err, ERROR_INVALID, "EKS lists more than %d associations", LIST_CAP);
    return 0;
}

int64_t observe_list_due(const struct observe *observe)
{
    int64_t due = observe->list_due;

    if (observe->surprised)
        due = least(due, observe->mirror.listed_at + SURPRISE_MS);
    if (observe->list_wanted_at)
        due = least(due, observe->list_wanted_at);
    return due > observe->list_not_before ? due : observe->list_not_before;
}

int observe_list(struct observe *observe, struct error *err)
{
    CLEANUP(listing_release) struct listing listing = {0};

    if (now_of(observe) < observe->list_not_before) {
        *err = observe->trouble;
        return observe->mirror.listed_at ? 0 : -1;
    }
    if (list_pages(observe, &listing, err) < 0) {
        if (err->kind == ERROR_GONE)
            return -1;
        observe->trouble = *err;
        observe->list_not_before = now_of(observe) + most(wait_of(observe), err->retry_after_ms);
        return observe->mirror.listed_at ? 0 : -1;
    }
    error_clear(&observe->trouble);
    backoff_reset(&observe->list_backoff);
    observe->list_not_before = 0;
    observe->surprised = false;
    if (listing.started >= observe->list_wanted_at)
        observe->list_wanted_at = 0;
    observe->list_due = listing.started + observe->settings->existence_interval_ms;
    listing_hand_over(observe, &listing, NULL);
    return 0;
}
