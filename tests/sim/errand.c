/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/errand.h"

#include <string.h>

#include "base/mem.h"
#include "tests/sim/fault_answer.h"
#include "tests/sim/invariant.h"
#include "tests/sim/place.h"
#include "tests/sim/replica.h"
#include "tests/sim/sim_wire.h"

/* ---- our own copy of what goes in ---- */

static const char *keep(struct errand *errand, const char *text)
{
    if (!text)
        return NULL;
    return errand->owned_texts[errand->text_count++] = mem_strdup(text);
}

static void keep_access(struct errand *errand, struct access *access)
{
    access->role_arn = keep(errand, access->role_arn);
    access->target_role_arn = keep(errand, access->target_role_arn);
    access->policy = keep(errand, access->policy);
}

static void keep_object(struct errand *errand, struct object_in *in)
{
    if (errand->work.verb == CALL_PATCH_STATUS)
        kube_status_write_make(in->status, &errand->status);
    in->namespace = keep(errand, in->namespace);
    in->name = keep(errand, in->name);
    in->resource_version = keep(errand, in->resource_version);
    in->finalizers = keep(errand, in->finalizers);
    in->status = NULL;
}

static void keep_event(struct errand *errand, struct event_in *in)
{
    in->namespace = keep(errand, in->namespace);
    in->binding = keep(errand, in->binding);
    in->name = keep(errand, in->name);
    in->reason = keep(errand, in->reason);
    in->uid = in->action = in->note = "";
}

static void keep_in(struct errand *errand)
{
    struct call *work = &errand->work;

    work->cluster = keep(errand, work->cluster);
    switch (work->verb) {
    case CALL_LIST_ASSOCIATIONS:
        work->in.list.key.namespace = keep(errand, work->in.list.key.namespace);
        work->in.list.key.service_account = keep(errand, work->in.list.key.service_account);
        work->in.list.next_token = keep(errand, work->in.list.next_token);
        break;
    case CALL_CREATE_ASSOCIATION:
        work->in.create.key.namespace = keep(errand, work->in.create.key.namespace);
        work->in.create.key.service_account = keep(errand, work->in.create.key.service_account);
        keep_access(errand, &work->in.create.access);
        work->in.create.tags = keep(errand, work->in.create.tags);
        work->in.create.token = keep(errand, work->in.create.token);
        break;
    case CALL_DESCRIBE_ASSOCIATION:
    case CALL_UPDATE_ASSOCIATION:
    case CALL_DELETE_ASSOCIATION:
    case CALL_TAG_ASSOCIATION:
    case CALL_UNTAG_ASSOCIATION:
        work->in.association.id = keep(errand, work->in.association.id);
        work->in.association.arn = keep(errand, work->in.association.arn);
        work->in.association.tags = keep(errand, work->in.association.tags);
        work->in.association.token = keep(errand, work->in.association.token);
        keep_access(errand, &work->in.association.access);
        break;
    case CALL_LIST_CLUSTERS:
        work->in.clusters.next_token = keep(errand, work->in.clusters.next_token);
        break;
    case CALL_LIST_OBJECTS:
        work->in.objects.continue_token = keep(errand, work->in.objects.continue_token);
        break;
    case CALL_WRITE_EVENT:
        keep_event(errand, &work->in.event);
        break;
    case CALL_GET_BINDING:
    case CALL_GET_SERVICE_ACCOUNT:
    case CALL_PATCH_FINALIZERS:
    case CALL_PATCH_STATUS:
        keep_object(errand, &work->in.object);
        break;
    case CALL_PATCH_LEASE:
        work->in.lease.resource_version = keep(errand, work->in.lease.resource_version);
        work->in.lease.deletions = keep(errand, work->in.lease.deletions);
        work->in.lease.release = keep(errand, work->in.lease.release);
        break;
    case CALL_READ_ROLE:
        work->in.role.name = keep(errand, work->in.role.name);
        break;
    case CALL_DESCRIBE_CLUSTER:
    case CALL_READ_IDENTITY:
    case CALL_READ_LEASE:
    case CALL_READ_DEFINITION:
    case CALL_VERB_COUNT:
        break;
    }
}

static void errand_free(struct errand *errand)
{
    for (size_t i = 0; i < errand->text_count; i++)
        mem_free(errand->owned_texts[i]);
    kube_status_write_release(&errand->status);
    sim_wire_errand_free(errand);
    call_release(&errand->work);
    mem_free(errand);
}

/* ---- what becomes of it ---- */

static bool is_patch(enum call_verb verb)
{
    return verb == CALL_PATCH_FINALIZERS || verb == CALL_PATCH_STATUS || verb == CALL_PATCH_LEASE;
}

