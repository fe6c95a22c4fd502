/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "tests/unit/mirror_lists.h"

/* ---- what is under a key at most? ---- */

static void a_create_of_unknown_outcome_may_stand_until_it_must_have_shown(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    entry->maybe_at = NOW;
    mirror_take_list(&mirror, KEY("app-sa"), NULL, 0, SURE - 1);
    assert_int_equal(entry->maybe_at, NOW);
    mirror_take_list(&mirror, KEY("app-sa"), NULL, 0, SURE);
    assert_int_equal(entry->maybe_at, 0);
}

/* Whoever led before us may have sent a Create just before we began. */
static void a_list_shows_all_only_some_time_into_our_time(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {.epoch = NOW};

    (void)state;
    assert_false(mirror_is_whole(&mirror));
    list_none(&mirror, SURE - 1);
    assert_false(mirror_is_whole(&mirror));
    list_none(&mirror, SURE);
    assert_true(mirror_is_whole(&mirror));
}

static void a_binding_with_a_finalizer_of_ours_is_a_newcomer(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};

    (void)state;
    mirror_note_newcomer(&mirror, "uid-b");
    mirror_note_newcomer(&mirror, "uid-a");
    mirror_note_newcomer(&mirror, "uid-a");
    assert_int_equal(mirror.newcomer_count, 2);
    assert_true(mirror_is_newcomer(&mirror, "uid-a"));
    assert_true(mirror_is_newcomer(&mirror, "uid-b"));
    mirror_forget_newcomer(&mirror, "uid-a");
    mirror_forget_newcomer(&mirror, "uid-c");
    assert_false(mirror_is_newcomer(&mirror, "uid-a"));
    assert_true(mirror_is_newcomer(&mirror, "uid-b"));
}

/* What is described too soon after a call of unknown outcome may be older than its effect. */
static void content_is_settled_some_time_after_the_last_doubt(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {.epoch = NOW};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW + 1);
    assert_false(mirror_is_settled(&mirror, entry));
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE - 1);
    assert_false(mirror_is_settled(&mirror, entry));
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE);
    assert_true(mirror_is_settled(&mirror, entry));
    entry->unsure_at = SURE;
    assert_false(mirror_is_settled(&mirror, entry));
    assert_int_equal(mirror_settles_at(&mirror, entry), SURE + MIRROR_UNSURE_MS);
    mirror_updated(entry, full("app-sa", "a-1", SCENE_ROLE), SURE + MIRROR_LATE_MS);
    assert_true(mirror_is_settled(&mirror, entry));
}

/* A tag call changes what was known: where that may have been older, so may be the result. */
static void new_tags_settle_nothing_by_themselves(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {.epoch = NOW};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW + 1);
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW + 2);
    mirror_retagged(entry, "a\tb\n", false, SURE);
    assert_false(mirror_is_settled(&mirror, entry));
    assert_int_equal(mirror_settles_at(&mirror, entry), SURE + MIRROR_SETTLE_MS);
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE + 1); /* no news: too early */
    assert_false(mirror_is_settled(&mirror, entry));
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE + MIRROR_SETTLE_MS);
    assert_true(mirror_is_settled(&mirror, entry));
    mirror_retagged(entry, "a\tc\n", true, SURE + 1 + MIRROR_SETTLE_MS);
    assert_true(mirror_is_settled(&mirror, entry));
}

/* ---- troubles ---- */

static void a_row_of_one_kind_keeps_its_beginning(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_failed(entry, TROUBLE_ROLE_WAIT, "one", 1, NOW, 100);
    mirror_failed(entry, TROUBLE_ROLE_WAIT, "two", 1, NOW + 50, 200);
    assert_int_equal(entry->trouble->since, NOW);
    assert_int_equal(entry->trouble->failures, 2);
    assert_int_equal(entry->trouble->retry_at, NOW + 250);
    assert_string_equal(entry->trouble->text, "two");
    mirror_failed(entry, TROUBLE_ROLE_MISSING, "three", 1, NOW + 60, 1);
    assert_int_equal(entry->trouble->since, NOW + 60);
    assert_int_equal(entry->trouble->failures, 1);
    mirror_failed(entry, TROUBLE_ROLE_MISSING, "four", 2, NOW + 70, 1);
    assert_int_equal(entry->trouble->since, NOW + 70);
    assert_int_equal(entry->trouble->failures, 1);
    mirror_succeeded(entry);
    assert_null(entry->trouble);
    mirror_succeeded(entry);
}

