/* SPDX-License-Identifier: Apache-2.0 */
/* What the mirror takes for a revert of our write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "reconcile/mirror.h"

#define NOW 1000000
#define LATER (NOW + MIRROR_SETTLE_MS)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct association ours = {.key = {"app", "sa"},
                                        .id = "a-1",
                                        .owner_arn = "",
                                        .described = true,
                                        .access = {"role", "", "", true},
                                        .tags = "k\tv\n",
                                        .external_id = "",
                                        .modified_us = 10};

/* Created by us, long enough ago. */
static struct mirror_entry *written(struct mirror *mirror)
{
    struct mirror_entry *entry = mirror_entry(mirror, &ours.key);

    mirror_created(entry, association_copy(&ours), NOW);
    return entry;
}

static void describe(struct mirror_entry *entry, const char *role, const char *tags, int64_t now)
{
    struct association shown = ours;

    shown.access.role_arn = role;
    shown.tags = tags;
    mirror_described(entry, association_copy(&shown), now);
}

static void list_nothing(struct mirror *mirror, int64_t now)
{
    mirror_take_list(mirror, NULL, NULL, 0, now);
}

static void list_another(struct mirror *mirror, int64_t now)
{
    struct association other = ours;
    struct association *items[1];

    other.id = "a-2";
    other.described = false;
    items[0] = association_copy(&other);
    mirror_take_list(mirror, NULL, items, 1, now);
}

static void counts_what_is_undone(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = written(&mirror);

    (void)state;
    describe(entry, "other", ours.tags, LATER);
    assert_non_null(entry->contest);
    assert_int_equal(entry->contest->count, 1);
    assert_int_equal(entry->contest->kind, CONTEST_ACCESS);
    describe(entry, "third", ours.tags, LATER + 1); /* we have not written since */
    assert_int_equal(entry->contest->count, 1);
    mirror_updated(entry, association_copy(&ours), LATER + 2);
    describe(entry, "role", "", LATER + MIRROR_SETTLE_MS + 2);
    assert_int_equal(entry->contest->count, 2);
    assert_int_equal(entry->contest->kind, CONTEST_TAGS);
    mirror_retagged(entry, ours.tags, true, LATER + MIRROR_SETTLE_MS + 3);
    list_nothing(&mirror, LATER + 2 * MIRROR_SETTLE_MS);
    assert_int_equal(entry->contest->count, 3);
    assert_int_equal(entry->contest->kind, CONTEST_DELETED);
    assert_int_equal(entry->contest->retry_at, LATER + 2 * MIRROR_SETTLE_MS + CONTEST_RETRY_MS);
}

static void counts_what_is_gone_or_replaced(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        CLEANUP(mirror_release) struct mirror mirror = {0};
        struct mirror_entry *entry = written(&mirror);

        if (how == 0)
            list_another(&mirror, LATER);
        else if (how == 1)
            assert_true(mirror_vanished(entry, LATER));
        else
            assert_true(mirror_refused(entry, LATER));
        assert_non_null(entry->contest);
        assert_int_equal(entry->contest->kind, CONTEST_DELETED);
    }
}

static void counts_a_change_at_once_where_modified_at_tells(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = written(&mirror);
    struct association shown = ours;

    (void)state;
    shown.access.role_arn = "other";
    shown.modified_us = 11;
    mirror_described(entry, association_copy(&shown), NOW + 1);
    assert_non_null(entry->contest);
}

static void what_is_no_revert(void **state)
{
    CLEANUP(mirror_release)
    struct mirror late = {0}, lost = {0}, same = {0}, own = {0}, maybe = {0}, found = {0};
    struct mirror_entry *entry = written(&late);

    (void)state;
    describe(entry, "before", "", LATER - 1); /* may be older than our write */
    list_nothing(&late, LATER - 1);
    assert_null(entry->contest);
    entry = written(&lost); /* an Update of ours whose answer was lost */
    entry->unsure_at = NOW + 1;
    describe(entry, "ours too", ours.tags, LATER + 1);
    assert_null(entry->contest);
    entry = written(&same);
    describe(entry, "role", ours.tags, LATER);
    assert_null(entry->contest);
    entry = written(&own);
    mirror_deleted(entry, LATER);
    list_nothing(&own, LATER + 1);
    assert_null(entry->contest);
    entry = written(&maybe); /* a Delete of ours whose answer was lost */
    entry->maybe_gone_at = LATER;
    list_nothing(&maybe, LATER + 1);
    assert_null(entry->contest);
    entry = mirror_entry(&found, &ours.key); /* by whoever led before us */
    describe(entry, "role", ours.tags, NOW);
    describe(entry, "other", ours.tags, LATER);
    list_nothing(&found, LATER + 1);
    assert_null(entry->contest);
}

static void what_is_written_again_is_looked_at_once_reads_count(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = written(&mirror);

    (void)state;
    assert_int_equal(mirror_watch_at(entry), INT64_MAX);
    describe(entry, "other", ours.tags, LATER);
    assert_int_equal(mirror_watch_at(entry), INT64_MAX);
    mirror_updated(entry, association_copy(&ours), LATER + 5);
    assert_int_equal(mirror_watch_at(entry), LATER + 5 + MIRROR_SETTLE_MS);
    describe(entry, "role", ours.tags, LATER + 5 + MIRROR_SETTLE_MS);
    assert_int_equal(mirror_watch_at(entry), INT64_MAX);
}

static void it_is_remembered_without_an_association_as_long_as_it_counts(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};

    (void)state;
    written(&mirror);
    list_nothing(&mirror, LATER);
    mirror_purge(&mirror, LATER + CONTEST_WINDOW_MS);
    assert_int_equal(mirror.count, 1);
    mirror_purge(&mirror, LATER + CONTEST_WINDOW_MS + 1);
    assert_int_equal(mirror.count, 0);
}

/* A key that was deleted and made anew by somebody else between two looks. */
static void another_association_is_no_change_of_ours(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = written(&mirror);
    struct association other = ours;

    (void)state;
    other.id = "a-2";
    other.access.role_arn = "another";
    mirror_described(entry, association_copy(&other), LATER + 1);
    assert_null(entry->contest);
}

/* There is nothing to look at. */
static void what_is_gone_or_going_is_not_watched(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = written(&mirror);

    (void)state;
    entry->contest = mem_alloc(sizeof *entry->contest);
    assert_int_equal(mirror_watch_at(entry), NOW + MIRROR_SETTLE_MS);
    entry->deleted_at = NOW + 1;
    assert_int_equal(mirror_watch_at(entry), INT64_MAX);
    mem_free(entry->association);
    entry->association = NULL;
    assert_int_equal(mirror_watch_at(entry), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_undone),
        cmocka_unit_test(counts_what_is_gone_or_replaced),
        cmocka_unit_test(counts_a_change_at_once_where_modified_at_tells),
        cmocka_unit_test(what_is_no_revert),
        cmocka_unit_test(what_is_written_again_is_looked_at_once_reads_count),
        cmocka_unit_test(it_is_remembered_without_an_association_as_long_as_it_counts),
        cmocka_unit_test(another_association_is_no_change_of_ours),
        cmocka_unit_test(what_is_gone_or_going_is_not_watched),
    };

    return cmocka_run_group_tests_name("mirror_revert", tests, NULL, NULL);
}
