/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/mirror_lists.h"

/* ---- answers that may be older than what we did ---- */

static void a_description_of_another_association_does_not_change_what_we_wrote(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));
    struct association *ours = full("app-sa", "a-2", SCENE_ROLE);
    struct association *other = full("app-sa", "a-1", SCENE_OTHER_ROLE);

    (void)state;
    ours->modified_us = 1000;
    other->modified_us = 2000; /* later, but it is not about a-2 */
    mirror_created(entry, ours, NOW);
    mirror_described(entry, other, NOW + 1);
    assert_string_equal(entry->association->id, "a-2");
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
}

static void a_description_fills_a_key_under_which_nothing_was_known(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW);
    assert_string_equal(entry->association->id, "a-1");
    assert_int_equal(entry->described_at, NOW);
}

static void a_delete_of_unknown_outcome_was_not_done_when_it_still_shows_at_the_end(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    list_one(&mirror, "app-sa", "a-1", NOW);
    entry->maybe_gone_at = NOW;
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE - 1);
    assert_int_equal(entry->maybe_gone_at, NOW);
    mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), SURE);
    assert_int_equal(entry->maybe_gone_at, 0);
}

static void what_we_have_just_made_is_not_refused_away(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);

    (void)state;
    assert_false(mirror_refused(entry, LATER - 1));
    assert_non_null(entry->association);
    assert_null(entry->ghost);
    assert_true(mirror_refused(entry, LATER));
    assert_null(entry->association);
    assert_string_equal(entry->ghost->id, "a-1");
}

/* ---- what a list of nothing tells ---- */

static void a_list_that_shows_nothing_ends_a_read_that_failed(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *read = mirror_entry(&mirror, KEY("read"));
    struct mirror_entry *written = mirror_entry(&mirror, KEY("written"));

    (void)state;
    mirror_failed(read, TROUBLE_RETRYING, "a read", TROUBLE_ANY_GENERATION, NOW, 1);
    mirror_failed(written, TROUBLE_DENIED, "a write", 1, NOW, 1);
    list_none(&mirror, NOW);
    assert_null(read->trouble);
    assert_string_equal(written->trouble->text, "a write");
}

/* ---- creates ---- */

static void one_wish_keeps_its_token_over_its_repeats(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_creating(entry, 7);
    assert_int_equal(entry->create->token[0], 0);
    entry->create->token[0] = 42;
    mirror_creating(entry, 7);
    assert_int_equal(entry->create->token[0], 42);
    mirror_creating(entry, 8);
    assert_int_equal(entry->create->wish, 8);
    assert_int_equal(entry->create->token[0], 0);
    mirror_not_creating(entry);
    assert_null(entry->create);
}

/* ---- newcomers ---- */

static void ten_thousand_newcomers_are_known_apart_and_no_more(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    char uid[32];

    (void)state;
    for (int i = 0; i < 10001; i++) {
        snprintf(uid, sizeof uid, "uid-%d", i);
        mirror_note_newcomer(&mirror, uid);
    }
    assert_int_equal(mirror.newcomer_count, 10000);
    assert_true(mirror_is_newcomer(&mirror, "uid-0"));
    assert_true(mirror_is_newcomer(&mirror, "uid-9999"));
    assert_false(mirror_is_newcomer(&mirror, "uid-10000")); /* it is only not known to be one */
    for (int i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "another-%d", i);
        assert_false(mirror_is_newcomer(&mirror, uid));
    }
}

/* ---- since when what is known is settled ---- */

