/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define HEADER_SPACE (16 * 1024)
#define SOCKETS_MOST 256 /* else lws keeps room for every file that ulimit allows */
#define BEAT_US (5 * LWS_US_PER_SEC)

struct work {
    struct work *next;
    void (*run)(void *argument);
    void *argument;
};

struct loop {
    struct lws_context *context;
    struct lws_protocols *protocols; /* ours, then the caller's */
    lws_sorted_usec_list_t beat;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    atomic_llong heartbeat_ms;
    pthread_mutex_t lock;
    struct work *posted, **last_posted;
};

static struct work *take_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct work *work = loop->posted;
    loop->posted = NULL;
    loop->last_posted = &loop->posted;
    pthread_mutex_unlock(&loop->lock);
    return work;
}

static void run_posted(struct loop *loop)
{
    for (struct work *work = take_posted(loop), *next; work; work = next) {
        next = work->next;
        if (!atomic_load(&loop->stopping))
            work->run(work->argument);
        mem_free(work);
    }
}

/* lws_cancel_service() reaches every protocol of every vhost; this one is on the loop's only. */
static int on_loop_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                         size_t length)
{
    (void)user, (void)in, (void)length;
    if (reason == LWS_CALLBACK_EVENT_WAIT_CANCELLED)
        run_posted(lws_get_protocol(wsi)->user);
    return 0;
}

static struct lws_protocols *join_protocols(struct loop *loop, const struct lws_protocols *theirs)
{
    size_t count = 0;

    while (theirs && (theirs[count].name || theirs[count].callback))
        count++;
    struct lws_protocols *all = mem_array(count + 2, sizeof *all);
    all[0] = (struct lws_protocols){.name = "loop", .callback = on_loop_event, .user = loop};
    if (count > 0)
        memcpy(all + 1, theirs, count * sizeof *all);
    return all;
}

static int create_context(struct loop *loop)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .server_string = "podbind",
        .pt_serv_buf_size = HEADER_SPACE,
        .fd_limit_per_thread = SOCKETS_MOST,
    };
    struct lws_context_creation_info vhost = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .vhost_name = "loop",
        .protocols = loop->protocols,
    };

    lws_set_log_level(0, NULL);
    loop->context = lws_create_context(&info);
    return loop->context && lws_create_vhost(loop->context, &vhost) ? 0 : -1;
}

struct loop *loop_new(const struct lws_protocols *protocols, struct error *err)
{
    struct loop *loop = mem_alloc(sizeof *loop);

    pthread_mutex_init(&loop->lock, NULL);
    loop->last_posted = &loop->posted;
    loop->protocols = join_protocols(loop, protocols);
    atomic_store(&loop->heartbeat_ms, clock_boot_ms());
    if (create_context(loop) == 0)
        return loop;
    loop_free(loop);
    error_set(err, ERROR_TRANSIENT, "libwebsockets does not start: are there free file handles?");
    return NULL;
}

struct lws_context *loop_context(struct loop *loop)
{
    return loop->context;
}

/* Without a timer lws sleeps as long as nothing happens. */
static void on_beat(lws_sorted_usec_list_t *beat)
{
    (void)beat;
}

/* Each turn puts the timer off, so that it rings only when nothing else has turned the loop. */
static void turn(struct loop *loop)
{
    atomic_store(&loop->heartbeat_ms, clock_boot_ms());
    lws_sul_schedule(loop->context, 0, &loop->beat, on_beat, BEAT_US);
}

static void *serve(void *argument)
{
    struct loop *loop = argument;

    do
        turn(loop);
    while (!atomic_load(&loop->stopping) && lws_service(loop->context, 0) >= 0);
    lws_sul_cancel(&loop->beat);
    return NULL;
}

int loop_start(struct loop *loop, struct error *err)
{
    int failure = pthread_create(&loop->thread, NULL, serve, loop);

    if (failure)
        return error_set(err, ERROR_TRANSIENT, "starting the loop's thread: %s", strerror(failure));
    pthread_setname_np(loop->thread, "loop");
    loop->started = true;
    return 0;
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    if (!loop->started)
        return;
    lws_cancel_service(loop->context);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    loop_stop(loop);
    if (loop->context)
        lws_context_destroy(loop->context);
    run_posted(loop);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop->protocols);
    mem_free(loop);
}

void loop_post(struct loop *loop, void (*run)(void *argument), void *argument)
{
    struct work *work = mem_alloc(sizeof *work);

    work->run = run;
    work->argument = argument;
    pthread_mutex_lock(&loop->lock);
    *loop->last_posted = work;
    loop->last_posted = &work->next;
    pthread_mutex_unlock(&loop->lock);
    lws_cancel_service(loop->context);
}

int64_t loop_heartbeat(const struct loop *loop)
{
    return atomic_load(&loop->heartbeat_ms);
}
