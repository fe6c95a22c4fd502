/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe.h"

#include <stdlib.h>
#include <string.h>

#include "base/least.h"
#include "base/mem.h"
#include "controller/gather.h"
#include "controller/observe_list.h"

#define CONFIRM_LONGEST_MS 10000
#define PAGE 100
/* A filtered List asked for this long after a Create of unknown outcome settles it, even if it was
 * answered a whole call's time before it came back. */
#define UNSEEN_MS (MIRROR_UNSURE_MS + PORT_CALL_TIMEOUT_MS)

void observe_init(struct observe *observe, const struct observe_settings *settings,
                  struct intake *intake, const char *cluster_name)
{
    size_t length = strlen(cluster_name);

    *observe = (struct observe){
        .settings = settings,
        .intake = intake,
        .searches = length == 0,
        .verify_backoff = {.base_ms = 1000, .cap_ms = 15000},
        .list_backoff = {.base_ms = 1000, .cap_ms = 15000},
    };
    if (length >= sizeof observe->cluster.name)
        length = sizeof observe->cluster.name - 1;
    memcpy(observe->cluster.name, cluster_name, length);
}

void observe_release(struct observe *observe)
{
    mirror_release(&observe->mirror);
    observe_search_release(&observe->search);
}

static int64_t now_of(const struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return ports->now(ports->world);
}

static uint64_t random_of(const struct observe *observe)
{
    const struct ports *ports = observe->intake->ports;

    return ports->random(ports->world);
}

void observe_restart(struct observe *observe)
{
    observe_release(observe);
    observe->mirror.epoch = now_of(observe);
    observe->cluster.verdict = CLUSTER_UNVERIFIED;
    observe->verify_due = observe->list_due = observe->rotation_due = 0;
    observe->list_not_before = 0;
    /* The one that shows all that was done before us. */
    observe->list_wanted_at = observe->mirror.epoch + MIRROR_UNSURE_MS;
}

void observe_take_cluster(struct observe *observe, const struct cluster *found)
{
    if (observe->mirrored[0] != '\0' && strcmp(observe->mirrored, found->name) != 0)
        observe_restart(observe);
    memcpy(observe->mirrored, found->name, sizeof observe->mirrored);
    observe->cluster = *found;
}

static size_t pages_of(const struct observe *observe)
{
    return observe->mirror.count / PAGE + 1;
}

/* ---- which keys need a look? ---- */

struct selection {
    struct observe *observe;
    struct mirror_entry **entries; /* borrowed from the mirror */
    size_t count;
    size_t capacity;
};

static void selection_release(struct selection *selection)
{
    mem_free(selection->entries);
}

static void select_entry(struct selection *selection, struct mirror_entry *entry)
{
    MEM_GROW(selection->entries, selection->count, selection->capacity);
    selection->entries[selection->count++] = entry;
}

static void select_where(struct selection *selection,
                         bool (*wanted)(const struct mirror_entry *entry, int64_t now))
{
    const struct mirror *mirror = &selection->observe->mirror;
    int64_t now = now_of(selection->observe);

    for (size_t i = 0; i < mirror->count; i++)
        if (wanted(mirror->entries[i], now))
            select_entry(selection, mirror->entries[i]);
}

static bool trouble_waits(const struct mirror_entry *entry, int64_t now)
{
    return entry->trouble && entry->trouble->retry_at > now;
}

/* A read failed lately; what a write met is no reason not to look. */
static bool read_waits(const struct mirror_entry *entry, int64_t now)
{
    return trouble_waits(entry, now) && entry->trouble->generation == TROUBLE_ANY_GENERATION;
}

/* When to look at this key, ms since boot; INT64_MAX: no need. */
static int64_t look_due(const struct mirror_entry *entry, int64_t now)
{
    int64_t due = entry->look && !trouble_waits(entry, now) ? 0 : INT64_MAX;

    if (entry->maybe_at && !read_waits(entry, now))
        due = least(due, entry->maybe_at + UNSEEN_MS);
    return due;
}

