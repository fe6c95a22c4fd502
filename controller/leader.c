/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "controller/leader_watch.h"
#include "controller/metrics.h"
#include "kube/kube_answer.h"
#include "kube/kube_request.h"
#include "kube/lease.h"
#include "kube/lease_json.h"

#define BEAT_MS 5000
#define SAY_MS 60000

struct leader {
    struct leader_settings settings;
    struct kube_client client;
    struct http *engine;
    struct http_peer *peer;
    struct lease lease;
    struct leader_watch *watch;
    json_t *object; /* as the server sent it last; an update edits it */
    pthread_t thread;
    bool running;
    int64_t said_at;
    atomic_bool stop, leads;
    _Atomic int64_t stop_by, heartbeat;
};

/* ---- one call ---- */

static struct kube_call call_of(const struct leader *leader, enum lease_move move,
                                const struct strbuf *body)
{
    const struct options *options = leader->settings.options;
    struct kube_call call = {.method = "GET",
                             .path = {.group = LEASE_GROUP,
                                      .version = "v1",
                                      .namespace = options->lease_namespace,
                                      .resource = LEASE_RESOURCE,
                                      .name = options->lease_name}};

    if (move == LEASE_GET)
        return call;
    call.method = move == LEASE_CREATE ? "POST" : "PUT";
    if (move == LEASE_CREATE)
        call.path.name = "";
    call.content_type = KUBE_JSON;
    call.body = strbuf_text(body);
    call.body_length = body->length;
    return call;
}

static void write_body(const struct leader *leader, const struct lease_action *action,
                       struct strbuf *body)
{
    const struct options *options = leader->settings.options;

    if (action->move == LEASE_CREATE)
        lease_json_create(options->lease_namespace, options->lease_name, &action->record, body);
    else if (action->move == LEASE_UPDATE)
        lease_json_update(leader->object, &action->record, body);
}

static int exchange(struct leader *leader, const struct lease_action *action, json_t **ret_object,
                    struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf body = STRBUF_CAPPED((size_t)1 << 20);
    CLEANUP(http_answer_release) struct http_answer answer = {0};
    struct kube_request request;
    struct kube_call call;
    int64_t now = clock_boot_ms();

    write_body(leader, action, &body);
    call = call_of(leader, action->move, &body);
    if (kube_request_make(&leader->client, &call, now, &request, err) < 0)
        return -1;
    kube_client_renew_peer(&leader->client, &leader->peer);
    request.http.deadline_ms = action->until_ms > now ? action->until_ms - now : 1;
    http_exchange(leader->engine, leader->peer, &request.http, &answer);
    kube_request_release(&request);
    return kube_answer_read(&leader->client, &call, &answer, ret_object, NULL, err);
}

/* A standby without an API server says so once a minute, not at each try. */
static void say_failure(struct leader *leader, const struct error *error)
{
    int64_t now = clock_boot_ms();

    if (error->kind == ERROR_NOT_FOUND || error->kind == ERROR_CONFLICT ||
        (leader->said_at && now < leader->said_at + SAY_MS))
        return;
    leader->said_at = now;
    log_line(LOG_WARN, "the lease can't be read or renewed", "lease",
             leader->settings.options->lease_name, "error", error->text, NULL);
}

static void make_call(struct leader *leader, const struct lease_action *action)
{
    struct lease_record record;
    struct error err = {0};
    json_t *object = NULL;

    if (exchange(leader, action, &object, &err) == 0) {
        if (lease_json_read(object, &record, &err) < 0 && action->move != LEASE_GET)
            err.kind = ERROR_UNKNOWN; /* it was answered with success: it may have been written */
    }
    if (err.kind == ERROR_NONE) {
        json_release(&leader->object);
        leader->object = object;
        lease_answer(&leader->lease, clock_boot_ms(), ERROR_NONE, &record, 0);
        return;
    }
    json_release(&object);
    say_failure(leader, &err);
    lease_answer(&leader->lease, clock_boot_ms(), err.kind, NULL, err.retry_after_ms);
}

/* ---- the thread ---- */

static void publish(struct leader *leader)
{
    int64_t until = lease_until(&leader->lease);
    bool leads = leader->lease.state == LEASE_LEADING && until > clock_boot_ms();
    const char *name = leader->settings.options->lease_name;

    inbox_set_lease(leader->settings.inbox, until);
    if (leads == atomic_load(&leader->leads))
        return;
    atomic_store(&leader->leads, leads);
    metrics_set(METRIC_LEADER, leads ? 1 : 0, name, NULL);
    log_line(LOG_INFO, leads ? "lease gained" : "lease let go", "lease", name, "identity",
             leader->settings.options->lease_identity, NULL);
    inbox_wake(leader->settings.inbox);
}

