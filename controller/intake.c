/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/intake.h"

#include <string.h>

#include "base/mem.h"
#include "kube/object.h"

/* Own writes not seen after this long: the watch is not to be trusted, the state is taken anew. */
#define WRITE_PATIENCE_MS 30000
/* A state that is empty: asked for again that often, that far apart. */
#define EMPTY_LOOKS 20
#define EMPTY_LOOK_MS 15000

static const struct store_kind *const kinds[RESOURCE_COUNT] = {
    [RESOURCE_BINDINGS] = &STORE_BINDINGS,
    [RESOURCE_SERVICE_ACCOUNTS] = &STORE_SERVICE_ACCOUNTS,
};

void intake_init(struct intake *intake, const struct ports *ports)
{
    *intake = (struct intake){.ports = ports};
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        informer_init(&intake->informers[resource], kinds[resource]);
}

void intake_release(struct intake *intake)
{
    for (int resource = 0; resource < RESOURCE_COUNT; resource++) {
        informer_release(&intake->informers[resource]);
        call_release(&intake->list_calls[resource]);
    }
    changes_release(&intake->pending);
    writes_release(&intake->writes);
    fresh_release(&intake->fresh);
}

/* ---- which bindings has a person just changed? ---- */

static size_t fresh_position(const struct fresh_list *fresh, const char *namespace,
                             const char *name, bool *ret_found)
{
    size_t low = 0, high = fresh->count;

    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(fresh->items[middle].namespace, namespace);

        if (order == 0)
            order = strcmp(fresh->items[middle].name, name);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct fresh_binding *fresh_find(const struct fresh_list *fresh, const char *namespace,
                                       const char *name)
{
    bool found;
    size_t index = fresh_position(fresh, namespace, name, &found);

    return found ? &fresh->items[index] : NULL;
}

static void fresh_add(struct fresh_list *fresh, const struct binding *binding, bool recheck)
{
    bool found;
    size_t index = fresh_position(fresh, binding->namespace, binding->name, &found);

    if (found) {
        fresh->items[index].recheck |= recheck;
        return;
    }
    if (fresh->count >= FRESH_CAP)
        return; /* they get their turn in order */
    MEM_GROW(fresh->items, fresh->count, fresh->capacity);
    memmove(fresh->items + index + 1, fresh->items + index,
            (fresh->count - index) * sizeof *fresh->items);
    fresh->items[index] =
        (struct fresh_binding){mem_strdup(binding->namespace), mem_strdup(binding->name), recheck};
    fresh->count++;
}

void fresh_release(struct fresh_list *fresh)
{
    for (size_t i = 0; i < fresh->count; i++) {
        mem_free(fresh->items[i].namespace);
        mem_free(fresh->items[i].name);
    }
    mem_free(fresh->items);
    *fresh = (struct fresh_list){0};
}

/* Our own writes come back as events too; these are no news to a person. */
static bool is_persons_change(const struct binding *old, const struct binding *new)
{
    return !old || strcmp(old->uid, new->uid) != 0 || old->generation != new->generation ||
           old->deleting != new->deleting || old->abandon != new->abandon ||
           strcmp(old->reconcile_at, new->reconcile_at) != 0;
}

static const struct binding *stored_binding(const struct intake *intake, const struct binding *like)
{
    return store_find(&intake->informers[RESOURCE_BINDINGS].store, like->namespace, like->name);
}

static bool is_urgent(const struct intake *intake, const struct change *change)
{
    if (change->kind == CHANGE_DELETED)
        return change->resource == RESOURCE_SERVICE_ACCOUNTS;
    if (change->kind != CHANGE_PUT || !intake_synced(intake))
        return false;
    if (change->resource == RESOURCE_SERVICE_ACCOUNTS) {
        const struct service_account *new = change->record;
        const struct service_account *old = store_find(
            &intake->informers[RESOURCE_SERVICE_ACCOUNTS].store, new->namespace, new->name);

        return !old || strcmp(old->labels, new->labels) != 0;
    }
    return is_persons_change(stored_binding(intake, change->record), change->record);
}

/* ---- letting changes in ---- */

static void note_binding(struct intake *intake, const struct binding *new)
{
    const struct binding *old = stored_binding(intake, new);

    writes_seen(&intake->writes, new->namespace, new->name, new->resource_version);
    if (informer_synced(&intake->informers[RESOURCE_BINDINGS]) && is_persons_change(old, new))
        fresh_add(&intake->fresh, new, old && strcmp(old->reconcile_at, new->reconcile_at) != 0);
}

/* At that version: a watch may begin with removals of before. */
static void note_removal(struct intake *intake, const struct binding *removed)
{
    writes_seen(&intake->writes, removed->namespace, removed->name, removed->resource_version);
}

/* A binding that the store will show at once: not what an earlier watch brings late, nor what is
 * staged. settle_writes() sees to the latter when it is taken over. */
static bool is_shown_binding(const struct intake *intake, const struct change *change)
{
    const struct informer *informer = &intake->informers[RESOURCE_BINDINGS];

    return change->resource == RESOURCE_BINDINGS && change->watch == informer->watch &&
           informer->reflector.state == REFLECTOR_WATCHING;
}

static void let_in(struct intake *intake, struct change *change)
{
    struct informer *informer = &intake->informers[change->resource];
    const struct ports *ports = intake->ports;
    const struct error well = {0};

    switch (change->kind) {
    case CHANGE_OPENED:
        intake->opened[change->resource]++;
        informer_opened(informer, change->watch, ports->now(ports->world));
        break;
    case CHANGE_PUT:
        if (is_shown_binding(intake, change))
            note_binding(intake, change->record);
        informer_put(informer, change->watch, change->record);
        change->record = NULL;
        break;
    case CHANGE_DELETED:
        if (is_shown_binding(intake, change))
            note_removal(intake, change->record);
        informer_removed(informer, change->watch, change->record);
        change->record = NULL;
        break;
    case CHANGE_BOOKMARK:
        informer_bookmark(informer, change->watch, change->resource_version);
        break;
    case CHANGE_SYNCED:
        informer_streamed(informer, change->watch, change->resource_version,
                          ports->now(ports->world));
        break;
    case CHANGE_UNREADABLE:
        intake->unreadable[change->resource]++;
        intake->last_error = *change->error;
        break;
    case CHANGE_CLOSED:
        intake->ended[change->resource][change->error ? change->error->kind : ERROR_NONE]++;
        if (change->error)
            intake->last_error = *change->error;
        informer_closed(informer, change->watch, change->error ? change->error : &well,
                        ports->now(ports->world), ports->random(ports->world));
        break;
    }
}

static void let_page_in(struct intake *intake, enum resource resource)
{
    struct informer *informer = &intake->informers[resource];
    struct call *call = &intake->list_calls[resource];
    struct objects_page *page = &call->out.objects;
    const struct ports *ports = intake->ports;

    intake->list_done[resource] = false;
    if (page->continue_token && strlen(page->continue_token) >= sizeof informer->reflector.page)
        error_set(&call->error, ERROR_TRANSIENT,
                  "a continue token of %zu bytes, expected %zu at most",
                  strlen(page->continue_token), sizeof informer->reflector.page - 1);
    if (call->error.kind != ERROR_NONE) {
        intake->last_error = call->error;
        informer_page_failed(informer, &call->error, ports->now(ports->world),
                             ports->random(ports->world));
    } else {
        intake->unreadable[resource] += page->skipped;
        informer_page(informer, page->items, page->count, page->resource_version,
                      page->continue_token ? page->continue_token : "");
        page->count = 0;
    }
    call_release(call);
}

/* After a whole state was taken over: what it shows, or shows to be gone, is seen. */
static void settle_writes(struct intake *intake)
{
    const struct informer *informer = &intake->informers[RESOURCE_BINDINGS];
    struct writes *writes = &intake->writes;

    /* What it does not show yet has another while to come by the watch that begins with it. */
    writes_renew(writes, intake->ports->now(intake->ports->world));
    for (struct own_write *write = writes->oldest, *newer; write; write = newer) {
        const struct binding *binding = store_find(&informer->store, write->namespace, write->name);

        newer = write->newer;
        if (binding)
            writes_seen(writes, write->namespace, write->name, binding->resource_version);
        else if (object_version_compare(informer->reflector.version, write->version) >= 0)
            writes_seen(writes, write->namespace, write->name, "");
    }
}

/* After a whole state was taken over. What events have brought since does not make it more credible.
 */
static void doubt_emptiness(struct intake *intake, enum resource resource)
{
    struct intake_doubt *doubt = &intake->doubts[resource];

    if (intake->informers[resource].relisted > 0)
        doubt->looks = 0;
    else if (!doubt->asked)
        doubt->looks = EMPTY_LOOKS;
    doubt->asked = false;
    doubt->due = intake->ports->now(intake->ports->world) + EMPTY_LOOK_MS;
}

/* When a watch that does not show our own write, or came after a doubtful state, is given up. Only
 * a watch: a state that is being taken anew is waited for. */
static int64_t distrust_due(const struct intake *intake, enum resource resource)
{
    const struct intake_doubt *doubt = &intake->doubts[resource];
    int64_t oldest = resource == RESOURCE_BINDINGS ? writes_oldest(&intake->writes) : INT64_MAX;
    int64_t due = oldest != INT64_MAX ? oldest + WRITE_PATIENCE_MS + 1 : INT64_MAX;

    if (intake->informers[resource].reflector.state != REFLECTOR_WATCHING)
        return INT64_MAX;
    return doubt->looks > 0 && doubt->due < due ? doubt->due : due;
}

static void distrust_watch(struct intake *intake, enum resource resource)
{
    struct intake_doubt *doubt = &intake->doubts[resource];

    if (intake->ports->now(intake->ports->world) < distrust_due(intake, resource))
        return;
    doubt->asked = doubt->looks > 0;
    if (doubt->looks > 0)
        doubt->looks--;
    reflector_restart(&intake->informers[resource].reflector);
}

static bool is_watching(const struct intake *intake)
{
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        if (intake->informers[resource].reflector.state != REFLECTOR_WATCHING ||
            intake->informers[resource].reflector.opened_at == 0)
            return false;
    return true;
}

static void make_moves(struct intake *intake, enum resource resource)
{
    struct informer *informer = &intake->informers[resource];
    const struct ports *ports = intake->ports;
    enum reflector_move move = informer_next(informer, ports->now(ports->world));
    struct call *call = &intake->list_calls[resource];
    struct watch_request request = {.resource = resource,
                                    .watch = informer->watch,
                                    .resource_version = informer->reflector.version};

    switch (move) {
    case REFLECTOR_NONE:
        break;
    case REFLECTOR_STREAM:
        request.initial = true;
        request.resource_version = "";
        ports->open_watch(ports->world, &request);
        break;
    case REFLECTOR_WATCH:
        ports->open_watch(ports->world, &request);
        break;
    case REFLECTOR_LIST:
        call->verb = CALL_LIST_OBJECTS;
        call->owner = intake;
        call->in.objects = (struct list_objects_in){.resource = resource,
                                                    .continue_token = informer->reflector.page};
        ports->start(ports->world, call);
        break;
    }
}

static void let_all_in(struct intake *intake)
{
    for (size_t i = 0; i < intake->pending.count; i++)
        let_in(intake, &intake->pending.items[i]);
    changes_release(&intake->pending);
    intake->urgent = false;
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        if (intake->list_done[resource])
            let_page_in(intake, (enum resource)resource);
}

void intake_run(struct intake *intake)
{
    struct informer *informers = intake->informers;
    uint64_t relists[RESOURCE_COUNT];

    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        relists[resource] = informers[resource].relists;
    let_all_in(intake);
    if (informers[RESOURCE_BINDINGS].relists != relists[RESOURCE_BINDINGS])
        settle_writes(intake);
    for (int resource = 0; resource < RESOURCE_COUNT; resource++) {
        if (informers[resource].relists != relists[resource])
            doubt_emptiness(intake, (enum resource)resource);
        distrust_watch(intake, (enum resource)resource);
        make_moves(intake, (enum resource)resource);
    }
    if (is_watching(intake))
        error_clear(&intake->last_error);
}

bool intake_synced(const struct intake *intake)
{
    return informer_synced(&intake->informers[RESOURCE_BINDINGS]) &&
           informer_synced(&intake->informers[RESOURCE_SERVICE_ACCOUNTS]);
}

void intake_renew(struct intake *intake)
{
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        informer_renew(&intake->informers[resource]);
    intake_run(intake);
}

bool intake_current(const struct intake *intake)
{
    return informer_current(&intake->informers[RESOURCE_BINDINGS]) &&
           informer_current(&intake->informers[RESOURCE_SERVICE_ACCOUNTS]);
}

bool intake_doubts(const struct intake *intake, enum resource resource)
{
    return intake->doubts[resource].looks > 0;
}

int64_t intake_due(const struct intake *intake)
{
    int64_t due = INT64_MAX;

    for (int resource = 0; resource < RESOURCE_COUNT; resource++) {
        const struct reflector *reflector = &intake->informers[resource].reflector;

        if (distrust_due(intake, (enum resource)resource) < due)
            due = distrust_due(intake, (enum resource)resource);
        if (reflector->state == REFLECTOR_IDLE && reflector->due < due)
            due = reflector->due;
    }
    return due;
}

/* ---- waiting ---- */

static void keep(struct intake *intake, struct changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        intake->urgent |= is_urgent(intake, &changes->items[i]);
        intake->news |= changes->items[i].kind != CHANGE_BOOKMARK; /* which changes no object */
        MEM_GROW(intake->pending.items, intake->pending.count, intake->pending.capacity);
        intake->pending.items[intake->pending.count++] = changes->items[i];
    }
    changes->count = 0;
    changes_release(changes);
}

enum intake_event intake_next(struct intake *intake, int64_t deadline, struct call **ret_call)
{
    const struct ports *ports = intake->ports;
    struct changes changes = {0};
    struct call *call = NULL;

    switch (ports->next(ports->world, deadline, &call, &changes)) {
    case PORT_CALL:
        if (call_is_aside(call->verb)) {
            intake->news |= intake->aside.back(intake->aside.context, call);
            return INTAKE_NEWS;
        }
        if (call->owner != intake) {
            *ret_call = call;
            return INTAKE_CALL;
        }
        intake->list_done[call->in.objects.resource] = true;
        intake->news = true;
        return INTAKE_NEWS;
    case PORT_CHANGES:
        keep(intake, &changes);
        return INTAKE_NEWS;
    case PORT_WOKEN:
        return INTAKE_NEWS;
    case PORT_TIMEOUT:
        return INTAKE_TIMEOUT;
    case PORT_GONE:
        break;
    }
    return INTAKE_GONE;
}

void intake_taken(struct intake *intake, struct fresh_list *ret_fresh)
{
    *ret_fresh = intake->fresh;
    intake->fresh = (struct fresh_list){0};
    intake->news = false;
}
