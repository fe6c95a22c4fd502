/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/roles.h"

#include <string.h>

#include "base/mem.h"

#define WINDOW 4
#define REFRESH_MS (10 * 60 * 1000)
#define FIRST_CLOSED_MS 15000 /* it may have been a moment's trouble */
#define CLOSED_MS (10 * 60 * 1000)
#define GOOD_FOR_MS (60 * 60 * 1000)
#define SPACING_MS 5000   /* between two looks at one role, whatever asks for them */
#define NOT_YET_MS 120000 /* IAM is eventually consistent; EKS counts the same time */
#define MISSING_MS 15000  /* first look after that; it doubles */
#define REFUSED_MS 60000  /* the same */
#define SLACK_MS 100      /* for an answer that comes at the last moment */

static int64_t now_of(const struct roles *roles)
{
    return roles->ports->now(roles->ports->world);
}

void roles_init(struct roles *roles, const struct ports *ports)
{
    *roles = (struct roles){
        .ports = ports, .due = INT64_MAX, .throttle = {.base_ms = 1000, .cap_ms = 60000}};
}

static void entry_free(struct roles_entry *entry)
{
    call_release(&entry->call);
    role_facts_release(&entry->facts);
    mem_free(entry->name);
    mem_free(entry);
}

void roles_release(struct roles *roles)
{
    for (size_t i = 0; i < roles->count; i++)
        entry_free(roles->items[i]);
    mem_free(roles->items);
    *roles = (struct roles){0};
}

/* ---- which roles ---- */

void roles_begin(struct roles *roles)
{
    for (size_t i = 0; i < roles->count; i++)
        roles->items[i]->wanted = false;
}

void roles_end(struct roles *roles)
{
    size_t kept = 0;

    for (size_t i = 0; i < roles->count; i++) {
        struct roles_entry *entry = roles->items[i];

        if (entry->wanted || entry->asking)
            roles->items[kept++] = entry;
        else
            entry_free(entry);
    }
    roles->count = kept;
}

static void set_due(struct roles *roles, struct roles_entry *entry, int64_t due)
{
    entry->due = due;
    if (due < roles->due)
        roles->due = due;
}

/* Something is asked for that a status may wait for. */
static void ask_soon(struct roles *roles, struct roles_entry *entry)
{
    int64_t now = now_of(roles);

    if (entry->asking)
        return;
    if (entry->asked_at && now < entry->asked_at + SPACING_MS) {
        set_due(roles, entry, entry->asked_at + SPACING_MS);
        return;
    }
    set_due(roles, entry, now);
    entry->wait_until = now + PORT_ROLE_TIMEOUT_MS + SLACK_MS;
}

