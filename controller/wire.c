/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/wire.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "aws/aws_client.h"
#include "base/clock.h"
#include "base/mem.h"
#include "controller/wire_credentials.h"
#include "controller/wire_eks.h"
#include "controller/wire_iam.h"
#include "controller/wire_kube.h"

#define ANSWER_CAP ((size_t)32 << 20) /* a page of 100 objects near etcd's limit */
#define AWS_ANSWER_CAP ((size_t)1 << 20)
#define CLOCK_NEWS_US (60 * INT64_C(1000000))
#define LONGEST_WAIT_MS 10000 /* between two heartbeats */

enum peer { PEER_KUBE, PEER_EKS, PEER_IAM, PEER_CREDENTIALS };

/* One request under way, or an EKS call that waits for credentials. */
struct exchange {
    enum peer peer;
    struct call *call;
    struct arn_cluster_name cluster; /* the one that an EKS call is about */
    struct arn_role_name role;       /* the one that IAM is asked for */
    struct wire_kube kube;
    int64_t signed_us; /* the time of an EKS call's signature */
    bool repeated; /* with what the first answer taught about AWS's clock, or without its token */
    int64_t deadline;
    struct exchange *next; /* in the list of those that wait */
};

struct wire {
    struct ports ports;
    struct wire_settings settings;
    struct http *engine;
    struct inbox *inbox;
    struct wire_watch *watches;
    struct http_peer *kube_peer, *eks_peer, *iam_peer;
    struct wire_credentials credentials;
    struct exchange fetch; /* of credentials: one at a time */
    struct aws_client aws;
    int64_t told_offset_us;   /* AWS's clock minus ours, as last told */
    struct exchange *waiting; /* for credentials, in order */
    struct exchange *failed;  /* could not be sent; handed back by next() */
};

/* ---- small ports ---- */

static int64_t port_now(void *world)
{
    (void)world;
    return clock_boot_ms();
}

static int64_t port_wall(void *world)
{
    (void)world;
    return clock_wall_us();
}

static uint64_t port_random(void *world)
{
    uint64_t random = 0;

    (void)world;
    while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        continue; /* only a signal can interrupt so short a read */
    return random;
}

static int64_t port_lease_until(void *world)
{
    struct wire *wire = world;

    return inbox_lease(wire->inbox);
}

static void port_open_watch(void *world, const struct watch_request *request)
{
    struct wire *wire = world;

    wire_watch_open(wire->watches, request, clock_boot_ms(), port_random(wire));
}

/* ---- sending ---- */

static void append(struct exchange **list, struct exchange *exchange)
{
    while (*list)
        list = &(*list)->next;
    exchange->next = NULL;
    *list = exchange;
}

static struct exchange *take_first(struct exchange **list)
{
    struct exchange *first = *list;

    if (first)
        *list = first->next;
    return first;
}

static void exchange_free(struct exchange *exchange)
{
    wire_kube_release(&exchange->kube);
    mem_free(exchange);
}

/* The call could not be sent: surely without effect. */
static void fail(struct wire *wire, struct exchange *exchange, const struct error *error)
{
    exchange->call->error = *error;
    append(&wire->failed, exchange);
}

static void send_kube(struct wire *wire, struct exchange *exchange)
{
    struct kube_request request;
    struct error err = {0};
    int64_t now = clock_boot_ms();

    wire_kube_write(exchange->call, &exchange->kube, wire->settings.options->lease_identity,
                    clock_wall_us());
    if (kube_request_make(wire->settings.client, &exchange->kube.request, now, &request, &err) <
        0) {
        fail(wire, exchange, &err);
        return;
    }
    kube_client_renew_peer(wire->settings.client, &wire->kube_peer);
    request.http.context = exchange;
    request.http.answer_cap = ANSWER_CAP;
    request.http.deadline_ms = exchange->deadline > now ? exchange->deadline - now : 1;
    http_start(wire->engine, wire->kube_peer, &request.http);
    kube_request_release(&request);
}

