/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader_watch.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kube/lease_json.h"

#define TELLING_REFUSALS 2 /* one may be an API server that has not read its Roles yet */
#define STEADY_MS 60000    /* a watch that stood so long was a success, however it ended */

struct leader_watch {
    struct leader_watch_settings settings;

    /* The lease thread's. */
    struct watching *open; /* NULL: none */
    int64_t opened_ms, due_ms;
    struct backoff backoff;
    unsigned refusals; /* in a row */

    /* Shared. */
    pthread_mutex_t lock;
    uint64_t number; /* of the watch that counts; what others bring does not */
    bool ended;
    struct error why;
    bool news;
    struct leader_hint hint;
};

/* What one watch calls back with; freed when it has closed. */
struct sight {
    struct leader_watch *watch;
    uint64_t number;
};

/* ---- the sink, on the transport's thread ---- */

static void sight_opened(void *context)
{
    (void)context;
}

static void put_hint(const struct sight *sight, const struct leader_hint *hint)
{
    struct leader_watch *watch = sight->watch;
    bool counts;

    pthread_mutex_lock(&watch->lock);
    counts = sight->number == watch->number;
    if (counts) {
        watch->news = true;
        watch->hint = *hint;
    }
    pthread_mutex_unlock(&watch->lock);
    if (counts && (hint->missing || hint->record.holder[0] == '\0'))
        http_wake(watch->settings.engine);
}

static void sight_event(void *context, const struct watch_frame *frame)
{
    struct leader_hint hint = {.at_ms = clock_boot_ms(),
                               .missing = frame->type == WATCH_FRAME_DELETED};
    struct error ignored = {0}; /* what can't be read is no hint */

    if (frame->type == WATCH_FRAME_BOOKMARK)
        return;
    if (hint.missing || lease_json_read(frame->object, &hint.record, &ignored) == 0)
        put_hint(context, &hint);
}

static void sight_closed(void *context, const struct error *error)
{
    struct sight *sight = context;
    struct leader_watch *watch = sight->watch;
    bool counts;

    pthread_mutex_lock(&watch->lock);
    counts = sight->number == watch->number;
    if (counts) {
        watch->ended = true;
        watch->why = *error;
    }
    pthread_mutex_unlock(&watch->lock);
    if (counts)
        http_wake(watch->settings.engine);
    mem_free(sight);
}

/* ---- open and closed, on the lease thread ---- */

static uint64_t random_number(void)
{
    uint64_t random = 0;

    while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        continue; /* only a signal can interrupt so short a read */
    return random;
}

static struct sight *sight_new(struct leader_watch *watch)
{
    struct sight *sight = mem_alloc(sizeof *sight);

    pthread_mutex_lock(&watch->lock);
    *sight = (struct sight){watch, ++watch->number};
    watch->ended = false;
    pthread_mutex_unlock(&watch->lock);
    return sight;
}

static int open_one(struct leader_watch *watch, int64_t now_ms, struct error *err)
{
    const struct options *options = watch->settings.options;
    CLEANUP(strbuf_release) struct strbuf selector = {0};
    struct watcher_request request = {.resource = {.group = LEASE_GROUP,
                                                   .version = "v1",
                                                   .namespace = options->lease_namespace,
                                                   .resource = LEASE_RESOURCE},
                                      .now_ms = now_ms,
                                      .random = random_number()};
    struct sight *sight = sight_new(watch);
    const struct watch_sink sink = {sight, sight_opened, sight_event, sight_closed};

    strbuf_format(&selector, "metadata.name=%s", options->lease_name);
    request.field_selector = strbuf_text(&selector);
    if (watcher_open(watch->settings.watcher, watch->settings.client, &request, &sink, &watch->open,
                     err) == 0)
        return 0;
    mem_free(sight);
    return -1;
}

static bool take_end(struct leader_watch *watch, struct error *ret_why)
{
    bool ended;

    pthread_mutex_lock(&watch->lock);
    ended = watch->ended;
    watch->ended = false;
    *ret_why = watch->why;
    pthread_mutex_unlock(&watch->lock);
    return ended;
}

static void say(struct leader_watch *watch, const struct error *why)
{
    bool refused = why->kind == ERROR_DENIED || why->kind == ERROR_INVALID;

    watch->refusals = refused ? watch->refusals + 1 : 0;
    if (watch->refusals == TELLING_REFUSALS)
        log_line(LOG_WARN, "the lease can't be watched: a hand-over is noticed later", "lease",
                 watch->settings.options->lease_name, "error", why->text, NULL);
}

/* It has ended, or could not be opened. */
static void step_back(struct leader_watch *watch, int64_t now_ms, const struct error *why)
{
    say(watch, why);
    if (why->status == 401)
        kube_client_unauthorized(watch->settings.client);
    if (why->kind == ERROR_NONE || (watch->open && now_ms >= watch->opened_ms + STEADY_MS))
        backoff_reset(&watch->backoff);
    watcher_close(watch->open);
    watch->open = NULL;
    watch->due_ms = now_ms + backoff_next(&watch->backoff, random_number());
}

int64_t leader_watch_turn(struct leader_watch *watch, int64_t now_ms)
{
    struct error why = {0};

    if (watch->open && take_end(watch, &why))
        step_back(watch, now_ms, &why);
    if (watch->open)
        return INT64_MAX;
    if (now_ms < watch->due_ms)
        return watch->due_ms;
    watch->opened_ms = now_ms;
    if (open_one(watch, now_ms, &why) == 0)
        return INT64_MAX;
    step_back(watch, now_ms, &why);
    return watch->due_ms;
}

void leader_watch_close(struct leader_watch *watch)
{
    if (!watch->open)
        return;
    pthread_mutex_lock(&watch->lock);
    watch->number++;
    watch->ended = watch->news = false;
    pthread_mutex_unlock(&watch->lock);
    watcher_close(watch->open);
    watch->open = NULL;
}

bool leader_watch_take(struct leader_watch *watch, struct leader_hint *ret_hint)
{
    bool news;

    pthread_mutex_lock(&watch->lock);
    news = watch->news;
    watch->news = false;
    if (news)
        *ret_hint = watch->hint;
    pthread_mutex_unlock(&watch->lock);
    return news;
}

/* ---- life ---- */

struct leader_watch *leader_watch_new(const struct leader_watch_settings *settings)
{
    struct leader_watch *watch = mem_alloc(sizeof *watch);

    watch->settings = *settings;
    watch->backoff = (struct backoff){.base_ms = 1000, .cap_ms = 300000};
    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void leader_watch_free(struct leader_watch *watch)
{
    if (!watch)
        return;
    pthread_mutex_destroy(&watch->lock);
    mem_free(watch);
}