static size_t position(const struct roles *roles, const char *name)
{
    size_t low = 0, high = roles->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(roles->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct roles_entry *add(struct roles *roles, size_t index, const char *name)
{
    struct roles_entry *entry = mem_alloc(sizeof *entry);

    entry->name = mem_strdup(name);
    entry->role.knowledge = roles->failures > 0 ? ROLE_UNREACHED : ROLE_UNREAD;
    MEM_GROW(roles->items, roles->count, roles->capacity);
    memmove(roles->items + index + 1, roles->items + index,
            (roles->count - index) * sizeof(struct roles_entry *));
    roles->count++;
    roles->items[index] = entry;
    ask_soon(roles, entry);
    return entry;
}

struct roles_entry *roles_find(const struct roles *roles, const char *role_arn)
{
    const char *name = role_name(role_arn);
    size_t index = position(roles, name);
    struct roles_entry *entry = index < roles->count ? roles->items[index] : NULL;

    return entry && strcmp(entry->name, name) == 0 ? entry : NULL;
}

struct roles_entry *roles_want(struct roles *roles, const char *role_arn)
{
    struct roles_entry *entry = roles_find(roles, role_arn);

    if (!entry)
        entry = add(roles, position(roles, role_name(role_arn)), role_name(role_arn));
    entry->wanted = true;
    if (!entry->asking) /* its answer came while nobody wanted it: it did not count then */
        set_due(roles, entry, entry->due);
    return entry;
}

void roles_recheck(struct roles *roles, struct roles_entry *entry)
{
    roles->closed_until = 0;
    ask_soon(roles, entry);
}

void roles_doubt(struct roles *roles, struct roles_entry *entry)
{
    if (entry->role.knowledge != ROLE_DENIED)
        ask_soon(roles, entry);
}

static int64_t growing(int64_t first, unsigned looks)
{
    int64_t wait = first << (looks < 10 ? looks : 10);

    return wait < REFRESH_MS ? wait : REFRESH_MS;
}

void roles_refuse(struct roles *roles, struct roles_entry *entry)
{
    int64_t due = entry->read_at + REFUSED_MS;

    if (entry->refused || entry->role.knowledge != ROLE_READ)
        return;
    entry->refused = true;
    entry->looks = 0;
    if (!entry->asking && due < entry->due)
        set_due(roles, entry, due);
}

/* ---- asking ---- */

static size_t window(const struct roles *roles)
{
    return roles->failures > 0 ? 1 : WINDOW; /* one tries whether IAM answers again */
}

static struct roles_entry *first_due(struct roles *roles)
{
    struct roles_entry *first = NULL;

    for (size_t i = 0; i < roles->count; i++) {
        struct roles_entry *entry = roles->items[i];

        if (!entry->asking && entry->wanted && (!first || entry->due < first->due))
            first = entry;
    }
    roles->due = first ? first->due : INT64_MAX;
    return first;
}

static void ask(struct roles *roles, struct roles_entry *entry)
{
    entry->asking = true;
    entry->asked_at = now_of(roles);
    entry->call.verb = CALL_READ_ROLE;
    entry->call.owner = entry;
    entry->call.in.role.name = entry->name;
    roles->asking++;
    roles->ports->start(roles->ports->world, &entry->call);
}

void roles_ask(struct roles *roles)
{
    int64_t now = now_of(roles);

    while (roles->asking < window(roles) && now >= roles->closed_until && now >= roles->due) {
        struct roles_entry *entry = first_due(roles);

        if (!entry || entry->due > now)
            return;
        ask(roles, entry);
    }
}

int64_t roles_due(const struct roles *roles)
{
    if (roles->asking >= window(roles) || roles->due == INT64_MAX)
        return INT64_MAX;
    return roles->due > roles->closed_until ? roles->due : roles->closed_until;
}

int64_t roles_wait_until(const struct roles *roles, const struct roles_entry *entry)
{
    bool may_tell = entry->asking || entry->due <= now_of(roles);

    if (roles->failures > 0 || entry->facts.policy || !may_tell)
        return 0;
    return entry->wait_until;
}

/* ---- answers ---- */

static void know(struct roles_entry *entry, enum role_knowledge knowledge)
{
    if (knowledge != ROLE_READ) {
        role_facts_release(&entry->facts);
        entry->refused = false;
    }
    entry->role = (struct role){
        .knowledge = knowledge, .arn = entry->facts.arn, .policy = entry->facts.policy};
}

/* Not all in the same second. */
static int64_t refresh_at(const struct roles *roles)
{
    const struct ports *ports = roles->ports;

    return now_of(roles) + REFRESH_MS - (int64_t)(ports->random(ports->world) % (REFRESH_MS / 10));
}

static void take_role(struct roles *roles, struct roles_entry *entry, struct role_facts *facts)
{
    bool same = entry->role.knowledge == ROLE_READ && entry->facts.digest == facts->digest;
    bool refused = same && entry->refused;

    know(entry, ROLE_UNREAD);
    entry->facts = *facts;
    *facts = (struct role_facts){0};
    know(entry, ROLE_READ);
    entry->looks = same ? entry->looks + 1 : 0;
    entry->missing_since = 0;
    entry->read_at = now_of(roles);
    entry->refused = refused;
    set_due(roles, entry,
            refused ? entry->read_at + growing(REFUSED_MS, entry->looks) : refresh_at(roles));
}

static void take_absence(struct roles *roles, struct roles_entry *entry)
{
    int64_t now = now_of(roles);

    if (entry->missing_since == 0) {
        entry->missing_since = now;
        entry->looks = 0;
    }
    know(entry, now >= entry->missing_since + NOT_YET_MS ? ROLE_ABSENT : ROLE_NOT_YET);
    set_due(roles, entry, now + growing(MISSING_MS, entry->looks++));
}

/* IAM does not answer. Calls that were on their way together fail as one. */
static void close_for_a_while(struct roles *roles, const struct roles_entry *failed)
{
    int64_t now = now_of(roles);

    if (failed->asked_at > roles->failed_at)
        roles->failures++;
    roles->failed_at = now;
    roles->closed_until = now + (roles->failures > 1 ? CLOSED_MS : FIRST_CLOSED_MS);
    for (size_t i = 0; i < roles->count; i++) {
        struct roles_entry *entry = roles->items[i];
        bool old = entry->facts.policy && now >= entry->read_at + GOOD_FOR_MS;

        if (entry->role.knowledge == ROLE_UNREAD || old)
            know(entry, ROLE_UNREACHED);
    }
}

static void slow_down(struct roles *roles, const struct error *error)
{
    const struct ports *ports = roles->ports;
    int64_t wait = backoff_next(&roles->throttle, ports->random(ports->world));

    if (wait < error->retry_after_ms)
        wait = error->retry_after_ms;
    roles->failed_at = now_of(roles);
    roles->closed_until = roles->failed_at + wait;
}

static void take_error(struct roles *roles, struct roles_entry *entry, const struct error *error)
{
    roles->trouble = *error;
    switch (error->kind) {
    case ERROR_THROTTLED:
        slow_down(roles, error);
        return;
    case ERROR_NOT_FOUND:
        take_absence(roles, entry);
        return;
    case ERROR_DENIED:
        know(entry, ROLE_DENIED);
        break;
    case ERROR_INVALID:
    case ERROR_CONFLICT:
    case ERROR_BUG:
        know(entry, ROLE_UNREADABLE);
        break;
    case ERROR_NONE:
    case ERROR_TRANSIENT:
    case ERROR_UNKNOWN:
    case ERROR_GONE:
        close_for_a_while(roles, entry);
        return;
    }
    set_due(roles, entry, now_of(roles) + REFRESH_MS);
}

/* IAM has answered, whatever it said. What was asked before the last failure tells nothing of now.
 */
static void open_again(struct roles *roles, const struct roles_entry *answered)
{
    if (answered->asked_at < roles->failed_at)
        return;
    roles->failures = 0;
    roles->closed_until = 0;
    backoff_reset(&roles->throttle);
}

static bool answers(enum error_kind kind)
{
    return kind == ERROR_NONE || kind == ERROR_NOT_FOUND || kind == ERROR_DENIED ||
           kind == ERROR_INVALID;
}

bool roles_back(void *context, struct call *call)
{
    struct roles *roles = context;
    struct roles_entry *entry = call->owner;
    enum role_knowledge knew = entry->role.knowledge;
    uint64_t digest = entry->facts.digest;
    unsigned failures = roles->failures;

    entry->asking = false;
    roles->asking--;
    roles->answers++;
    if (answers(call->error.kind))
        open_again(roles, entry);
    if (call->error.kind == ERROR_NONE) {
        error_clear(&roles->trouble);
        take_role(roles, entry, &call->out.role);
    } else {
        take_error(roles, entry, &call->error);
    }
    roles->due = 0; /* find out anew */
    call_release(call);
    return entry->role.knowledge != knew || entry->facts.digest != digest ||
           roles->failures != failures;
}