static bool is_further_page(const struct call *call)
{
    if (call->verb == CALL_LIST_ASSOCIATIONS)
        return call->in.list.next_token[0] != '\0';
    return call->verb == CALL_LIST_OBJECTS && call->in.objects.continue_token[0] != '\0';
}

static bool can_meet(const struct call *call, enum fault fault)
{
    bool eks = call_is_eks(call->verb), writes = call_writes(call->verb);

    switch (fault) {
    case FAULT_SERVER_ERROR_DONE:
    case FAULT_REPLY_LOST:
    case FAULT_LATE:
        return writes;
    case FAULT_CONFLICT:
        return is_patch(call->verb);
    case FAULT_EXPIRED:
        return call->verb == CALL_LIST_OBJECTS && call->in.objects.continue_token[0] != '\0';
    case FAULT_EMPTY_LIST:
        return call->verb == CALL_LIST_OBJECTS && call->in.objects.continue_token[0] == '\0';
    case FAULT_NOT_SERVED:
        return call->verb == CALL_LIST_OBJECTS;
    case FAULT_CUT:
        return !writes;
    case FAULT_FURTHER_PAGE:
        return is_further_page(call);
    case FAULT_BARE_404:
        return !errand_asks_aws(call->verb);
    case FAULT_CLUSTER_MISSING:
        return eks && call->verb != CALL_TAG_ASSOCIATION && call->verb != CALL_UNTAG_ASSOCIATION &&
               call->verb != CALL_LIST_CLUSTERS;
    default:
        return true;
    }
}

static bool is_refused(const struct world *world, const struct call *call)
{
    const struct admission *admission = &world->admission;

    if (world->now >= admission->until ||
        !(call->verb == CALL_PATCH_FINALIZERS
              ? admission->finalizers
              : call->verb == CALL_PATCH_STATUS && admission->statuses))
        return false;
    return strcmp(call->in.object.namespace, admission->namespace) == 0 &&
           (!admission->name || strcmp(call->in.object.name, admission->name) == 0);
}

static enum fault draw_fault(struct world *world, const struct call *call)
{
    static const enum fault common[] = {FAULT_SLOW,
                                        FAULT_LOST,
                                        FAULT_REPLY_LOST,
                                        FAULT_SERVER_ERROR,
                                        FAULT_THROTTLED,
                                        FAULT_UNREACHED,
                                        FAULT_LATE,
                                        FAULT_SERVER_ERROR_DONE,
                                        FAULT_CONFLICT,
                                        FAULT_EXPIRED,
                                        FAULT_DENIED,
                                        FAULT_BARE_404,
                                        FAULT_CLUSTER_MISSING,
                                        FAULT_HTML};
    static const enum fault of_lists[] = {FAULT_EMPTY_LIST, FAULT_NOT_SERVED, FAULT_CUT,
                                          FAULT_FURTHER_PAGE};
    bool list = call->verb == CALL_LIST_OBJECTS || call->verb == CALL_LIST_ASSOCIATIONS;
    bool eks = errand_asks_aws(call->verb);
    uint32_t chance = eks ? world->weather.eks_faults : world->weather.kube_faults;
    enum fault fault;

    if (call->verb == CALL_READ_ROLE && world->weather.iam != IAM_ANSWERS)
        return world->weather.iam == IAM_SILENT ? FAULT_UNREACHED : FAULT_DENIED;
    if (world_is_calm(world))
        return FAULT_NONE;
    if (world->now < (eks ? world->deny_eks_until : world->deny_kube_until))
        return FAULT_DENIED;
    if (is_refused(world, call)) {
        world->tally->sometimes[SOMETIMES_FINALIZER_REFUSED] += call->verb == CALL_PATCH_FINALIZERS;
        return FAULT_ADMISSION;
    }
    if (!tape_chance(&world->tape, chance, "does the call fail"))
        return FAULT_NONE;
    if (list && tape_choose(&world->tape, 2, "a fault of lists") == 1)
        fault = of_lists[tape_choose(&world->tape, 4, "which fault of lists")];
    else
        fault = common[tape_choose(&world->tape, sizeof common / sizeof *common, "which fault")];
    if (fault == FAULT_CLUSTER_MISSING && tape_choose(&world->tape, 4, "really") > 0)
        fault = FAULT_SLOW;
    return can_meet(call, fault) ? fault : FAULT_UNREACHED;
}