/* The cluster has been found out only by now, where --cluster-name=auto. */
static int write_aws(struct exchange *exchange, struct aws_request *request, struct error *err)
{
    const struct call *call = exchange->call;

    if (exchange->peer == PEER_IAM)
        return wire_iam_write(call, &exchange->role, request, err);
    if (call->verb != CALL_LIST_CLUSTERS &&
        arn_cluster_name_parse(call->cluster, &exchange->cluster, err) < 0)
        return -1;
    return wire_eks_write(call, &exchange->cluster, request, err);
}

static void send_aws(struct wire *wire, struct exchange *exchange)
{
    CLEANUP(aws_request_release) struct aws_request request = {0};
    CLEANUP(aws_client_call_release) struct aws_client_call call = {0};
    struct error err = {0};
    int64_t now = clock_boot_ms();

    if (write_aws(exchange, &request, &err) < 0 ||
        aws_client_sign(&wire->aws, &request, clock_wall_us(), &call, &err) < 0) {
        fail(wire, exchange, &err);
        return;
    }
    exchange->signed_us = call.signed_us;
    call.http.context = exchange;
    call.http.answer_cap = AWS_ANSWER_CAP;
    call.http.deadline_ms = exchange->deadline > now ? exchange->deadline - now : 1;
    http_start(wire->engine, exchange->peer == PEER_IAM ? wire->iam_peer : wire->eks_peer,
               &call.http);
}

static enum peer peer_of(enum call_verb verb)
{
    if (verb == CALL_READ_ROLE)
        return PEER_IAM;
    return call_is_eks(verb) ? PEER_EKS : PEER_KUBE;
}

static int64_t deadline_of(const struct exchange *exchange)
{
    return clock_boot_ms() +
           (exchange->peer == PEER_IAM ? PORT_ROLE_TIMEOUT_MS : PORT_CALL_TIMEOUT_MS);
}

/* What time it is for AWS, which says by its own clock when credentials end. */
static int64_t aws_wall_us(const struct wire *wire)
{
    return aws_client_time(&wire->aws, ENDPOINT_EKS, clock_wall_us());
}

static void start_aws(struct wire *wire, struct exchange *exchange)
{
    if (credentials_need(&wire->credentials.credentials, aws_wall_us(wire)) == CREDENTIALS_NEEDED)
        append(&wire->waiting, exchange);
    else
        send_aws(wire, exchange);
}

static void port_start(void *world, struct call *call)
{
    struct wire *wire = world;
    struct exchange *exchange = mem_alloc(sizeof *exchange);

    exchange->call = call;
    exchange->kube.namespaces = &wire->settings.options->watch_namespaces;
    exchange->kube.lease_namespace = wire->settings.options->lease_namespace;
    exchange->kube.lease_name = wire->settings.options->lease_name;
    exchange->peer = peer_of(call->verb);
    exchange->deadline = deadline_of(exchange);
    if (exchange->peer == PEER_KUBE)
        send_kube(wire, exchange);
    else
        start_aws(wire, exchange);
}

/* ---- credentials ---- */

/* Sends what waited, once there is something to sign with; gives up what waited a call's time. */
static void serve_waiting(struct wire *wire)
{
    bool usable =
        credentials_need(&wire->credentials.credentials, aws_wall_us(wire)) != CREDENTIALS_NEEDED;
    bool hopeless = !wire->credentials.credentials.fetching;
    struct error err = {0};

    while (wire->waiting && (usable || hopeless || clock_boot_ms() >= wire->waiting->deadline)) {
        struct exchange *exchange = take_first(&wire->waiting);

        if (usable) {
            send_aws(wire, exchange); /* in what is left of its time: W3 was asked when it began */
            continue;
        }
        credentials_current(&wire->credentials.credentials, aws_wall_us(wire), &err);
        fail(wire, exchange, &err);
    }
}

/* ---- receiving ---- */

static struct call *finish(struct wire *wire, struct exchange *exchange)
{
    struct call *call = exchange->call;