static void a_long_text_is_cut(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));
    char text[1000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    mirror_failed(entry, TROUBLE_DENIED, text, 1, NOW, 1);
    assert_int_equal(strlen(entry->trouble->text), sizeof entry->trouble->text - 1);
}

static void an_edit_makes_a_new_start(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    assert_null(mirror_trouble(NULL, 1));
    assert_null(mirror_trouble(entry, 1));
    mirror_failed(entry, TROUBLE_DENIED, "no", 1, NOW, 1);
    assert_non_null(mirror_trouble(entry, 1));
    assert_null(mirror_trouble(entry, 2));
    mirror_failed(entry, TROUBLE_RETRYING, "a read", TROUBLE_ANY_GENERATION, NOW, 1);
    assert_non_null(mirror_trouble(entry, 1));
    assert_non_null(mirror_trouble(entry, 2));
}

/* Generations of two bindings may be equal. */
static void trouble_ends_with_the_claim_it_was_met_for(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_claimed(entry, "uid-a", 1);
    mirror_failed(entry, TROUBLE_QUOTA, "full", 1, NOW, 1);
    mirror_blame(entry, "uid-a");
    mirror_claimed(entry, "uid-a", 1);
    assert_non_null(entry->trouble);
    mirror_claimed(entry, "uid-b", 1);
    assert_null(entry->trouble);
    mirror_failed(entry, TROUBLE_RETRYING, "a read", TROUBLE_ANY_GENERATION, NOW, 1);
    mirror_claimed(entry, "uid-b", 1);
    assert_non_null(entry->trouble);
}

static void trouble_ends_with_an_edit(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_failed(entry, TROUBLE_QUOTA, "full", 1, NOW, 1);
    mirror_blame(entry, "uid-a");
    mirror_claimed(entry, "uid-a", 2);
    assert_null(entry->trouble);
    mirror_failed(entry, TROUBLE_RETRYING, "a read", TROUBLE_ANY_GENERATION, NOW, 1);
    mirror_claimed(entry, "uid-a", 3);
    assert_non_null(entry->trouble);
}

/* ---- what is worth remembering ---- */

static void purge_keeps_what_may_matter(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};

    (void)state;
    mirror_entry(&mirror, KEY("nothing"));
    mirror_entry(&mirror, KEY("look"))->look = true;
    mirror_entry(&mirror, KEY("maybe"))->maybe_at = NOW;
    mirror_failed(mirror_entry(&mirror, KEY("trouble")), TROUBLE_DENIED, "no", 1, NOW, 1);
    created(&mirror, "a-1", NOW);
    mirror_purge(&mirror, NOW);
    assert_int_equal(mirror.count, 4);
    assert_null(mirror_find(&mirror, KEY("nothing")));
    assert_non_null(mirror_find(&mirror, KEY("app-sa")));
}

/* ---- what is forgotten ---- */

static const struct mirror_entry full_of_memories = {.described_at = 1,
                                                     .tried_at = 2,
                                                     .created_at = 3,
                                                     .written_at = 4,
                                                     .told_at = 5,
                                                     .unsure_at = 6,
                                                     .maybe_gone_at = 7,
                                                     .absent_since = 8,
                                                     .recheck = true,
                                                     .unshown = true,
                                                     .stands = true,
                                                     .settle = true};

static struct mirror_entry *remember_all(struct mirror *mirror, int64_t deleted_at)
{
    struct mirror_entry *entry = mirror_entry(mirror, KEY("app-sa")), all = full_of_memories;

    all.key = entry->key;
    all.association = full("app-sa", "a-1", SCENE_ROLE);
    all.deleted_at = deleted_at;
    *entry = all;
    return entry;
}

/* `made`: when we wrote it, 0: we did not. */
static void knows_nothing(const struct mirror_entry *entry, int64_t made)
{
    assert_int_equal(entry->described_at, made);
    assert_int_equal(entry->tried_at, 0);
    assert_int_equal(entry->created_at, made);
    assert_int_equal(entry->written_at, made);
    assert_int_equal(entry->told_at, made);
    assert_int_equal(entry->deleted_at, 0);
    assert_int_equal(entry->unsure_at, 0);
    assert_int_equal(entry->maybe_gone_at, 0);
    assert_int_equal(entry->absent_since, 0);
    assert_false(entry->recheck);
    assert_false(entry->unshown);
    assert_false(entry->settle);
    assert_true(entry->stands == (made != 0));
}