static bool needs_look(const struct mirror_entry *entry, int64_t now)
{
    return look_due(entry, now) <= now;
}

static bool needs_confirmation(const struct mirror_entry *entry, int64_t now)
{
    return entry->association && entry->deleted_at && entry->confirm_at <= now;
}

/* Remembers why a read failed, and stops the rest when EKS seems to have had enough. */
static bool note_failure(struct selection *selection, struct mirror_entry *entry,
                         const struct call *call)
{
    struct observe *observe = selection->observe;
    unsigned failures = entry->trouble ? entry->trouble->failures : 0;
    struct backoff backoff = {.base_ms = 1000, .cap_ms = 60000, .failures = failures};
    enum trouble kind = call->error.kind == ERROR_DENIED      ? TROUBLE_DENIED
                        : call->error.kind == ERROR_THROTTLED ? TROUBLE_THROTTLED
                                                              : TROUBLE_RETRYING;

    mirror_failed(entry, kind, call->error.text, TROUBLE_ANY_GENERATION, now_of(observe),
                  most(backoff_next(&backoff, random_of(observe)), call->error.retry_after_ms));
    if (call->detail == DETAIL_CLUSTER_MISSING)
        observe_doubt_cluster(observe);
    return call->error.kind != ERROR_THROTTLED && call->detail != DETAIL_CLUSTER_MISSING;
}

static void prepare_look(void *context, size_t index, struct call *ret_call)
{
    struct selection *selection = context;

    ret_call->cluster = selection->observe->cluster.name;
    ret_call->in.list =
        (struct list_associations_in){.key = selection->entries[index]->key, .next_token = ""};
}

static bool look_done(void *context, size_t index, struct call *call)
{
    struct selection *selection = context;
    struct mirror_entry *entry = selection->entries[index];
    struct observe *observe = selection->observe;
    CLEANUP(listing_release) struct listing listing = {.started = now_of(observe)};

    if (call->error.kind != ERROR_NONE)
        return note_failure(selection, entry, call);
    listing.started -= PORT_CALL_TIMEOUT_MS; /* it may have been answered that long ago */
    listing_take_page(&listing, &call->out.page);
    listing_hand_over(observe, &listing, &entry->key);
    return true;
}

static bool describe_done(void *context, size_t index, struct call *call)
{
    struct selection *selection = context;
    struct mirror_entry *entry = selection->entries[index];
    int64_t now = now_of(selection->observe);

    if (call->error.kind == ERROR_NOT_FOUND && call->detail != DETAIL_CLUSTER_MISSING) {
        bool deleted = entry->deleted_at != 0;

        entry->tried_at = now;
        entry->recheck = false;
        selection->observe->surprised |= mirror_vanished(entry, now) && !deleted;
    } else if (call->error.kind != ERROR_NONE) {
        return note_failure(selection, entry, call);
    } else {
        if (entry->trouble && entry->trouble->generation == TROUBLE_ANY_GENERATION)
            mirror_succeeded(entry);
        mirror_described(entry, call->out.association, now);
        call->out.association = NULL;
    }
    return true;
}

static void prepare_describe(void *context, size_t index, struct call *ret_call)
{
    struct selection *selection = context;

    ret_call->cluster = selection->observe->cluster.name;
    ret_call->in.association =
        (struct association_in){.id = selection->entries[index]->association->id};
}

static int run_selection(struct selection *selection, enum call_verb verb,
                         void (*prepare)(void *context, size_t index, struct call *ret_call),
                         bool (*done)(void *context, size_t index, struct call *call),
                         struct error *err)
{
    struct gather gather = {.intake = selection->observe->intake,
                            .pace = &selection->observe->pace,
                            .window = selection->observe->settings->window,
                            .verb = verb,
                            .context = selection,
                            .prepare = prepare,
                            .done = done};

    return gather_run(&gather, selection->count, &selection->observe->cut, err);
}

