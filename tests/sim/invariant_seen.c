/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator has been told, and what may be done after it only. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"
#include "tests/sim/invariant.h"
#include "tests/sim/replica.h"

/* ---- evidence for a Delete ---- */

/* Does this binding, as it was read, give up an association that was made for it? */
static bool gives_up(const struct view *view, const struct binding *binding,
                     const struct model_association *one)
{
    if (binding->retain)
        return false;
    if (binding->deleting)
        return binding->has_finalizer && !binding->abandon;
    return !binding->suspend && expect_refusal(binding)[0] == '\0' &&
           !expect_names(view, binding, one->service_account);
}

/* Does what was read say that this association of ours is not wanted by its binding any more? */
static bool speaks_against(const struct world *world, const struct call *call,
                           const struct model_association *one)
{
    const char *uid = expect_tag(one, "podbind.dev/binding");
    const struct binding *binding = call->out.binding;
    const struct service_account *account = call->out.service_account;
    struct view view = world_view(world);

    if (call->verb == CALL_GET_BINDING)
        return binding && uid && strcmp(binding->uid, uid) == 0 && gives_up(&view, binding, one);
    if (strcmp(one->namespace, call->in.object.namespace) != 0 ||
        strcmp(one->service_account, call->in.object.name) != 0)
        return false;
    binding = uid ? kube_binding_by_uid(&world->kube, uid, strlen(uid)) : NULL;
    view.accounts = &account;
    view.account_count = account ? 1 : 0;
    return binding && !expect_names(&view, binding, one->service_account);
}

static void note_evidence(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    const struct model_association *one;

    if (call->out.binding)
        marks_set(&replica->seen, world->now, "%s", call->out.binding->uid);
    for (size_t i = 0; (one = world_association_at(world, i)); i++)
        if (speaks_against(world, call, one))
            marks_set(&replica->unwanted, world->now, "%s/%s",
                      expect_tag(one, "podbind.dev/binding"), one->id);
}

/* The last word counts. */
static void note_described(struct replica *replica, const struct call *call)
{
    struct world *world = replica->world;
    const struct association *shown = call->out.association;
    const char *id = call->in.association.id;
    size_t length = 0;
    const char *uid = shown ? pairs_get(shown->tags, "podbind.dev/binding", &length) : NULL;
    bool ours = shown && shown->owner_arn[0] == '\0' &&
                pairs_has(shown->tags, "podbind.dev/owner", OWNER) &&
                !pairs_has(shown->tags, "podbind.dev/retain", "true");

    marks_set(&replica->deletable, ours ? world->now : -1, "%s", id);
    if (!ours && uid)
        world->tally->sometimes[SOMETIMES_STOPPED] +=
            marks_get(&replica->unwanted, "%.*s/%s", (int)length, uid, id) + PORT_CALL_TIMEOUT_MS >
            world->now;
}

/* ---- Creates, one after the other ---- */

static struct first_try *find_try(struct replica *replica, const struct association_key *key)
{
    struct first_tries *tries = &replica->tries;
    char text[sizeof tries->items->key];

    snprintf(text, sizeof text, "%s/%s", key->namespace, key->service_account);
    for (size_t i = 0; i < tries->count; i++)
        if (strcmp(tries->items[i].key, text) == 0)
            return &tries->items[i];
    MEM_GROW(tries->items, tries->count, tries->capacity);
    tries->items[tries->count] = (struct first_try){0};
    memcpy(tries->items[tries->count].key, text, sizeof text);
    return &tries->items[tries->count++];
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++);
    return hash;
}

/* An edit makes it another request, even one that changes nothing here. */
static uint64_t hash_request(const struct replica *replica, const struct create_in *in)
{
    struct view view = replica_view(replica);
    const struct binding *holder = expect_holder(&view, in->key.namespace, in->key.service_account);
    uint64_t hash = hash_text(14695981039346656037u, in->access.role_arn);

    hash ^= holder ? (uint64_t)holder->generation : 0;
    hash = hash_text(hash, in->access.target_role_arn);
    hash = hash_text(hash, in->access.policy);
    hash = hash_text(hash, in->access.session_tags ? "E" : "D");
    return hash_text(hash, in->tags);
}

void invariant_lapse(struct replica *replica)
{
    for (size_t i = 0; i < replica->tries.count; i++) {
        replica->tries.items[i].token[0] = '\0';
        replica->tries.items[i].open = false;
    }
}

void invariant_try(struct replica *replica, const struct create_in *in)
{
    struct world *world = replica->world;
    struct first_try *before = find_try(replica, &in->key);
    uint64_t request = hash_request(replica, in);
    bool again = before->token[0] != '\0';
    bool same_token = strcmp(before->token, in->token) == 0;

    if (before->unseen)
        world_fail(world, "look-first", "a Create for %s, and no List since the last one failed",
                   before->key);
    if (again && before->open && request == before->request && !same_token &&
        world->now < before->at + 60000)
        world_fail(world, "token", "a Create for %s is repeated under another token", before->key);
    if (again && request != before->request && same_token)
        world_fail(world, "token", "two Creates for %s under one token", before->key);
    snprintf(before->token, sizeof before->token, "%s", in->token);
    before->request = request;
    before->at = world->now;
    before->open = before->unseen = false;
}