static void doubt_lasts_until_the_latest_of_its_reasons_must_have_shown(void **state)
{
    static const struct {
        const char *what;
        int64_t epoch, unsure, maybe_gone, written, told, settles;
    } rows[] = {
        {"nothing", 0, 0, 0, 0, 0, MIRROR_UNSURE_MS},
        {"another led", 500, 0, 0, 0, 0, 500 + MIRROR_UNSURE_MS},
        {"an Update of unknown outcome", 500, 600, 0, 0, 0, 600 + MIRROR_UNSURE_MS},
        {"one before our time", 500, 400, 0, 0, 0, 500 + MIRROR_UNSURE_MS},
        {"a Delete of unknown outcome", 500, 600, 700, 0, 0, 700 + MIRROR_UNSURE_MS},
        {"an earlier one", 500, 600, 550, 0, 0, 600 + MIRROR_UNSURE_MS},
        {"a write made from what may be older", 500, 0, 0, 20000, 0, 20000 + MIRROR_SETTLE_MS},
        {"one that shows before the others", 900, 0, 0, 15000, 0, 900 + MIRROR_UNSURE_MS},
        {"a write whose answer told it all", 500, 0, 0, 20000, 20000, 500 + MIRROR_UNSURE_MS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct mirror mirror = {.epoch = rows[i].epoch};
        const struct mirror_entry entry = {.unsure_at = rows[i].unsure,
                                           .maybe_gone_at = rows[i].maybe_gone,
                                           .written_at = rows[i].written,
                                           .told_at = rows[i].told};

        if (mirror_settles_at(&mirror, &entry) != rows[i].settles)
            fail_msg("%s: settles at %lld", rows[i].what,
                     (long long)mirror_settles_at(&mirror, &entry));
    }
}

static void what_a_write_told_is_settled_until_the_next_doubt(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {.epoch = NOW};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    assert_false(mirror_is_settled(&mirror, entry)); /* nothing is known */
    created(&mirror, "a-1", NOW + 1);
    assert_true(mirror_is_settled(&mirror, entry));
    entry->maybe_gone_at = NOW + 2;
    assert_false(mirror_is_settled(&mirror, entry));
    entry->maybe_gone_at = 0;
    entry->written_at = NOW + 2; /* a tag call after it */
    assert_false(mirror_is_settled(&mirror, entry));
    entry->written_at = NOW + 1;
    entry->unsure_at = NOW + 2;
    assert_false(mirror_is_settled(&mirror, entry));
}

/* Another call, of which nothing is known, may be carried out after the one that answered. */
static void an_answer_settles_what_no_earlier_call_can_change_any_more(void **state)
{
    static const struct {
        const char *what;
        int64_t created, unsure, maybe_gone, told;
        bool settled;
    } rows[] = {
        {"made by whoever led before us", 0, 0, 0, MIRROR_LATE_MS - 1, false},
        {"... whose calls are over", 0, 0, 0, MIRROR_LATE_MS, true},
        {"made by us", 1, 0, 0, 1, true},
        {"an Update of unknown outcome", 1, 20, 0, 20 + MIRROR_LATE_MS - 1, false},
        {"... that can't come any more", 1, 20, 0, 20 + MIRROR_LATE_MS, true},
        {"a Delete of unknown outcome", 1, 0, 20, 20 + MIRROR_LATE_MS - 1, false},
        {"... that can't come any more", 1, 0, 20, 20 + MIRROR_LATE_MS, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(mirror_release) struct mirror mirror = {.epoch = NOW};
        struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

        list_one(&mirror, "app-sa", "a-1", NOW);
        mirror_described(entry, full("app-sa", "a-1", SCENE_ROLE), NOW);
        entry->created_at = rows[i].created ? NOW + rows[i].created : 0;
        entry->unsure_at = rows[i].unsure ? NOW + rows[i].unsure : 0;
        entry->maybe_gone_at = rows[i].maybe_gone ? NOW + rows[i].maybe_gone : 0;
        mirror_updated(entry, full("app-sa", "a-1", SCENE_ROLE), NOW + rows[i].told);
        if (mirror_is_settled(&mirror, entry) != rows[i].settled)
            fail_msg("%s", rows[i].what);
    }
}

/* The Update may have been done though a read shows what was there before: reads lag. */
static void an_update_of_unknown_outcome_is_in_doubt_until_a_read_shows_it(void **state)
{
    static const struct {
        int64_t modified_us, later;
        bool unshown;
    } rows[] = {
        {1000, 1, true},
        {1000, MIRROR_UNSURE_MS - 1, true},
        {2000, 1, false},
        {1000, MIRROR_UNSURE_MS, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CLEANUP(mirror_release) struct mirror mirror = {0};
        struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));
        struct association *read = full("app-sa", "a-1", SCENE_ROLE);

        entry->association = full("app-sa", "a-1", SCENE_ROLE);
        entry->association->modified_us = 1000;
        entry->unsure_at = NOW;
        entry->unshown = true;
        read->modified_us = rows[i].modified_us;
        mirror_described(entry, read, NOW + rows[i].later);
        assert_int_equal(entry->unshown, rows[i].unshown);
        entry->unshown = true;
        mirror_updated(entry, full("app-sa", "a-1", SCENE_ROLE), NOW);
        assert_false(entry->unshown);
    }
}

/* A Create's answer may lack modifiedAt. */
static void a_time_that_was_not_known_tells_nothing(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = created(&mirror, "a-1", NOW);
    struct association *read = full("app-sa", "a-1", SCENE_OTHER_ROLE);

    (void)state;
    read->modified_us = 5;
    mirror_described(entry, read, NOW + 1);
    assert_string_equal(entry->association->access.role_arn, SCENE_ROLE);
}

/* By its whole length: UIDs that the API server makes have 36 bytes. */
static void trouble_of_one_binding_is_not_that_of_another_with_a_like_uid(void **state)
{
    CLEANUP(mirror_release) struct mirror mirror = {0};
    struct mirror_entry *entry = mirror_entry(&mirror, KEY("app-sa"));

    (void)state;
    mirror_failed(entry, TROUBLE_QUOTA, "full", 1, NOW, 1);
    mirror_blame(entry, "uid-a");
    mirror_claimed(entry, "uid-ab", 1);
    assert_null(entry->trouble);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_description_of_another_association_does_not_change_what_we_wrote),
        cmocka_unit_test(a_description_fills_a_key_under_which_nothing_was_known),
        cmocka_unit_test(a_delete_of_unknown_outcome_was_not_done_when_it_still_shows_at_the_end),
        cmocka_unit_test(what_we_have_just_made_is_not_refused_away),
        cmocka_unit_test(a_list_that_shows_nothing_ends_a_read_that_failed),
        cmocka_unit_test(one_wish_keeps_its_token_over_its_repeats),
        cmocka_unit_test(ten_thousand_newcomers_are_known_apart_and_no_more),
        cmocka_unit_test(doubt_lasts_until_the_latest_of_its_reasons_must_have_shown),
        cmocka_unit_test(an_update_of_unknown_outcome_is_in_doubt_until_a_read_shows_it),
        cmocka_unit_test(what_a_write_told_is_settled_until_the_next_doubt),
        cmocka_unit_test(an_answer_settles_what_no_earlier_call_can_change_any_more),
        cmocka_unit_test(a_time_that_was_not_known_tells_nothing),
        cmocka_unit_test(trouble_of_one_binding_is_not_that_of_another_with_a_like_uid),
    };

    return cmocka_run_group_tests_name("mirror_doubt", tests, NULL, NULL);
}