static int look_at_doubtful(struct observe *observe, struct error *err)
{
    CLEANUP(selection_release) struct selection selection = {.observe = observe};

    select_where(&selection, needs_look);
    if (selection.count > pages_of(observe))
        return observe_list(observe, err);
    return run_selection(&selection, CALL_LIST_ASSOCIATIONS, prepare_look, look_done, err);
}

/* Is what we deleted gone? A Describe each, or one List when that is cheaper. */
static int confirm_deletions(struct observe *observe, struct error *err)
{
    CLEANUP(selection_release) struct selection selection = {.observe = observe};
    int64_t now = now_of(observe);

    select_where(&selection, needs_confirmation);
    for (size_t i = 0; i < selection.count; i++) {
        int64_t wait = now - selection.entries[i]->deleted_at;

        wait = wait < 500 ? 500 : wait > CONFIRM_LONGEST_MS ? CONFIRM_LONGEST_MS : wait;
        selection.entries[i]->confirm_at = now + wait;
    }
    if (selection.count > pages_of(observe))
        return observe_list(observe, err);
    return run_selection(&selection, CALL_DESCRIBE_ASSOCIATION, prepare_describe, describe_done,
                         err);
}

/* ---- whose content is needed now? ---- */

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Namespaces in which a binding is being deleted: all that stands there must be known. */
struct dying {
    const char **namespaces; /* sorted; bindings come sorted by namespace */
    size_t count;
};

static void dying_release(struct dying *dying)
{
    mem_free(dying->namespaces);
}

static struct dying find_dying(const struct desired *desired)
{
    struct dying dying = {0};
    size_t capacity = 0;

    for (size_t i = 0; i < desired->claim_count; i++) {
        const struct binding *binding = desired->claims[i].binding;

        if (!binding->deleting || !binding->has_finalizer)
            continue;
        MEM_GROW(dying.namespaces, dying.count, capacity);
        dying.namespaces[dying.count++] = binding->namespace;
    }
    return dying;
}

static bool is_dying(const struct dying *dying, const struct mirror_entry *entry)
{
    return dying->count > 0 && bsearch(&entry->key.namespace, dying->namespaces, dying->count,
                                       sizeof *dying->namespaces, compare_names);
}

static bool is_needed(const struct mirror_entry *entry, const struct desired *desired,
                      const struct dying *dying)
{
    return desired_find(desired, &entry->key) || is_dying(dying, entry);
}

/* It was described, but maybe before something showed that was written without our knowing. The
 * doubt of a new leader matters only where something is to be deleted. */
static bool is_doubtful(const struct mirror *mirror, const struct mirror_entry *entry)
{
    return entry->association && !entry->deleted_at &&
           (entry->unsure_at || entry->maybe_gone_at || entry->settle) &&
           !mirror_is_settled(mirror, entry);
}

static int describe_needed(struct observe *observe, const struct desired *desired,
                           struct error *err)
{
    CLEANUP(selection_release) struct selection selection = {.observe = observe};
    CLEANUP(dying_release) struct dying dying = find_dying(desired);
    const struct mirror *mirror = &observe->mirror;
    int64_t now = now_of(observe);

    for (size_t i = 0; i < mirror->count; i++) {
        struct mirror_entry *entry = mirror->entries[i];

        if (!entry->association || entry->deleted_at || trouble_waits(entry, now))
            continue;
        if (entry->recheck || now >= mirror_watch_at(entry) ||
            (is_doubtful(mirror, entry) && now >= mirror_settles_at(mirror, entry)) ||
            (!entry->association->described && is_needed(entry, desired, &dying)))
            select_entry(&selection, entry);
    }
    return run_selection(&selection, CALL_DESCRIBE_ASSOCIATION, prepare_describe, describe_done,
                         err);
}

