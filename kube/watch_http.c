/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "kube/kube_status.h"
#include "kube/watch_lines.h"

#define TIMEOUT_MIN_S 60
#define TIMEOUT_MAX_S 120
#define GRACE_S 30
#define BEGIN_S 5
#define KEEP_ALIVE_S 8
#define SHORT_MS 1000
#define BEAT_MS 5000
#define REFUSAL_CAP ((size_t)64 << 10)
#define AUTHORIZATION_CAP ((size_t)16 << 10)

/* Belongs to the server's thread once it has been handed over, up to its freeing there. */
struct watch_http {
    struct watch_http *next, *previous; /* of the server's */
    struct watch_http *next_posted, *next_closing;
    struct watch_http_server *server;
    struct watch_sink sink;
    char *url;
    struct strbuf authorization;
    int timeout_s, grace_s, begin_s;

    struct watch_lines lines;
    bool ended;
    bool begun;
    bool had_event;
    int64_t begun_ms;
};

/* Under the lock: what has been handed over. The rest is the thread's. */
struct watch_http_server {
    pthread_mutex_t lock;
    struct watch_http *posted, **last_posted;
    struct watch_http *closing;
    struct http_peer *renewed; /* to be used from now on; NULL: as before */
    bool running;

    struct http *engine;
    struct http_peer *peer;
    struct watch_http *first;
    pthread_t thread;
    atomic_bool stopping;
    _Atomic int64_t heartbeat;
};

int watch_http_timeout(uint64_t random)
{
    return TIMEOUT_MIN_S + (int)(random % (TIMEOUT_MAX_S - TIMEOUT_MIN_S + 1));
}

/* ---- the end ---- */

/* Says why, once. What libcurl still has of it is cancelled when the handle is given back. */
static void finish(struct watch_http *watch, const struct error *why)
{
    if (watch->ended)
        return;
    watch->ended = true;
    watch_lines_release(&watch->lines);
    watch->sink.closed(watch->sink.context, why);
}

static void finish_as(struct watch_http *watch, enum error_kind kind, const char *text)
{
    struct error why = {0};
    error_set(&why, kind, "%s", text);
    finish(watch, &why);
}

/* A server that ends every watch at once would have us ask without a pause. */
static void finish_in_order(struct watch_http *watch)
{
    if (!watch_lines_empty(&watch->lines))
        finish_as(watch, ERROR_TRANSIENT, "the watch was cut within an event");
    else if (!watch->had_event && clock_boot_ms() - watch->begun_ms < SHORT_MS)
        finish_as(watch, ERROR_TRANSIENT, "the watch was over within a second, without any event");
    else
        finish(watch, &(struct error){0});
}

static void refused(struct watch_http *watch, const struct http_answer *answer)
{
    struct error why = {0};
    struct kube_status status = {0};
    CLEANUP_JSON json_t *document =
        json_parse(strbuf_text(&answer->body), answer->body.length, &why);
    bool said = document != NULL && kube_status_read(document, &status);
    enum error_kind kind = kube_status_kind(answer->status, said ? &status : NULL, false, false);
    if (answer->status < 400)
        kind = ERROR_INVALID;
    error_set(&why, kind, "the watch was answered %d (%s), expected 200%s%.300s", answer->status,
              *answer->content_type != '\0' ? answer->content_type : "no content type",
              said ? ": " : " or a Status object; does a proxy answer?", status.message);
    why.status = answer->status;
    why.retry_after_ms =
        answer->retry_after_ms > 0 ? answer->retry_after_ms : status.retry_after_ms;
    snprintf(why.code, sizeof why.code, "%s", status.reason);
    finish(watch, &why);
}

static void failed(struct watch_http *watch, const struct error *error)
{
    struct error why = *error;
    if (why.kind == ERROR_UNKNOWN) /* a read has no effect */
        why.kind = ERROR_TRANSIENT;
    error_wrap(&why, watch->begun ? "the watch" : "no watch connection");
    finish(watch, &why);
}