static void nothing_that_is_known_of_one_holds_for_another(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        CLEANUP(mirror_release) struct mirror mirror = {0};
        struct mirror_entry *entry = remember_all(&mirror, way == 3 ? 9 : 0);

        if (way == 0)
            list_one(&mirror, "app-sa", "a-2", NOW);
        else if (way == 1)
            list_none(&mirror, NOW);
        else if (way == 2)
            mirror_created(entry, full("app-sa", "a-2", SCENE_ROLE), NOW);
        else
            mirror_vanished(entry, NOW);
        knows_nothing(entry, way == 2 ? NOW : 0);
    }
}

static void an_update_is_written_told_and_described_at_once(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = remember_all(&mirror, 0);

    (void)state;
    entry->stands = false;
    mirror_failed(entry, TROUBLE_DENIED, "no", 1, NOW, 1);
    mirror_updated(entry, full("app-sa", "a-1", SCENE_OTHER_ROLE), NOW);
    assert_int_equal(entry->written_at, NOW);
    assert_int_equal(entry->told_at, NOW);
    assert_int_equal(entry->described_at, NOW);
    assert_int_equal(entry->created_at, 3);
    assert_true(entry->stands);
    assert_null(entry->trouble);
    assert_string_equal(entry->association->access.role_arn, SCENE_OTHER_ROLE);
}

static void new_tags_are_told_where_the_rest_was_settled(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = remember_all(&mirror, 0);

    (void)state;
    entry->stands = false;
    mirror_retagged(entry, "a\tb\n", false, NOW);
    assert_int_equal(entry->written_at, NOW);
    assert_int_equal(entry->told_at, 5);
    assert_true(entry->stands);
    mirror_retagged(entry, "a\tc\n", true, NOW + 1);
    assert_int_equal(entry->told_at, NOW + 1);
    assert_string_equal(entry->association->id, "a-1");
}

static void what_we_delete_was_never_written(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = remember_all(&mirror, 0);

    (void)state;
    mirror_failed(entry, TROUBLE_DENIED, "no", 1, NOW, 1);
    mirror_deleted(entry, NOW);
    assert_int_equal(entry->deleted_at, NOW);
    assert_int_equal(entry->confirm_at, NOW);
    assert_int_equal(entry->created_at, 0);
    assert_int_equal(entry->written_at, 0);
    assert_int_equal(entry->told_at, 0);
    assert_int_equal(entry->maybe_gone_at, 0);
    assert_null(entry->trouble);
    assert_string_equal(entry->ghost->id, "a-1");
    assert_int_equal(entry->ghost->at, NOW);
}

static void what_is_undone_is_forgotten_when_a_person_says_so(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_uncontest(entry);
    entry->contest = mem_alloc(sizeof *entry->contest);
    mirror_uncontest(entry);
    assert_null(entry->contest);
}

static void purge_keeps_what_was_deleted_last_while_reads_may_show_it(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    mirror_deleted(entry, NOW);
    mirror_vanished(entry, NOW);
    mirror_purge(&mirror, NOW + 2 * MIRROR_SETTLE_MS - 1);
    assert_int_equal(mirror.count, 1);
    mirror_purge(&mirror, NOW + 2 * MIRROR_SETTLE_MS);
    assert_int_equal(mirror.count, 0);
    mirror_entry(&mirror, KEY("b"));
    mirror_release(&mirror);
    assert_int_equal(mirror.count, 0);
    assert_null(mirror.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_create_of_unknown_outcome_may_stand_until_it_must_have_shown),
        cmocka_unit_test(a_list_shows_all_only_some_time_into_our_time),
        cmocka_unit_test(a_binding_with_a_finalizer_of_ours_is_a_newcomer),
        cmocka_unit_test(content_is_settled_some_time_after_the_last_doubt),
        cmocka_unit_test(new_tags_settle_nothing_by_themselves),
        cmocka_unit_test(a_row_of_one_kind_keeps_its_beginning),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(an_edit_makes_a_new_start),
        cmocka_unit_test(trouble_ends_with_the_claim_it_was_met_for),
        cmocka_unit_test(trouble_ends_with_an_edit),
        cmocka_unit_test(purge_keeps_what_may_matter),
        cmocka_unit_test(nothing_that_is_known_of_one_holds_for_another),
        cmocka_unit_test(an_update_is_written_told_and_described_at_once),
        cmocka_unit_test(new_tags_are_told_where_the_rest_was_settled),
        cmocka_unit_test(what_we_delete_was_never_written),
        cmocka_unit_test(what_is_undone_is_forgotten_when_a_person_says_so),
        cmocka_unit_test(purge_keeps_what_was_deleted_last_while_reads_may_show_it),
    };

    return cmocka_run_group_tests_name("mirror_memory", tests, NULL, NULL);
}
