/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_timer.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

#include "base/mem.h"

struct waiting {
    int64_t due_ms;
    void *thing;
};

struct standin_timer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    void (*due)(void *thing);
    struct waiting *heap; /* the soonest first */
    size_t count, capacity;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void swap(struct waiting *a, struct waiting *b)
{
    struct waiting kept = *a;

    *a = *b;
    *b = kept;
}

static void push(struct standin_timer *timer, struct waiting waiting)
{
    size_t i = timer->count;

    MEM_GROW(timer->heap, timer->count, timer->capacity);
    timer->heap[timer->count++] = waiting;
    for (; i > 0 && timer->heap[i].due_ms < timer->heap[(i - 1) / 2].due_ms; i = (i - 1) / 2)
        swap(&timer->heap[i], &timer->heap[(i - 1) / 2]);
}

static void *pop(struct standin_timer *timer)
{
    void *thing = timer->heap[0].thing;
    size_t i = 0, child = 0;

    timer->heap[0] = timer->heap[--timer->count];
    while ((child = 2 * i + 1) < timer->count) {
        if (child + 1 < timer->count && timer->heap[child + 1].due_ms < timer->heap[child].due_ms)
            child++;
        if (timer->heap[i].due_ms <= timer->heap[child].due_ms)
            break;
        swap(&timer->heap[i], &timer->heap[child]);
        i = child;
    }
    return thing;
}

static void wait_for_next(struct standin_timer *timer)
{
    struct timespec until;

    if (timer->count == 0) {
        pthread_cond_wait(&timer->changed, &timer->lock);
        return;
    }
    until.tv_sec = (time_t)(timer->heap[0].due_ms / 1000);
    until.tv_nsec = (long)(timer->heap[0].due_ms % 1000) * 1000000;
    pthread_cond_timedwait(&timer->changed, &timer->lock, &until);
}

static void *run(void *argument)
{
    struct standin_timer *timer = argument;

    pthread_mutex_lock(&timer->lock);
    while (!timer->stopping || timer->count > 0) {
        if (timer->count > 0 && (timer->stopping || timer->heap[0].due_ms <= monotonic_ms())) {
            void *thing = pop(timer);

            pthread_mutex_unlock(&timer->lock);
            timer->due(thing);
            pthread_mutex_lock(&timer->lock);
        } else {
            wait_for_next(timer);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

struct standin_timer *standin_timer_new(void (*due)(void *thing))
{
    struct standin_timer *timer = mem_alloc(sizeof *timer);
    pthread_condattr_t attributes;

    timer->due = due;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&timer->lock, NULL);
    pthread_cond_init(&timer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&timer->thread, NULL, run, timer) == 0)
        return timer;
    mem_free(timer);
    return NULL;
}

bool standin_timer_add(struct standin_timer *timer, int64_t delay_ms, void *thing)
{
    bool taken = false;

    pthread_mutex_lock(&timer->lock);
    taken = !timer->stopping;
    if (taken) {
        push(timer, (struct waiting){monotonic_ms() + delay_ms, thing});
        pthread_cond_signal(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
    return taken;
}

void standin_timer_stop(struct standin_timer *timer)
{
    pthread_mutex_lock(&timer->lock);
    timer->stopping = true;
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
}

void standin_timer_free(struct standin_timer *timer)
{
    pthread_mutex_destroy(&timer->lock);
    pthread_cond_destroy(&timer->changed);
    mem_free(timer->heap);
    mem_free(timer);
}