static void conclude(struct watch_http *watch, const struct http_answer *answer)
{
    if (answer->error.kind != ERROR_NONE)
        failed(watch, &answer->error);
    else if (watch->begun)
        finish_in_order(watch);
    else
        refused(watch, answer);
}

/* ---- what comes, inside http_next() ---- */

static void begun(void *context, const char *content_type)
{
    struct watch_http *watch = context;
    if (strncmp(content_type, "application/json", strlen("application/json")) != 0) {
        struct error why = {0};
        error_set(&why, ERROR_INVALID,
                  "the watch was answered 200 with %s, expected application/json: does a proxy "
                  "answer?",
                  *content_type != '\0' ? content_type : "no content type");
        why.status = 200;
        finish(watch, &why);
        return;
    }
    watch->begun = true;
    watch->begun_ms = clock_boot_ms();
    watch->sink.opened(watch->sink.context);
}

static void deliver(struct watch_http *watch, struct watch_frame *frame)
{
    if (frame->type == WATCH_FRAME_ERROR) {
        finish(watch, &frame->error);
    } else {
        watch->had_event = true;
        watch->sink.event(watch->sink.context, frame);
    }
    watch_frame_release(frame);
}

static bool receive(void *context, const char *bytes, size_t length)
{
    struct watch_http *watch = context;
    while (!watch->ended) {
        struct watch_frame frame;
        struct error why = {0};
        enum watch_frame_result result =
            watch_lines_read(&watch->lines, &bytes, &length, &frame, &why);
        if (result == WATCH_FRAME_PARTIAL)
            return true;
        if (result == WATCH_FRAME_BROKEN)
            finish(watch, &why);
        else
            deliver(watch, &frame);
    }
    return false;
}

/* ---- the thread ---- */

static void list_add(struct watch_http_server *server, struct watch_http *watch)
{
    watch->next = server->first;
    if (watch->next != NULL)
        watch->next->previous = watch;
    server->first = watch;
}

static void list_remove(struct watch_http_server *server, struct watch_http *watch)
{
    if (watch->next != NULL)
        watch->next->previous = watch->previous;
    if (watch->previous != NULL)
        watch->previous->next = watch->next;
    else
        server->first = watch->next;
}

static void start(struct watch_http_server *server, struct watch_http *watch)
{
    const char *headers[] = {
        "Accept: application/json",
        watch->authorization.length > 0 ? strbuf_text(&watch->authorization) : NULL, NULL};
    const struct http_flow flow = {
        .begun = begun, .bytes = receive, .begin_ms = (int64_t)watch->begin_s * 1000};
    const struct http_request request = {
        .method = "GET",
        .url = watch->url,
        .headers = headers,
        .answer_cap = REFUSAL_CAP,
        .deadline_ms = ((int64_t)watch->timeout_s + watch->grace_s) * 1000,
        .flow = &flow,
        .context = watch,
    };
    if (strbuf_ok(&watch->authorization))
        http_start(server->engine, server->peer, &request);
    else
        finish_as(watch, ERROR_INVALID, "the token of the watch is too long");
}

static void end(struct watch_http_server *server, struct watch_http *watch)
{
    http_cancel(server->engine, watch);
    finish(watch, &(struct error){0});
    list_remove(server, watch);
    mem_free(watch->url);
    strbuf_release(&watch->authorization);
    mem_free(watch);
}

/* A watch may be closed as soon as it is opened: all openings come first. */
static void take_posted(struct watch_http_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct watch_http *posted = server->posted, *closing = server->closing;
    server->posted = NULL;
    server->last_posted = &server->posted;
    struct http_peer *renewed = server->renewed;
    server->closing = NULL;
    server->renewed = NULL;
    pthread_mutex_unlock(&server->lock);
    if (renewed != NULL) {
        http_peer_free(server->peer);
        server->peer = renewed;
    }
    for (struct watch_http *watch = posted; watch != NULL; watch = watch->next_posted) {
        list_add(server, watch);
        start(server, watch);
    }
    for (struct watch_http *watch = closing, *next; watch != NULL; watch = next) {
        next = watch->next_closing;
        end(server, watch);
    }
}