/* IAM is not waited for as long as others are; where it is silent, for all of that. */
static void keep_short(const struct world *world, struct errand *errand)
{
    int64_t latest = world->now + PORT_ROLE_TIMEOUT_MS;

    if (errand->answer_at >= latest && errand->fault != FAULT_CRASH_AFTER)
        errand->fault = FAULT_UNREACHED;
    if (errand->answer_at > latest || world->weather.iam == IAM_SILENT)
        errand->answer_at = latest;
    if (errand->effect_at > errand->answer_at)
        errand->effect_at = errand->answer_at;
}

/* Times: `effect_at` as the fault allows, `answer_at` within what a call may take. */
static void draw_times(struct world *world, struct errand *errand)
{
    bool aws = errand_asks_aws(errand->work.verb);
    int64_t longest = aws ? world->weather.eks_latency : world->weather.kube_latency;
    int64_t first = tape_between(&world->tape, 1, longest, "way there");
    int64_t second = tape_between(&world->tape, 0, longest, "way back");

    if (errand->fault == FAULT_SLOW) {
        first = tape_between(&world->tape, 1, 2000, "slow way there");
        second = tape_between(&world->tape, 0, 1999, "slow way back");
    }
    errand->effect_at = world->now + first;
    errand->answer_at = world->now + first + second;
    if (errand->work.verb == CALL_READ_ROLE)
        keep_short(world, errand);
    switch (errand->fault) {
    case FAULT_UNREACHED:
    case FAULT_SERVER_ERROR:
    case FAULT_LOST:
    case FAULT_THROTTLED:
    case FAULT_DENIED:
    case FAULT_CONFLICT:
    case FAULT_EXPIRED:
    case FAULT_BARE_404:
    case FAULT_CLUSTER_MISSING:
    case FAULT_NOT_SERVED:
    case FAULT_HTML:
    case FAULT_CUT:
    case FAULT_FURTHER_PAGE:
    case FAULT_ADMISSION:
        errand->effect_at = NEVER;
        break;
    case FAULT_LATE:
        errand->late = true;
        errand->answer_at = world->now + PORT_CALL_TIMEOUT_MS;
        errand->effect_at =
            errand->answer_at + tape_between(&world->tape, 1, 8000, "how late the effect is");
        break;
    default:
        break;
    }
}

/* What is not sent by the end of its time is not sent; what is on its way then is not waited for. */
static void delay(struct world *world, struct errand *errand, int64_t stopped)
{
    int64_t latest = world->now - stopped + PORT_CALL_TIMEOUT_MS;

    if (latest <= world->now) {
        errand->fault = FAULT_STOPPED;
        errand->crash = false;
        errand->effect_at = NEVER;
        errand->answer_at = world->now;
    } else if (errand->answer_at > latest) {
        errand->fault = errand->crash ? FAULT_CRASH_AFTER : FAULT_REPLY_LOST;
        errand->answer_at = latest;
        errand->late = errand->effect_at >= latest;
    }
}

void errand_start(struct replica *replica, struct call *call, bool crash, int64_t stopped)
{
    struct world *world = replica->world;
    struct errand *errand = mem_alloc(sizeof *errand);
    struct errand **end = &world->errands;

    errand->replica = replica;
    errand->call = call;
    errand->life = replica->life;
    errand->led_from = replica->led_from;
    errand->work.verb = call->verb;
    errand->work.cluster = call->cluster;
    errand->work.in = call->in;
    keep_in(errand);
    if (world->wire)
        sim_wire_send(world, errand, call);
    errand->crash = crash;
    errand->fault = crash ? FAULT_CRASH_AFTER : draw_fault(world, call);
    draw_times(world, errand);
    if (stopped > 0)
        delay(world, errand, stopped);
    if (call->verb == CALL_UPDATE_ASSOCIATION || call->verb == CALL_TAG_ASSOCIATION ||
        call->verb == CALL_UNTAG_ASSOCIATION)
        errand->adoption = invariant_may_adopt(replica, call->in.association.id);
    while (*end)
        end = &(*end)->next;
    *end = errand;
}

/* ---- faults ---- */

/* As of the same version, but without the objects. */
static void empty_page(struct errand *errand)
{
    struct objects_page *page = &errand->work.out.objects;
    char *version = page->resource_version;

    page->resource_version = NULL;
    call_release(&errand->work);
    page->resource_version = version;
    page->continue_token = mem_strdup("");
}