    exchange_free(exchange);
    if (wire->settings.counted)
        wire->settings.counted(call);
    return call;
}

/* By EKS's clock, so that what IAM then shows of the same is no second piece of news. */
static void tell_clock(struct wire *wire)
{
    int64_t offset_us = aws_client_time(&wire->aws, ENDPOINT_EKS, 0);

    if (llabs(offset_us - wire->told_offset_us) < CLOCK_NEWS_US)
        return;
    wire->told_offset_us = offset_us;
    if (wire->settings.clock_off)
        wire->settings.clock_off(offset_us);
}

/* Returns the call that is back, or NULL when it goes on. */
static struct call *receive_kube(struct wire *wire, struct exchange *exchange,
                                 const struct http_answer *answer)
{
    if (wire_kube_read(wire->settings.client, &exchange->kube, answer, exchange->call)) {
        send_kube(wire, exchange);
        return NULL;
    }
    return finish(wire, exchange);
}

/* A call that was refused for the time or the token of its signature had no effect, and is made
 * once more, in the time that it was given: the lease was asked for that long. */
static bool repeat(struct wire *wire, struct exchange *exchange)
{
    struct call *call = exchange->call;

    if (exchange->repeated || clock_boot_ms() >= exchange->deadline)
        return false;
    exchange->repeated = true;
    call->error = (struct error){0};
    start_aws(wire, exchange);
    return true;
}

static struct call *receive_aws(struct wire *wire, struct exchange *exchange,
                                const struct http_answer *answer)
{
    struct call *call = exchange->call;
    bool mended;

    if (exchange->peer == PEER_IAM)
        wire_iam_read(&exchange->role, answer, call);
    else
        wire_eks_read(&exchange->cluster, answer, call);
    if (call->error.kind == ERROR_NONE)
        return finish(wire, exchange);
    mended = aws_client_learn(&wire->aws, exchange->peer == PEER_IAM ? ENDPOINT_IAM : ENDPOINT_EKS,
                              answer, exchange->signed_us, clock_wall_us(), &call->error);
    tell_clock(wire);
    if (mended && repeat(wire, exchange))
        return NULL;
    call->detail = wire_eks_detail(&call->error);
    return finish(wire, exchange);
}

static struct call *receive(struct wire *wire, struct http_answer *answer)
{
    struct exchange *exchange = answer->context;

    switch (exchange->peer) {
    case PEER_KUBE:
        return receive_kube(wire, exchange, answer);
    case PEER_EKS:
    case PEER_IAM:
        return receive_aws(wire, exchange, answer);
    case PEER_CREDENTIALS:
        break;
    }
    wire_credentials_take(&wire->credentials, answer, aws_wall_us(wire));
    tell_clock(wire);
    return NULL;
}

static int64_t wait_until(const struct wire *wire, int64_t deadline)
{
    int64_t now = clock_boot_ms(), wait;

    if (wire->waiting && wire->waiting->deadline < deadline)
        deadline = wire->waiting->deadline;
    wait = deadline - now;
    return wait < 0 ? 0 : wait > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : wait;
}

static enum port_event port_next(void *world, int64_t deadline, struct call **ret_call,
                                 struct changes *ret_changes)
{
    struct wire *wire = world;

    for (;;) {
        CLEANUP(http_answer_release) struct http_answer answer = {0};

        inbox_beat(wire->inbox, clock_boot_ms());
        if (inbox_stopped(wire->inbox))
            return PORT_GONE;
        if (inbox_take(wire->inbox, ret_changes))
            return PORT_CHANGES;
        if (inbox_woken(wire->inbox))
            return PORT_WOKEN;
        wire_credentials_turn(&wire->credentials, aws_wall_us(wire));
        serve_waiting(wire);
        if (wire->failed) {
            *ret_call = finish(wire, take_first(&wire->failed));
            return PORT_CALL;
        }
        if (http_next(wire->engine, wait_until(wire, deadline), &answer)) {
            *ret_call = receive(wire, &answer);
            if (*ret_call)
                return PORT_CALL;
        } else if (clock_boot_ms() >= deadline) {
            return PORT_TIMEOUT;
        }
    }
}

