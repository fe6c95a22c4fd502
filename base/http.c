/* SPDX-License-Identifier: Apache-2.0 */
#include "base/http.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_peer.h"
#include "base/http_transfer.h"
#include "base/mem.h"

#define IDLE_MOST 64         /* handles kept for the next request */
#define CONNECTIONS_MOST 64L /* idle connections kept per pool */
#define RETIRED_TURN_MS 20   /* retired pools are looked at that often */
#define WAIT_MOST_MS 60000
/* libcurl looks at every transfer under way in each turn. With so many of them, what comes back
 * within this time is taken in by one turn. */
#define MANY_UNDER_WAY 16
#define GATHER_MS 10

/* A multi handle and its connections. The first of the engine's list takes new requests; the
 * others are retired and end with their last transfer. */
struct http_pool {
    struct http_pool *next;
    CURLM *multi;
    size_t under_way;
};

struct http {
    struct http_pool *pools;
    struct http_transfer *under_way;
    struct http_transfer *done, *last_done; /* oldest first */
    struct http_transfer *idle;             /* last used first */
    size_t idle_count;
    size_t pending;
    bool due;        /* something was started, or came in, since the last turn */
    int64_t turn_by; /* by time alone */
    int64_t news_ms; /* since when news are gathered: the last turn that took some in */
    int wake_fd;     /* readable after a wake, so that no wake is lost between look and wait */
    atomic_bool woken;
};

static void add_pool(struct http *http)
{
    struct http_pool *pool = mem_alloc(sizeof *pool);

    pool->multi = curl_multi_init();
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MOST);
    pool->next = http->pools;
    http->pools = pool;
}

static void free_pool(struct http_pool *pool)
{
    curl_multi_cleanup(pool->multi);
    mem_free(pool);
}

struct http *http_new(void)
{
    struct http *http = mem_alloc(sizeof *http);

    http->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    add_pool(http);
    return http;
}

/* ---- idle handles ---- */

static void free_idle_of_freed_peers(struct http *http)
{
    struct http_transfer **link = &http->idle;

    while (*link) {
        struct http_transfer *transfer = *link;

        if (!atomic_load(&transfer->peer->freed)) {
            link = &transfer->next;
            continue;
        }
        *link = transfer->next;
        http->idle_count--;
        http_transfer_free(transfer);
    }
}

static struct http_transfer *take_idle(struct http *http, const struct http_peer *peer)
{
    for (struct http_transfer **link = &http->idle; *link; link = &(*link)->next) {
        struct http_transfer *transfer = *link;

        if (transfer->peer == peer) {
            *link = transfer->next;
            http->idle_count--;
            return transfer;
        }
    }
    return NULL;
}

static void keep_idle(struct http *http, struct http_transfer *transfer)
{
    if (http->idle_count >= IDLE_MOST || atomic_load(&transfer->peer->freed)) {
        http_transfer_free(transfer);
        return;
    }
    transfer->next = http->idle;
    http->idle = transfer;
    http->idle_count++;
}

/* ---- under way, and done ---- */

static void add_under_way(struct http *http, struct http_transfer *transfer)
{
    transfer->pool = http->pools;
    transfer->pool->under_way++;
    transfer->previous = NULL;
    transfer->next = http->under_way;
    if (transfer->next)
        transfer->next->previous = transfer;
    http->under_way = transfer;
    curl_multi_add_handle(transfer->pool->multi, transfer->easy);
    http->due = true;
}

static void remove_under_way(struct http *http, struct http_transfer *transfer)
{
    curl_multi_remove_handle(transfer->pool->multi, transfer->easy);
    transfer->pool->under_way--;
    transfer->pool = NULL;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        http->under_way = transfer->next;
}

static void add_done(struct http *http, struct http_transfer *transfer)
{
    transfer->next = NULL;
    if (http->done)
        http->last_done->next = transfer;
    else
        http->done = transfer;
    http->last_done = transfer;
}