/* The answer that the fault makes of it, in place of the servers' own. */
static void put_fault(struct world *world, struct errand *errand)
{
    struct http_answer answer = {0};

    if (errand->fault == FAULT_NONE || errand->fault == FAULT_SLOW ||
        (errand->fault == FAULT_EMPTY_LIST && errand->work.error.kind != ERROR_NONE))
        return;
    fault_answer_make(world, errand, &answer);
    if (answer.retry_after_ms > 0)
        invariant_asked(errand->replica, errand->call, answer.retry_after_ms);
    if (errand->wire) {
        sim_wire_answer(world, errand, &answer);
        return;
    }
    if (errand->fault == FAULT_EMPTY_LIST) {
        empty_page(errand);
    } else {
        call_release(&errand->work);
        fault_answer_read(&answer, &errand->work);
    }
    http_answer_release(&answer);
}

/* ---- the way through ---- */

/* Counted is what has reached the servers or the operator, not what was drawn. */
static void count(struct world *world, struct errand *errand)
{
    if (!errand->counted)
        world->tally->faults[errand->fault][errand->work.verb]++;
    errand->counted = true;
}

static void perform(struct world *world, struct errand *errand)
{
    errand->effect_at = NEVER;
    if (errand->late || !errand->call)
        TRACE(world, "  late: %s takes effect", call_name(errand->work.verb));
    if (!errand->call || errand->crash)
        count(world, errand);
    if (!errand->wire || sim_wire_has_effect(world, errand))
        invariant_effect(world, errand);
    call_release(&errand->work); /* a caller that gave up was told another thing */
    if (errand->wire)
        sim_wire_perform(world, errand);
    else if (errand_asks_aws(errand->work.verb))
        eks_perform(world, errand);
    else
        kube_perform(world, errand);
}

static void answer(struct world *world, struct errand *errand)
{
    struct replica *replica = errand->replica;
    struct call *call = errand->call;

    errand->answer_at = NEVER;
    put_fault(world, errand);
    count(world, errand);
    if (errand->wire)
        sim_wire_arrive(world, errand);
    TRACE(world, "%s  ◀ %s: %s%s%s", replica_name(replica), call_name(call->verb),
          errand->work.error.kind == ERROR_NONE ? "ok" : error_kind_name(errand->work.error.kind),
          errand->fault == FAULT_NONE ? "" : " ", errand->fault ? fault_name(errand->fault) : "");
    call->error = errand->work.error;
    call->detail = errand->work.detail;
    call->out = errand->work.out;
    errand->work.out = (struct call){0}.out;
    if (call->verb == CALL_LIST_OBJECTS && call->error.kind == ERROR_NONE &&
        call->out.objects.continue_token[0] == '\0')
        replica_note_state(replica, call->in.objects.resource, errand->fault == FAULT_EMPTY_LIST);
    invariant_seen(replica, call, errand->fault);
    errand->call = NULL;
    errand->replica = NULL;
    replica_answer(replica, call);
}

int64_t errands_due(const struct world *world)
{
    int64_t due = NEVER;

    for (const struct errand *errand = world->errands; errand; errand = errand->next) {
        if (errand->effect_at < due)
            due = errand->effect_at;
        if (errand->answer_at < due)
            due = errand->answer_at;
    }
    return due;
}

static void step(struct world *world, struct errand *errand)
{
    if (errand->effect_at <= world->now) {
        perform(world, errand);
        if (errand->crash && errand->call) {
            place_crash(errand->replica->place, "crashes before it learns of the effect");
            return; /* it is an orphan now */
        }
    }
    if (errand->answer_at <= world->now && errand->call)
        answer(world, errand);
}

void errands_run(struct world *world)
{
    for (struct errand *errand = world->errands; errand; errand = errand->next)
        step(world, errand);
    for (struct errand **link = &world->errands; *link;) {
        struct errand *errand = *link;

        if (errand->effect_at == NEVER && (errand->answer_at == NEVER || !errand->call)) {
            *link = errand->next;
            errand_free(errand);
        } else {
            link = &errand->next;
        }
    }
}

/* A request that was on its way may still be carried out, soon or late, or not. */
static void draw_arrival(struct world *world, struct errand *errand)
{
    switch (tape_choose(&world->tape, 3, "a dead caller's request arrives")) {
    case 0:
        errand->effect_at = NEVER;
        break;
    case 1:
        break;
    default:
        errand->effect_at += tape_between(&world->tape, 0, 20000, "how late it arrives");
    }
}

void errands_orphan(struct replica *replica)
{
    struct world *world = replica->world;

    for (struct errand *errand = world->errands; errand; errand = errand->next) {
        if (errand->replica != replica)
            continue;
        errand->call = NULL;
        errand->replica = NULL;
        errand->answer_at = NEVER;
        if (errand->effect_at != NEVER && !errand->late)
            draw_arrival(world, errand);
    }
}

void errands_release(struct world *world)
{
    while (world->errands) {
        struct errand *errand = world->errands;

        world->errands = errand->next;
        errand_free(errand);
    }
}