static bool another_holds(const struct leader *leader)
{
    const char *holder = lease_holder(&leader->lease);

    return leader->lease.state == LEASE_FOLLOWING && !leader->lease.releasing &&
           holder[0] != '\0' && strcmp(holder, leader->lease.identity) != 0;
}

/* Returns when it is to be called again. */
static int64_t look_at_watch(struct leader *leader)
{
    struct leader_hint hint;
    int64_t due;

    if (!another_holds(leader)) {
        leader_watch_close(leader->watch);
        return INT64_MAX;
    }
    due = leader_watch_turn(leader->watch, clock_boot_ms());
    if (leader_watch_take(leader->watch, &hint))
        lease_observe(&leader->lease, hint.at_ms, hint.missing ? NULL : &hint.record);
    return due;
}

static void wait_until(struct leader *leader, int64_t until)
{
    struct http_answer answer = {0};
    int64_t wait = until - clock_boot_ms();

    http_next(leader->engine, wait < 0 ? 0 : wait > BEAT_MS ? BEAT_MS : wait, &answer);
}

static void *thread_main(void *argument)
{
    struct leader *leader = argument;
    struct lease_action action = {0};
    int64_t due;

    if (leader->settings.plugin)
        exec_source_await(leader->settings.plugin);
    while (action.move != LEASE_DONE) {
        atomic_store(&leader->heartbeat, clock_boot_ms());
        if (atomic_load(&leader->stop) && !leader->lease.releasing)
            lease_release(&leader->lease, clock_boot_ms());
        if (atomic_load(&leader->stop) && clock_boot_ms() >= atomic_load(&leader->stop_by))
            break;
        due = look_at_watch(leader);
        action = lease_step(&leader->lease, clock_boot_ms(), clock_wall_us());
        if (action.move == LEASE_WAIT)
            wait_until(leader, action.until_ms < due ? action.until_ms : due);
        else if (action.move != LEASE_DONE)
            make_call(leader, &action);
        publish(leader);
    }
    if (leader->lease.state == LEASE_LOST)
        leader->settings.lost();
    return NULL;
}

/* ---- life ---- */

struct leader *leader_new(const struct leader_settings *settings, struct error *err)
{
    const struct options *options = settings->options;
    const struct lease_settings lease = {.identity = options->lease_identity,
                                         .duration_ms = options->lease_duration_ms,
                                         .renew_deadline_ms = options->lease_renew_deadline_ms,
                                         .retry_ms = options->lease_retry_period_ms};
    struct leader *leader = mem_alloc(sizeof *leader);
    struct leader_watch_settings watch = {
        .options = options, .watcher = settings->watcher, .client = &leader->client};
    struct http_settings http = {0};

    leader->settings = *settings;
    kube_client_init(&leader->client, settings->kube, settings->user_agent);
    kube_client_use_plugin(&leader->client, settings->plugin);
    kube_client_settings(&leader->client, &http);
    http.http2 = false; /* one call at a time: its answer then comes in one piece, one wake-up */
    leader->engine = watch.engine = http_new();
    leader->peer = http_peer_new(&http);
    atomic_store(&leader->heartbeat, clock_boot_ms());
    leader->watch = leader_watch_new(&watch);
    if (lease_init(&leader->lease, &lease, err) < 0) {
        leader_free(leader);
        return NULL;
    }
    return leader;
}

int leader_start(struct leader *leader, struct error *err)
{
    metrics_set(METRIC_LEADER, 0, leader->settings.options->lease_name, NULL);
    if (pthread_create(&leader->thread, NULL, thread_main, leader) != 0)
        return error_set(err, ERROR_TRANSIENT, "the lease thread can't be started");
    leader->running = true;
    return 0;
}

void leader_stop(struct leader *leader, int64_t deadline)
{
    if (!leader->running)
        return;
    atomic_store(&leader->stop_by, deadline);
    atomic_store(&leader->stop, true);
    http_wake(leader->engine);
    pthread_join(leader->thread, NULL);
    leader_watch_close(leader->watch);
    leader->running = false;
}

void leader_free(struct leader *leader)
{
    if (!leader)
        return;
    leader_watch_free(leader->watch);
    json_release(&leader->object);
    http_free(leader->engine);
    http_peer_free(leader->peer);
    kube_client_release(&leader->client);
    mem_free(leader);
}

bool leader_leads(const struct leader *leader)
{
    return atomic_load(&leader->leads);
}

int64_t leader_heartbeat(const struct leader *leader)
{
    return atomic_load(&leader->heartbeat);
}