/* ---- life ---- */

static int set_up_aws(struct wire *wire, struct error *err)
{
    const struct options *options = wire->settings.options;
    const char *ca_file = *options->aws_ca_bundle ? options->aws_ca_bundle : NULL;
    struct http_settings aws = {.user_agent = wire->settings.user_agent, .ca_file = ca_file};
    struct wire_credentials_settings credentials = {
        .engine = wire->engine,
        .from = &options->aws_credentials,
        .client = &wire->aws,
        .user_agent = wire->settings.user_agent,
        .ca_file = ca_file,
        .environment = (const char *const *)environ,
        .context = &wire->fetch,
    };

    if (aws_client_init(&wire->aws, &options->aws_region, &options->aws_endpoints,
                        &wire->credentials.credentials, err) < 0)
        return -1;
    wire->eks_peer = http_peer_new(&aws);
    wire->iam_peer = http_peer_new(&aws);
    wire->fetch.peer = PEER_CREDENTIALS;
    credentials.aws = wire->eks_peer;
    wire_credentials_init(&wire->credentials, &credentials, aws_wall_us(wire));
    return 0;
}

static void set_up_kube(struct wire *wire)
{
    const struct wire_watch_settings watches = {
        .watcher = wire->settings.watcher,
        .inbox = wire->inbox,
        .namespaces = &wire->settings.options->watch_namespaces,
    };
    struct http_settings kube = {0};

    kube_client_settings(wire->settings.client, &kube);
    wire->kube_peer = http_peer_new(&kube);
    wire->watches = wire_watch_new(&watches, wire->settings.client);
}

struct wire *wire_new(const struct wire_settings *settings, struct error *err)
{
    struct wire *wire = mem_alloc(sizeof *wire);

    wire->settings = *settings;
    wire->engine = http_new();
    wire->inbox = inbox_new(wire->engine);
    wire->ports = (struct ports){.world = wire,
                                 .now = port_now,
                                 .wall = port_wall,
                                 .random = port_random,
                                 .lease_until = port_lease_until,
                                 .start = port_start,
                                 .next = port_next,
                                 .open_watch = port_open_watch};
    if (set_up_aws(wire, err) < 0) {
        wire_free(wire);
        return NULL;
    }
    set_up_kube(wire);
    return wire;
}

void wire_close(struct wire *wire)
{
    wire_watch_free(wire->watches);
    wire->watches = NULL;
}

/* Whatever is under way is handed back, so that it can be freed. A wake that nobody has heeded yet
 * may come between. */
static void end_exchanges(struct wire *wire)
{
    struct http_answer answer = {0};

    http_abort(wire->engine);
    while (http_pending(wire->engine) > 0) {
        if (!http_next(wire->engine, 0, &answer))
            continue;
        if (answer.context != &wire->fetch)
            exchange_free(answer.context);
        http_answer_release(&answer);
    }
}

void wire_free(struct wire *wire)
{
    if (!wire)
        return;
    wire_close(wire);
    end_exchanges(wire);
    while (wire->waiting)
        exchange_free(take_first(&wire->waiting));
    while (wire->failed)
        exchange_free(take_first(&wire->failed));
    wire_credentials_release(&wire->credentials);
    inbox_free(wire->inbox);
    http_free(wire->engine);
    http_peer_free(wire->kube_peer);
    http_peer_free(wire->eks_peer);
    http_peer_free(wire->iam_peer);
    aws_client_release(&wire->aws);
    mem_free(wire);
}

const struct ports *wire_ports(const struct wire *wire)
{
    return &wire->ports;
}

struct inbox *wire_inbox(const struct wire *wire)
{
    return wire->inbox;
}

const char *wire_credentials_source(const struct wire *wire)
{
    return credentials_source_name(&wire->credentials.credentials);
}