int observe_associations(struct observe *observe, const struct desired *desired, struct error *err)
{
    int64_t now = now_of(observe);

    mirror_purge(&observe->mirror, now);
    if (now >= observe_list_due(observe) && observe_list(observe, err) < 0)
        return -1;
    if (!observe->mirror.listed_at) {
        *err = observe->trouble;
        return -1;
    }
    if (look_at_doubtful(observe, err) < 0 || confirm_deletions(observe, err) < 0 ||
        describe_needed(observe, desired, err) < 0)
        return -1;
    if (observe->cluster.verdict == CLUSTER_VERIFIED)
        return 0;
    return error_set(err, ERROR_INVALID, "%s", observe->cluster.why);
}

/* ---- by rotation ---- */

static int64_t tried_at(const struct mirror_entry *entry)
{
    return most(entry->described_at, entry->tried_at);
}

static struct mirror_entry *longest_unseen(const struct observe *observe)
{
    struct mirror_entry *oldest = NULL;

    for (size_t i = 0; i < observe->mirror.count; i++) {
        struct mirror_entry *entry = observe->mirror.entries[i];

        if (entry->association && !entry->deleted_at &&
            (!oldest || tried_at(entry) < tried_at(oldest)))
            oldest = entry;
    }
    return oldest;
}

/* To the plan, and to status, which also tells the last two. */
static bool is_same(const struct association *a, const struct association *b)
{
    return a->described == b->described && access_difference(&a->access, &b->access) == 0 &&
           strcmp(a->tags, b->tags) == 0 && strcmp(a->owner_arn, b->owner_arn) == 0 &&
           strcmp(a->external_id, b->external_id) == 0 && a->modified_us == b->modified_us;
}

int observe_rotate(struct observe *observe, struct error *err)
{
    CLEANUP(selection_release) struct selection selection = {.observe = observe};
    CLEANUP_FREE struct association *before = NULL;
    int64_t now = now_of(observe), due;
    struct mirror_entry *entry;
    bool troubled;

    if (now < observe->rotation_due)
        return 0;
    if (observe->cluster.verdict != CLUSTER_VERIFIED) { /* its name may not be known */
        observe->rotation_due = now + observe->settings->rotation_ms;
        return 0;
    }
    observe->rotation_due = now + observe->settings->describe_interval_ms;
    entry = longest_unseen(observe);
    if (!entry) /* what we create is known that long */
        return 0;
    due = tried_at(entry) ? tried_at(entry) + observe->settings->describe_interval_ms : now;
    if (due > now) {
        observe->rotation_due = due;
        return 0;
    }
    observe->rotation_due = now + observe->settings->rotation_ms;
    if (pace_due(&observe->pace, CALL_DESCRIBE_ASSOCIATION, now) > now)
        return 0;
    troubled = entry->trouble != NULL;
    entry->tried_at = now; /* if it fails, the others have their turn first */
    before = association_copy(entry->association);
    select_entry(&selection, entry);
    if (run_selection(&selection, CALL_DESCRIBE_ASSOCIATION, prepare_describe, describe_done, err) <
        0)
        return -1;
    if (!entry->association || !is_same(entry->association, before) ||
        troubled != (entry->trouble != NULL))
        observe->intake->news = true;
    return 0;
}

int64_t observe_due(const struct observe *observe)
{
    int64_t due = least(observe->verify_due, observe_list_due(observe)), now = now_of(observe);

    if (observe->cluster.verdict != CLUSTER_VERIFIED)
        return observe->verify_due; /* nothing else is done before that */
    for (size_t i = 0; i < observe->mirror.count; i++) {
        const struct mirror_entry *entry = observe->mirror.entries[i];

        if (look_due(entry, now) != INT64_MAX)
            due = least(due, most(look_due(entry, now), observe->list_not_before));
        if (entry->association && entry->deleted_at)
            due = least(due, entry->confirm_at);
        if (is_doubtful(&observe->mirror, entry) && !trouble_waits(entry, now))
            due = least(due, mirror_settles_at(&observe->mirror, entry));
        if (!trouble_waits(entry, now))
            due = least(due, mirror_watch_at(entry));
        if (entry->trouble && entry->trouble->generation == TROUBLE_ANY_GENERATION &&
            entry->trouble->retry_at > now)
            due = least(due, entry->trouble->retry_at);
    }
    return due;
}
