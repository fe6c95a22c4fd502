/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/mirror.h"

#include <stdio.h>
#include <string.h>

#include "base/least.h"
#include "base/mem.h"

size_t mirror_position(const struct mirror *mirror, const struct association_key *key)
{
    size_t low = 0, high = mirror->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (association_key_compare(&mirror->entries[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct mirror *mirror, size_t index, const struct association_key *key)
{
    return index < mirror->count && association_key_compare(&mirror->entries[index]->key, key) == 0;
}

struct mirror_entry *mirror_find(const struct mirror *mirror, const struct association_key *key)
{
    size_t index = mirror_position(mirror, key);

    return stands_at(mirror, index, key) ? mirror->entries[index] : NULL;
}

static struct mirror_entry *entry_new(const struct association_key *key)
{
    size_t namespace_size = strlen(key->namespace) + 1;
    size_t account_size = strlen(key->service_account) + 1;
    struct mirror_entry *entry = mem_alloc(sizeof *entry + namespace_size + account_size);
    char *text = (char *)(entry + 1);

    memcpy(text, key->namespace, namespace_size);
    memcpy(text + namespace_size, key->service_account, account_size);
    entry->key.namespace = text;
    entry->key.service_account = text + namespace_size;
    return entry;
}

static void entry_free(struct mirror_entry *entry)
{
    mem_free(entry->association);
    mem_free(entry->trouble);
    mem_free(entry->ghost);
    mem_free(entry->create);
    mem_free(entry->contest);
    mem_free(entry);
}

struct mirror_entry *mirror_entry(struct mirror *mirror, const struct association_key *key)
{
    size_t index = mirror_position(mirror, key);

    if (stands_at(mirror, index, key))
        return mirror->entries[index];
    MEM_GROW(mirror->entries, mirror->count, mirror->capacity);
    memmove(mirror->entries + index + 1, mirror->entries + index,
            (mirror->count - index) * sizeof *mirror->entries);
    mirror->count++;
    return mirror->entries[index] = entry_new(key);
}

static bool is_recent(int64_t written, int64_t at)
{
    return written != 0 && at < written + MIRROR_SETTLE_MS;
}

/* Of a call whose outcome is not known: may it still show? */
static bool may_show(int64_t gave_up, int64_t at)
{
    return gave_up != 0 && at < gave_up + MIRROR_UNSURE_MS;
}

static void set_association(struct mirror_entry *entry, struct association *owned)
{
    mem_free(entry->association);
    entry->association = owned;
}

/* Another association than the one we knew, or none: nothing remembered of the old one holds. */
static void forget_association(struct mirror_entry *entry)
{
    set_association(entry, NULL);
    entry->described_at = entry->tried_at = 0;
    entry->created_at = 0;
    entry->written_at = entry->told_at = 0;
    entry->deleted_at = 0;
    entry->unsure_at = entry->maybe_gone_at = 0;
    entry->absent_since = 0;
    entry->recheck = entry->settle = entry->stands = entry->unshown = false;
}

static void note_revert(struct mirror_entry *entry, enum contest_kind kind, int64_t now)
{
    if (!entry->stands)
        return;
    entry->stands = false;
    if (!entry->contest)
        entry->contest = mem_alloc(sizeof *entry->contest);
    contest_count(entry->contest, kind, now);
}

/* It is gone, and not by us. */
static void note_gone(struct mirror_entry *entry, int64_t now)
{
    if (!entry->deleted_at && !entry->maybe_gone_at)
        note_revert(entry, CONTEST_DELETED, now);
}

/* It is otherwise than we know it, and not by a call of ours. */
static void note_change(struct mirror_entry *entry, const struct association *now_is, int64_t now)
{
    const struct association *was = entry->association;

    if (!was || !was->described || strcmp(was->id, now_is->id) != 0 ||
        entry->unsure_at >= entry->written_at)
        return;
    if (access_difference(&was->access, &now_is->access))
        note_revert(entry, CONTEST_ACCESS, now);
    else if (strcmp(was->tags, now_is->tags) != 0)
        note_revert(entry, CONTEST_TAGS, now);
}

static bool has_ghost(const struct mirror_entry *entry, int64_t at)
{
    return entry->ghost && at < entry->ghost->at + 2 * MIRROR_SETTLE_MS;
}

/* Reads lag: what was created and deleted in quick succession is missing first, and shows then. */
static bool is_ghost(const struct mirror_entry *entry, const char *id, int64_t at)
{
    return !entry->deleted_at && has_ghost(entry, at) && strcmp(entry->ghost->id, id) == 0;
}

static void take_listed(struct mirror_entry *entry, struct association *owned, int64_t started)
{
    struct association *known = entry->association;

    if (!may_show(entry->maybe_at, started))
        entry->maybe_at = 0;
    if (is_ghost(entry, owned->id, started)) {
        mem_free(owned);
        return;
    }
    entry->listed = true;
    entry->look = false;
    if (known && strcmp(known->id, owned->id) == 0) {
        if (entry->deleted_at && started >= entry->deleted_at + 2 * MIRROR_SETTLE_MS) {
            entry->deleted_at = 0; /* our delete did not hold: look at it anew */
            entry->described_at = 0;
            known->described = false;
        }
        mem_free(owned);
        return;
    }
    if (known && is_recent(entry->created_at, started)) {
        mem_free(owned); /* the list is older than our create */
        return;
    }
    note_gone(entry, started);
    forget_association(entry);
    set_association(entry, owned);
    mirror_succeeded(entry); /* whatever failed, failed for another state of the key */
}

/* A complete list of this key does not show anything. */
static void take_absent(struct mirror_entry *entry, int64_t started)
{
    entry->look = false;
    if (entry->trouble && entry->trouble->generation == TROUBLE_ANY_GENERATION)
        mirror_succeeded(entry); /* a read that failed: this one did not */
    if (!may_show(entry->maybe_at, started))
        entry->maybe_at = 0;
    if (entry->deleted_at && started <= entry->deleted_at)
        return; /* the list is older than our delete */
    if (entry->association && !is_recent(entry->created_at, started)) {
        note_gone(entry, started);
        forget_association(entry);
    }
}

static void take_list_of_key(struct mirror *mirror, const struct association_key *key,
                             struct association **owned_items, size_t count, int64_t started)
{
    struct mirror_entry *entry = mirror_entry(mirror, key);

    entry->listed = false;
    for (size_t i = 0; i < count; i++) {
        if (association_key_compare(&owned_items[i]->key, key) == 0)
            take_listed(entry, owned_items[i], started);
        else
            mem_free(owned_items[i]);
    }
    if (!entry->listed)
        take_absent(entry, started);
}

void mirror_take_list(struct mirror *mirror, const struct association_key *key,
                      struct association **owned_items, size_t count, int64_t started)
{
    if (key) {
        take_list_of_key(mirror, key, owned_items, count, started);
        return;
    }
    for (size_t i = 0; i < mirror->count; i++)
        mirror->entries[i]->listed = false;
    for (size_t i = 0; i < count; i++)
        take_listed(mirror_entry(mirror, &owned_items[i]->key), owned_items[i], started);
    for (size_t i = 0; i < mirror->count; i++)
        if (!mirror->entries[i]->listed)
            take_absent(mirror->entries[i], started);
    mirror->listed_at = started;
}

static bool is_newer(const struct association *association, const struct association *known)
{
    return known->modified_us > 0 && association->modified_us > known->modified_us &&
           strcmp(association->id, known->id) == 0;
}

/* modifiedAt does not tell of tags: ours stand. */
static void take_newer(struct mirror_entry *entry, const struct association *newer, int64_t now)
{
    struct association merged = *newer;

    merged.tags = entry->association->tags;
    note_change(entry, &merged, now);
    set_association(entry, association_copy(&merged));
}

void mirror_described(struct mirror_entry *entry, struct association *owned, int64_t now)
{
    entry->recheck = false;
    if (entry->association && entry->association->described &&
        (entry->deleted_at || is_recent(entry->written_at, now))) {
        entry->tried_at = now;
        if (!entry->deleted_at && is_newer(owned, entry->association)) {
            entry->unshown = false;
            take_newer(entry, owned, now);
        }
        mem_free(owned); /* else it may be older than what we wrote */
        return;
    }
    entry->described_at = now;
    if (!may_show(entry->maybe_gone_at, now))
        entry->maybe_gone_at = 0; /* it was not done */
    if (!entry->association || is_newer(owned, entry->association) ||
        !may_show(entry->unsure_at, now))
        entry->unshown = false;
    note_change(entry, owned, now);
    set_association(entry, owned);
}

static void remember_ghost(struct mirror_entry *entry, int64_t now)
{
    size_t size = strlen(entry->association->id) + 1;

    mem_free(entry->ghost);
    entry->ghost = mem_alloc(sizeof *entry->ghost + size);
    entry->ghost->at = now;
    memcpy(entry->ghost->id, entry->association->id, size);
}

bool mirror_refused(struct mirror_entry *entry, int64_t now)
{
    if (mirror_may_lag(entry, now))
        return false;
    remember_ghost(entry, now);
    return mirror_vanished(entry, now);
}

bool mirror_may_lag(const struct mirror_entry *entry, int64_t now)
{
    return !entry->deleted_at && is_recent(entry->created_at, now);
}

bool mirror_vanished(struct mirror_entry *entry, int64_t now)
{
    if (mirror_may_lag(entry, now))
        return false;
    note_gone(entry, now);
    forget_association(entry);
    entry->look = false;
    return true;
}

void mirror_creating(struct mirror_entry *entry, uint64_t wish)
{
    if (!entry->create)
        entry->create = mem_alloc(sizeof *entry->create);
    if (entry->create->wish != wish)
        *entry->create = (struct mirror_create){.wish = wish};
}

void mirror_not_creating(struct mirror_entry *entry)
{
    mem_free(entry->create);
    entry->create = NULL;
}

void mirror_created(struct mirror_entry *entry, struct association *owned, int64_t now)
{
    forget_association(entry);
    set_association(entry, owned);
    entry->created_at = entry->written_at = entry->told_at = entry->described_at = now;
    entry->stands = true;
    mirror_not_creating(entry);
    mirror_succeeded(entry);
}

void mirror_updated(struct mirror_entry *entry, struct association *owned, int64_t now)
{
    entry->unshown = false;
    set_association(entry, owned);
    entry->written_at = entry->told_at = entry->described_at = now;
    entry->stands = true;
    mirror_succeeded(entry);
}

void mirror_deleted(struct mirror_entry *entry, int64_t now)
{
    remember_ghost(entry, now);
    entry->deleted_at = entry->confirm_at = now;
    entry->created_at = entry->written_at = entry->told_at = entry->maybe_gone_at = 0;
    mirror_succeeded(entry);
}

void mirror_retagged(struct mirror_entry *entry, const char *tags, bool settled, int64_t now)
{
    struct association changed = *entry->association;

    changed.tags = tags;
    set_association(entry, association_copy(&changed));
    entry->written_at = now;
    entry->stands = true;
    if (settled)
        entry->told_at = now;
    mirror_succeeded(entry);
}

void mirror_failed(struct mirror_entry *entry, enum trouble kind, const char *text,
                   int64_t generation, int64_t now, int64_t wait_ms)
{
    struct mirror_trouble *trouble = entry->trouble;

    if (!trouble)
        trouble = entry->trouble = mem_alloc(sizeof *trouble);
    if (trouble->kind != kind || trouble->generation != generation) {
        trouble->since = now;
        trouble->failures = 0;
    }
    trouble->kind = kind;
    trouble->uid[0] = '\0';
    trouble->generation = generation;
    trouble->failures++;
    trouble->retry_at = now + wait_ms;
    snprintf(trouble->text, sizeof trouble->text, "%s", text);
}

void mirror_blame(struct mirror_entry *entry, const char *uid)
{
    snprintf(entry->trouble->uid, sizeof entry->trouble->uid, "%s", uid);
}

void mirror_claimed(struct mirror_entry *entry, const char *uid, int64_t generation)
{
    const char *blamed = entry->trouble ? entry->trouble->uid : "";

    if (!mirror_trouble(entry, generation) ||
        (blamed[0] != '\0' && strncmp(blamed, uid, sizeof entry->trouble->uid - 1) != 0))
        mirror_succeeded(entry);
}

void mirror_succeeded(struct mirror_entry *entry)
{
    mem_free(entry->trouble);
    entry->trouble = NULL;
}

const struct mirror_trouble *mirror_trouble(const struct mirror_entry *entry, int64_t generation)
{
    const struct mirror_trouble *trouble = entry ? entry->trouble : NULL;

    if (trouble && trouble->generation != generation &&
        trouble->generation != TROUBLE_ANY_GENERATION)
        return NULL;
    return trouble;
}

void mirror_uncontest(struct mirror_entry *entry)
{
    mem_free(entry->contest);
    entry->contest = NULL;
}

int64_t mirror_watch_at(const struct mirror_entry *entry)
{
    bool written = entry->contest && entry->stands && entry->association && !entry->deleted_at;

    return written && entry->described_at <= entry->written_at
               ? entry->written_at + MIRROR_SETTLE_MS
               : INT64_MAX;
}

bool mirror_is_whole(const struct mirror *mirror)
{
    return mirror->listed_at >= mirror->epoch + MIRROR_UNSURE_MS;
}

/* ---- forgetting ---- */

int64_t mirror_settles_at(const struct mirror *mirror, const struct mirror_entry *entry)
{
    int64_t unsure = most(most(mirror->epoch, entry->unsure_at), entry->maybe_gone_at);
    int64_t shown = unsure + MIRROR_UNSURE_MS;

    if (entry->written_at > entry->told_at) /* made from what may be older */
        shown = most(shown, entry->written_at + MIRROR_SETTLE_MS);
    return shown;
}

/* Can no call of unknown outcome be carried out after the one that told us? Nobody before us knew
 * of what we have made. */
static bool is_told(const struct mirror *mirror, const struct mirror_entry *entry)
{
    int64_t unsure = most(entry->unsure_at, entry->maybe_gone_at);

    if (entry->created_at <= mirror->epoch)
        unsure = most(unsure, mirror->epoch);
    return entry->told_at && entry->told_at >= entry->written_at &&
           (unsure == 0 || entry->told_at >= unsure + MIRROR_LATE_MS);
}

bool mirror_is_settled(const struct mirror *mirror, const struct mirror_entry *entry)
{
    if (!entry->association || !entry->association->described)
        return false;
    return is_told(mirror, entry) || entry->described_at >= mirror_settles_at(mirror, entry);
}

static bool worth_keeping(const struct mirror_entry *entry, int64_t now)
{
    return entry->association || entry->trouble || entry->look || entry->maybe_at ||
           has_ghost(entry, now) || (entry->contest && now <= contest_ends(entry->contest));
}

void mirror_purge(struct mirror *mirror, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < mirror->count; i++) {
        if (worth_keeping(mirror->entries[i], now))
            mirror->entries[kept++] = mirror->entries[i];
        else
            entry_free(mirror->entries[i]);
    }
    mirror->count = kept;
}

void mirror_release(struct mirror *mirror)
{
    for (size_t i = 0; i < mirror->count; i++)
        entry_free(mirror->entries[i]);
    mem_free(mirror->entries);
    mem_free(mirror->newcomers);
    *mirror = (struct mirror){0};
}