static bool take_done(struct http *http, struct http_answer *ret_answer)
{
    struct http_transfer *transfer = http->done;

    if (!transfer)
        return false;
    http->done = transfer->next;
    http->pending--;
    http_transfer_take(transfer, ret_answer);
    keep_idle(http, transfer);
    return true;
}

void http_start(struct http *http, struct http_peer *peer, const struct http_request *request)
{
    struct http_transfer *transfer = take_idle(http, peer);

    if (!transfer) {
        free_idle_of_freed_peers(http);
        transfer = http_transfer_new(peer);
    }
    http->pending++;
    if (http_transfer_prepare(transfer, request))
        add_under_way(http, transfer);
    else
        add_done(http, transfer);
}

size_t http_pending(const struct http *http)
{
    return http->pending;
}

/* ---- turning ---- */

static void collect(struct http *http, struct http_pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left))) {
        CURLcode result = message->data.result;
        char *private = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct http_transfer *transfer = (struct http_transfer *)(void *)private;
        remove_under_way(http, transfer);
        http_transfer_conclude(transfer, result);
        add_done(http, transfer);
    }
}

/* A flow that goes on too long says nothing of the other connections, and its own one is closed. */
static void time_out(struct http *http, struct http_transfer *transfer)
{
    if (transfer->left && !transfer->flows && transfer->pool == http->pools)
        add_pool(http); /* retires the old one */
    remove_under_way(http, transfer);
    http_transfer_overdue(transfer);
    add_done(http, transfer);
}

/* Deadlines are kept here and not by libcurl, which does not look at a transfer that waits for a
 * connection. */
static void end_overdue(struct http *http)
{
    int64_t now = clock_boot_ms();
    struct http_transfer *next;

    for (struct http_transfer *transfer = http->under_way; transfer; transfer = next) {
        next = transfer->next;
        if (transfer->ends_ms <= now)
            time_out(http, transfer);
    }
}

static void free_drained(struct http *http)
{
    struct http_pool **link = &http->pools->next;

    while (*link) {
        struct http_pool *pool = *link;

        if (pool->under_way > 0) {
            link = &pool->next;
            continue;
        }
        *link = pool->next;
        free_pool(pool);
    }
}

static int64_t next_turn(const struct http *http)
{
    int64_t now = clock_boot_ms(), next = now + WAIT_MOST_MS;
    long timeout_ms = -1;

    for (const struct http_transfer *transfer = http->under_way; transfer;
         transfer = transfer->next)
        next = transfer->ends_ms < next ? transfer->ends_ms : next;
    curl_multi_timeout(http->pools->multi, &timeout_ms);
    if (timeout_ms >= 0 && now + timeout_ms < next)
        next = now + timeout_ms;
    if (http->pools->next && now + RETIRED_TURN_MS < next)
        next = now + RETIRED_TURN_MS;
    return next;
}

static void turn(struct http *http)
{
    int running;

    for (struct http_pool *pool = http->pools; pool; pool = pool->next) {
        curl_multi_perform(pool->multi, &running);
        collect(http, pool);
    }
    end_overdue(http);
    free_drained(http);
    http->due = false;
    http->turn_by = next_turn(http);
}

static int wait_bound(const struct http *http, int64_t until_ms)
{
    int64_t bound = (until_ms < http->turn_by ? until_ms : http->turn_by) - clock_boot_ms();

    return bound > 0 ? (int)bound : 0;
}

static void drain_wake_fd(const struct http *http)
{
    uint64_t wakes;
    ssize_t count = read(http->wake_fd, &wakes, sizeof wakes);

    (void)count;
}

static void gather(struct http *http, int64_t until_ms)
{
    int64_t now = clock_boot_ms(), enough = http->news_ms + GATHER_MS;
    int64_t left = (enough < until_ms ? enough : until_ms) - now;

    if (http->pools->under_way >= MANY_UNDER_WAY && left > 0)
        nanosleep(&(struct timespec){.tv_nsec = left * 1000000}, NULL);
    http->news_ms = clock_boot_ms();
}