/* May the call have been carried out, as far as its caller can know? */
static bool is_open(enum fault fault)
{
    switch (fault) {
    case FAULT_SERVER_ERROR:
    case FAULT_SERVER_ERROR_DONE:
    case FAULT_LOST:
    case FAULT_REPLY_LOST:
    case FAULT_LATE:
        return true;
    default:
        return false;
    }
}

/* The server's own word, and not that of something on the way. */
static bool is_answer(enum fault fault)
{
    return fault == FAULT_NONE || fault == FAULT_SLOW;
}

static void note_create(struct replica *replica, const struct call *call, enum fault fault)
{
    struct first_try *tried = find_try(replica, &call->in.create.key);

    tried->open = is_open(fault);
    tried->unseen = is_open(fault) || (is_answer(fault) && call->error.status == 409);
}

/* Of the whole cluster only the last page tells. */
static void note_list(struct replica *replica, const struct call *call)
{
    const struct association_key *key = &call->in.list.key;
    struct first_tries *tries = &replica->tries;

    if (key->namespace[0] != '\0')
        find_try(replica, key)->unseen = false;
    else if (!call->out.page.next_token || call->out.page.next_token[0] == '\0')
        for (size_t i = 0; i < tries->count; i++)
            tries->items[i].unseen = false;
}

/* ---- answers ---- */

/* ---- our finalizer ---- */

/* The server answers with the old version when the object went with its last finalizer. */
static void note_let_go(struct replica *replica, const struct call *call)
{
    const struct object_in *in = &call->in.object;

    if (in->finalizers[0] == '\0' && strcmp(call->out.resource_version, in->resource_version) == 0)
        marks_set(&replica->let_go, replica->world->now, "%s/%s@%s", in->namespace, in->name,
                  in->resource_version);
}

/* ---- the cluster ---- */

static void note_cluster(struct replica *replica, const struct call *call)
{
    bool well = call->error.kind == ERROR_NONE;
    uint64_t *sometimes = replica->world->tally->sometimes;

    if (strcmp(call->cluster, CLUSTER_NAME) != 0) {
        sometimes[SOMETIMES_PASSED_OVER] += !well;
        return;
    }
    replica->cluster_read = well || (replica->cluster_read && call->detail == DETAIL_NONE);
    sometimes[SOMETIMES_FOUND] += well && replica->world->finds_cluster;
}

/* ---- let go of, whatever is left ---- */

bool invariant_abandoned(const struct world *world, const struct object_in *in)
{
    const struct binding *binding = kube_binding(&world->kube, in->namespace, in->name);

    return !binding || (binding->deleting && binding->abandon);
}

bool invariant_let_go_of(const struct replica *replica, const struct binding *binding)
{
    struct world *world = replica->world;

    if (!binding->deleting)
        return false;
    world->tally->sometimes[SOMETIMES_ABANDONED] += binding->abandon;
    world->tally->sometimes[SOMETIMES_CLUSTER_DELETING] += replica->told_deleting;
    return binding->abandon || (replica->told_deleting && world->cluster_deleting);
}

void invariant_seen(struct replica *replica, const struct call *call, enum fault fault)
{
    bool well = call->error.kind == ERROR_NONE;

    if (call->verb == CALL_READ_IDENTITY)
        replica->identity_read |= well;
    if (call->verb == CALL_DESCRIBE_CLUSTER && well)
        replica->told_deleting = strcmp(call->out.cluster.status, "DELETING") == 0;
    if (call->verb == CALL_DESCRIBE_CLUSTER)
        note_cluster(replica, call);
    else if (fault == FAULT_CLUSTER_MISSING)
        invariant_no_cluster(replica, call);
    if (call->verb == CALL_LIST_OBJECTS && well && call->out.objects.continue_token[0] == '\0')
        replica->synced[call->in.objects.resource] |=
            replica->list_began[call->in.objects.resource] >= replica->led_since;
    if (call->verb == CALL_CREATE_ASSOCIATION)
        note_create(replica, call, fault);
    if (call->verb == CALL_LIST_ASSOCIATIONS && well)
        note_list(replica, call);
    if (call->verb == CALL_DESCRIBE_ASSOCIATION)
        note_described(replica, call);
    if (call->verb == CALL_PATCH_FINALIZERS && well)
        note_let_go(replica, call);
    if ((call->verb == CALL_PATCH_FINALIZERS || call->verb == CALL_PATCH_STATUS) && well)
        invariant_written(replica, call);
    if ((call->verb == CALL_GET_BINDING && well) ||
        (call->verb == CALL_GET_SERVICE_ACCOUNT && is_answer(fault)))
        note_evidence(replica, call);
}