static void *serve(void *argument)
{
    struct watch_http_server *server = argument;
    while (!atomic_load(&server->stopping)) {
        CLEANUP(http_answer_release) struct http_answer answer = {0};
        atomic_store(&server->heartbeat, clock_boot_ms());
        take_posted(server);
        if (http_next(server->engine, BEAT_MS, &answer))
            conclude(answer.context, &answer);
    }
    return NULL;
}

/* ---- the handles ---- */

/* Under the lock. */
static void run(struct watch_http_server *server)
{
    if (server->running)
        return;
    atomic_store(&server->heartbeat, clock_boot_ms());
    server->running = pthread_create(&server->thread, NULL, serve, server) == 0;
    if (server->running)
        pthread_setname_np(server->thread, "watch");
}

struct watch_http *watch_http_open(struct watch_http_server *server,
                                   const struct watch_http_settings *settings,
                                   const struct watch_sink *sink)
{
    struct watch_http *watch = mem_alloc(sizeof *watch);
    *watch = (struct watch_http){
        .server = server,
        .sink = *sink,
        .url = mem_strdup(settings->url),
        .authorization = STRBUF_CAPPED(AUTHORIZATION_CAP),
        .timeout_s = settings->timeout_s,
        .grace_s = settings->grace_s > 0 ? settings->grace_s : GRACE_S,
        .begin_s = settings->begin_s > 0 ? settings->begin_s : BEGIN_S,
    };
    if (settings->token != NULL && *settings->token != '\0')
        strbuf_format(&watch->authorization, "Authorization: Bearer %s", settings->token);
    pthread_mutex_lock(&server->lock);
    *server->last_posted = watch;
    server->last_posted = &watch->next_posted;
    run(server);
    pthread_mutex_unlock(&server->lock);
    http_wake(server->engine);
    return watch;
}

void watch_http_close(struct watch_http *watch)
{
    if (watch == NULL)
        return;
    struct watch_http_server *server = watch->server;
    pthread_mutex_lock(&server->lock);
    watch->next_closing = server->closing;
    server->closing = watch;
    pthread_mutex_unlock(&server->lock);
    http_wake(server->engine);
}

static struct http_peer *make_peer(const struct http_settings *settings)
{
    struct http_settings own = *settings;
    own.http2 = false;
    own.keep_alive_s = KEEP_ALIVE_S;
    own.connect_ms = BEGIN_S * 1000;
    return http_peer_new(&own);
}

struct watch_http_server *watch_http_server_new(const struct http_settings *settings)
{
    struct watch_http_server *server = mem_alloc(sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    server->last_posted = &server->posted;
    server->engine = http_new();
    server->peer = make_peer(settings);
    return server;
}

void watch_http_server_renew(struct watch_http_server *server, const struct http_settings *settings)
{
    struct http_peer *renewed = make_peer(settings);
    pthread_mutex_lock(&server->lock);
    struct http_peer *replaced = server->renewed;
    server->renewed = renewed;
    pthread_mutex_unlock(&server->lock);
    http_peer_free(replaced);
}

void watch_http_server_finish(struct watch_http_server *server)
{
    if (server == NULL)
        return;
    atomic_store(&server->stopping, true);
    http_wake(server->engine);
    if (server->running)
        pthread_join(server->thread, NULL);
    take_posted(server);
    while (server->first != NULL)
        end(server, server->first);
    http_free(server->engine);
    http_peer_free(server->peer);
    pthread_mutex_destroy(&server->lock);
    mem_free(server);
}

int64_t watch_http_server_heartbeat(struct watch_http_server *server)
{
    return atomic_load(&server->heartbeat);
}
