/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/inbox.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"

struct inbox {
    pthread_mutex_t lock;
    struct http *engine;
    struct changes changes;
    bool woken, stopped;
    int64_t lease_until;
    int64_t heartbeat;
};

struct inbox *inbox_new(struct http *engine)
{
    struct inbox *inbox = mem_alloc(sizeof *inbox);

    pthread_mutex_init(&inbox->lock, NULL);
    inbox->engine = engine;
    inbox->heartbeat = clock_boot_ms(); /* the worker is about to turn */
    return inbox;
}

void inbox_free(struct inbox *inbox)
{
    if (!inbox)
        return;
    changes_release(&inbox->changes);
    pthread_mutex_destroy(&inbox->lock);
    mem_free(inbox);
}

void inbox_put(struct inbox *inbox, struct change change)
{
    bool first;

    pthread_mutex_lock(&inbox->lock);
    first = inbox->changes.count == 0;
    MEM_GROW(inbox->changes.items, inbox->changes.count, inbox->changes.capacity);
    inbox->changes.items[inbox->changes.count++] = change;
    pthread_mutex_unlock(&inbox->lock);
    if (first) /* the worker takes all that is there */
        http_wake(inbox->engine);
}

void inbox_wake(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->woken = true;
    pthread_mutex_unlock(&inbox->lock);
    http_wake(inbox->engine);
}

void inbox_stop(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->stopped = true;
    pthread_mutex_unlock(&inbox->lock);
    http_wake(inbox->engine);
}

void inbox_set_lease(struct inbox *inbox, int64_t until)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->lease_until = until;
    pthread_mutex_unlock(&inbox->lock);
}

int64_t inbox_lease(struct inbox *inbox)
{
    int64_t until;

    pthread_mutex_lock(&inbox->lock);
    until = inbox->lease_until;
    pthread_mutex_unlock(&inbox->lock);
    return until;
}

void inbox_beat(struct inbox *inbox, int64_t now)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->heartbeat = now;
    pthread_mutex_unlock(&inbox->lock);
}

int64_t inbox_heartbeat(struct inbox *inbox)
{
    int64_t heartbeat;

    pthread_mutex_lock(&inbox->lock);
    heartbeat = inbox->heartbeat;
    pthread_mutex_unlock(&inbox->lock);
    return heartbeat;
}

bool inbox_stopped(struct inbox *inbox)
{
    bool stopped;

    pthread_mutex_lock(&inbox->lock);
    stopped = inbox->stopped;
    pthread_mutex_unlock(&inbox->lock);
    return stopped;
}

bool inbox_take(struct inbox *inbox, struct changes *ret_changes)
{
    pthread_mutex_lock(&inbox->lock);
    *ret_changes = inbox->changes;
    inbox->changes = (struct changes){0};
    pthread_mutex_unlock(&inbox->lock);
    return ret_changes->count > 0;
}

bool inbox_woken(struct inbox *inbox)
{
    bool woken;

    pthread_mutex_lock(&inbox->lock);
    woken = inbox->woken;
    inbox->woken = false;
    pthread_mutex_unlock(&inbox->lock);
    return woken;
}