/* A wake also makes `wake_fd` readable, which the flag may have told before: then this waits not at
 * all, once. A wake alone makes no turn due: libcurl looks at every transfer in each, at the price
 * of a poll() of its own. */
static void wait_for_news(struct http *http, int64_t until_ms, bool heed_wakes)
{
    struct curl_waitfd wake = {.fd = http->wake_fd, .events = CURL_WAIT_POLLIN};
    int ready = 0;

    curl_multi_poll(http->pools->multi, heed_wakes ? &wake : NULL, heed_wakes,
                    wait_bound(http, until_ms), &ready);
    if (wake.revents)
        drain_wake_fd(http);
    http->due = ready > (wake.revents ? 1 : 0);
    if (http->due)
        gather(http, until_ms);
}

static bool is_due(const struct http *http)
{
    return http->due || clock_boot_ms() >= http->turn_by;
}

static bool next_until(struct http *http, int64_t until_ms, bool heed_wakes,
                       struct http_answer *ret_answer)
{
    for (;;) {
        if (heed_wakes && atomic_exchange(&http->woken, false))
            return false;
        if (take_done(http, ret_answer))
            return true;
        if (!is_due(http))
            wait_for_news(http, until_ms, heed_wakes);
        if (is_due(http))
            turn(http);
        if (take_done(http, ret_answer))
            return true;
        if (clock_boot_ms() >= until_ms)
            return false;
    }
}

bool http_next(struct http *http, int64_t wait_ms, struct http_answer *ret_answer)
{
    int64_t now = clock_boot_ms();

    return next_until(http, wait_ms > INT64_MAX - now ? INT64_MAX : now + wait_ms, true,
                      ret_answer);
}

void http_wake(struct http *http)
{
    uint64_t one = 1;

    if (atomic_exchange(&http->woken, true))
        return;
    ssize_t count = write(http->wake_fd, &one, sizeof one);
    (void)count; /* a full counter is readable too */
}

static bool cancel_under_way(struct http *http, const void *context)
{
    for (struct http_transfer *transfer = http->under_way; transfer; transfer = transfer->next) {
        if (transfer->answer.context != context)
            continue;
        remove_under_way(http, transfer);
        free_drained(http);
        http_transfer_free(transfer);
        return true;
    }
    return false;
}

static bool cancel_done(struct http *http, const void *context)
{
    struct http_transfer *before = NULL;

    for (struct http_transfer *transfer = http->done; transfer; transfer = transfer->next) {
        if (transfer->answer.context == context) {
            *(before ? &before->next : &http->done) = transfer->next;
            if (http->last_done == transfer)
                http->last_done = before;
            http_transfer_free(transfer);
            return true;
        }
        before = transfer;
    }
    return false;
}

void http_cancel(struct http *http, const void *context)
{
    if (cancel_under_way(http, context) || cancel_done(http, context))
        http->pending--;
}

void http_abort(struct http *http)
{
    while (http->under_way) {
        struct http_transfer *transfer = http->under_way;

        remove_under_way(http, transfer);
        http_transfer_fail(transfer, ERROR_UNKNOWN, "given up");
        add_done(http, transfer);
    }
    free_drained(http);
}

void http_exchange(struct http *http, struct http_peer *peer, const struct http_request *request,
                   struct http_answer *ret_answer)
{
    http_start(http, peer, request);
    next_until(http, INT64_MAX, false, ret_answer);
}

void http_answer_release(struct http_answer *answer)
{
    strbuf_release(&answer->body);
}

static void free_transfers(struct http_transfer *transfer)
{
    while (transfer) {
        struct http_transfer *next = transfer->next;

        http_transfer_free(transfer);
        transfer = next;
    }
}

void http_free(struct http *http)
{
    if (!http)
        return;
    http_abort(http);
    free_transfers(http->done);
    free_transfers(http->idle);
    free_pool(http->pools);
    close(http->wake_fd);
    mem_free(http);
}
