/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/unit/watch_toy.h"
#include "tests/unit/watch_world.h"

#define PATIENCE_MS 20000

/* ---- the sink ---- */

static void on_opened(void *context)
{
    struct watch_record *record = context;
    pthread_mutex_lock(&record->lock);
    strbuf_str(&record->log, "opened ");
    record->opened++;
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static void on_event(void *context, const struct watch_frame *frame)
{
    struct watch_record *record = context;
    const char *name = json_text(json_at(frame->object, "metadata", NULL), "name");
    pthread_mutex_lock(&record->lock);
    strbuf_format(&record->log, "%s:%s:%.2000s ", watch_frame_type_name(frame->type),
                  frame->version, name);
    record->events++;
    if (strlen(name) > record->largest)
        record->largest = strlen(name);
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static void on_closed(void *context, const struct error *error)
{
    struct watch_record *record = context;
    pthread_mutex_lock(&record->lock);
    strbuf_format(&record->log, "closed:%s", error_kind_name(error->kind));
    record->closed++;
    record->error = *error;
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

struct watch_sink watch_record_sink(struct watch_record *record)
{
    return (struct watch_sink){record, on_opened, on_event, on_closed};
}

void watch_record_init(struct watch_record *record)
{
    *record = (struct watch_record){0};
    pthread_mutex_init(&record->lock, NULL);
    pthread_cond_init(&record->changed, NULL);
}

void watch_record_release(struct watch_record *record)
{
    strbuf_release(&record->log);
    pthread_mutex_destroy(&record->lock);
    pthread_cond_destroy(&record->changed);
}

void watch_record_says(struct watch_record *record, const char *expected)
{
    pthread_mutex_lock(&record->lock);
    assert_string_equal(strbuf_text(&record->log), expected);
    pthread_mutex_unlock(&record->lock);
}

bool watch_world_wait(struct watch_record *record, const unsigned *count, unsigned enough)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    int failure = 0;
    pthread_mutex_lock(&record->lock);
    while (*count < enough && failure == 0)
        failure = pthread_cond_timedwait(&record->changed, &record->lock, &until);
    bool done = *count >= enough;
    pthread_mutex_unlock(&record->lock);
    return done;
}

/* ---- the world ---- */

struct watch_server_settings watch_world_settings(void)
{
    return (struct watch_server_settings){
        .host = "127.0.0.1",
        .port = watch_toy_port(),
        .ca_pem = watch_toy_ca(),
        .user_agent = "podbind/0 (linux/amd64)",
        .connect_s = getenv("UNDER_VALGRIND") ? 5 : 1, /* the first handshake there takes seconds */
        .ping_s = 1,
        .hang_up_s = 2,
    };
}

static void serve_with(struct watch_world *world, const struct watch_server_settings *settings)
{
    struct error err;
    watch_finish(world->server);
    world->server = watch_server_new(world->loop, settings, &err);
    if (world->server == NULL)
        fail_msg("%s", err.text);
}

static int begin(void **state, const struct watch_toy_settings *toy)
{
    struct watch_world *world = mem_alloc(sizeof *world);
    struct error err;
    *state = world;
    watch_toy_start(toy);
    world->address = toy->ipv6 ? "::1" : "127.0.0.1";
    world->loop = loop_new(NULL, &err);
    assert_non_null(world->loop);
    watch_record_init(&world->record);
    struct watch_server_settings settings = watch_world_settings();
    settings.host = world->address;
    serve_with(world, &settings);
    assert_int_equal(loop_start(world->loop, &err), 0);
    return 0;
}

int watch_world_make(void **state)
{
    return begin(state, &(struct watch_toy_settings){.certificate_for = "IP:127.0.0.1"});
}

int watch_world_make_with_names(void **state)
{
    return begin(state, &(struct watch_toy_settings){.certificate_for = "DNS:kube.example"});
}

int watch_world_make_with_clients(void **state)
{
    return begin(state, &(struct watch_toy_settings){.certificate_for = "IP:127.0.0.1",
                                                     .wants_client = true});
}

int watch_world_make_on_ipv6(void **state)
{
    *state = NULL;
    if (access("/proc/net/if_inet6", R_OK) < 0)
        return 0;
    return begin(state, &(struct watch_toy_settings){.certificate_for = "IP:::1", .ipv6 = true});
}

int watch_world_end(void **state)
{
    struct watch_world *world = *state;
    if (world == NULL)
        return 0;
    loop_stop(world->loop);
    watch_finish(world->server);
    loop_free(world->loop);
    watch_toy_stop();
    watch_record_release(&world->record);
    mem_free(world);
    return 0;
}

struct watch *watch_world_open(struct watch_world *world, const char *path, const char *token)
{
    const struct watch_settings settings = {
        .address = world->address, .path = path, .token = token, .timeout_s = 300};
    const struct watch_sink sink = watch_record_sink(&world->record);
    return watch_open(world->server, &settings, &sink);
}

const struct error *watch_world_run(struct watch_world *world, const char *path)
{
    struct watch *watch = watch_world_open(world, path, NULL);
    if (!watch_world_wait(&world->record, &world->record.closed, 1))
        fail_msg("%s never closed: %s", path, strbuf_text(&world->record.log));
    watch_close(watch);
    return &world->record.error;
}

void watch_world_log(struct watch_world *world, const char *expected)
{
    watch_record_says(&world->record, expected);
}

void watch_world_says(const struct error *err, const char *words)
{
    if (strstr(err->text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->text, words);
}

void watch_world_serve(struct watch_world *world, const struct watch_server_settings *settings)
{
    struct error err;
    watch_server_free(world->server);
    world->server = watch_server_new(world->loop, settings, &err);
    if (world->server == NULL)
        fail_msg("%s", err.text);
}
