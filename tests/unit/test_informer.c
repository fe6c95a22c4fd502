/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crds/binding.h"
#include "informers/informer.h"

#define NOW 1000000

static const struct error well = {.kind = ERROR_NONE};
static const struct error reset = {.kind = ERROR_TRANSIENT};
static const struct error invalid = {.kind = ERROR_INVALID};

static void *account(const char *name, const char *version)
{
    const struct service_account record = {
        .namespace = "app", .name = name, .resource_version = version};

    return service_account_copy(&record);
}

static bool holds(const struct informer *informer, const char *name)
{
    return store_find(&informer->store, "app", name) != NULL;
}

/* Synced by a stream: a and b, as of version 10. Returns the number of the watch. */
static uint64_t sync(struct informer *informer)
{
    informer_init(informer, &STORE_SERVICE_ACCOUNTS);
    assert_int_equal(informer_next(informer, NOW), REFLECTOR_STREAM);
    informer_opened(informer, informer->watch, NOW);
    informer_put(informer, informer->watch, account("a", "3"));
    informer_put(informer, informer->watch, account("b", "4"));
    informer_streamed(informer, informer->watch, "10", NOW);
    return informer->watch;
}

static void a_streamed_state_is_taken_over_in_one_go(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_STREAM);
    informer_put(&informer, informer.watch, account("a", "3"));
    informer_put(&informer, informer.watch, account("b", "4"));
    informer_removed(&informer, informer.watch, account("b", "5"));
    assert_int_equal(informer.store.count, 0);
    assert_false(informer_synced(&informer));
    informer_streamed(&informer, informer.watch, "10", NOW);
    assert_true(informer_synced(&informer));
    assert_int_equal(informer.store.count, 1);
    assert_true(holds(&informer, "a"));
    assert_int_equal(informer.relists, 1);
    assert_int_equal(informer.staged.count, 0);
}

static void a_watch_changes_the_store_at_once(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);

    (void)state;
    informer_put(&informer, watch, account("c", "11"));
    assert_true(holds(&informer, "c"));
    informer_removed(&informer, watch, account("a", "12"));
    assert_false(holds(&informer, "a"));
    informer_removed(&informer, watch, account("b", "2")); /* older than what we hold */
    assert_true(holds(&informer, "b"));
    informer_bookmark(&informer, watch, "20");
    informer_closed(&informer, watch, &well, NOW + 5000, 1);
    assert_int_equal(informer_next(&informer, NOW + 5000), REFLECTOR_WATCH);
    assert_string_equal(informer.reflector.version, "20");
    assert_true(holds(&informer, "c"));
}

static void a_state_cut_short_makes_nothing_disappear(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);

    (void)state;
    reflector_restart(&informer.reflector);
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_STREAM);
    assert_true(informer.watch > watch);
    informer_put(&informer, informer.watch, account("a", "15"));
    informer_closed(&informer, informer.watch, &reset, NOW, 1);
    assert_true(holds(&informer, "b"));
    assert_int_equal(informer_next(&informer, informer.reflector.due), REFLECTOR_STREAM);
    informer_streamed(&informer, informer.watch, "20", NOW); /* nothing of the cut one is in it */
    assert_int_equal(informer.store.count, 0);
    assert_int_equal(informer.relists, 2);
}

static void what_an_earlier_watch_brings_is_dropped(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t old = sync(&informer);

    (void)state;
    informer_closed(&informer, old, &well, NOW + 5000, 1);
    informer_put(&informer, old, account("late", "11")); /* none is open */
    assert_int_equal(informer_next(&informer, NOW + 5000), REFLECTOR_WATCH);
    informer_put(&informer, old, account("late", "12"));
    informer_removed(&informer, old, account("a", "13"));
    informer_bookmark(&informer, old, "999");
    informer_opened(&informer, old, NOW + 9999);
    informer_streamed(&informer, old, "998", NOW);
    informer_closed(&informer, old, &reset, NOW, 1);
    assert_false(holds(&informer, "late"));
    assert_true(holds(&informer, "a"));
    assert_string_equal(informer.reflector.version, "10");
    assert_int_equal(informer.reflector.opened_at, 0);
    assert_int_equal(informer.reflector.state, REFLECTOR_WATCHING);
    informer_streamed(&informer, informer.watch, "998", NOW); /* a plain watch has no first state */
    assert_int_equal(informer.relists, 1);
}

static void pages_are_staged_until_the_last(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    void *first[] = {account("a", "1"), account("b", "2")}, *last[] = {account("c", "3")};

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer_next(&informer, NOW);
    informer_closed(&informer, informer.watch, &invalid, NOW, 1);
    assert_int_equal(informer_next(&informer, informer.reflector.due), REFLECTOR_LIST);
    informer_page(&informer, first, 2, "50", "more");
    assert_int_equal(informer.store.count, 0);
    assert_int_equal(informer_next(&informer, informer.reflector.due), REFLECTOR_LIST);
    informer_page(&informer, last, 1, "50", "");
    assert_int_equal(informer.store.count, 3);
    assert_true(informer_synced(&informer));
    assert_int_equal(informer_next(&informer, informer.reflector.due), REFLECTOR_WATCH);
    assert_string_equal(informer.reflector.version, "50");
}

static void a_page_that_fails_voids_those_before_it(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    void *first[] = {account("a", "1")}, *again[] = {account("b", "2")};

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer.reflector.by_pages = true;
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_LIST);
    informer_page(&informer, first, 1, "50", "more");
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_LIST);
    informer_page_failed(&informer, &reset, NOW, 1);
    assert_int_equal(informer.staged.count, 0);
    assert_int_equal(informer_next(&informer, informer.reflector.due), REFLECTOR_LIST);
    informer_page(&informer, again, 1, "60", "");
    assert_false(holds(&informer, "a"));
    assert_true(holds(&informer, "b"));
}

/* A watch's versions only rise. What it says again may have been deleted since. */
static void what_a_watch_says_again_is_dropped(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);

    (void)state;
    informer_put(&informer, watch, account("c", "11"));
    informer_removed(&informer, watch, account("c", "12"));
    informer_put(&informer, watch, account("c", "11"));
    assert_false(holds(&informer, "c"));
    informer_put(&informer, watch, account("d", "10"));
    assert_false(holds(&informer, "d"));
    informer_put(&informer, watch, account("c", "13"));
    assert_true(holds(&informer, "c"));
}

/* An empty cluster is a whole state too. */
static void an_empty_state_counts(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    informer_init(&informer, &STORE_BINDINGS);
    informer_next(&informer, NOW);
    informer_streamed(&informer, informer.watch, "1", NOW);
    assert_true(informer_synced(&informer));
    assert_int_equal(informer.store.count, 0);
}

/* ---- what is known of the state ---- */

static void a_renewed_state_counts_once_it_is_whole_again(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    sync(&informer);
    assert_true(informer_current(&informer));
    assert_int_equal(informer.relisted, 2);
    informer_renew(&informer);
    assert_true(informer_synced(&informer));
    assert_false(informer_current(&informer));
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_STREAM);
    assert_false(informer_current(&informer));
    informer_streamed(&informer, informer.watch, "30", NOW);
    assert_true(informer_current(&informer));
    assert_int_equal(informer.relisted, 0);
}

static void nothing_is_current_before_the_first_state(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    assert_false(informer_current(&informer));
    informer_next(&informer, NOW);
    assert_false(informer_current(&informer));
}

/* ---- what belongs to no state ---- */

static void a_stream_that_is_over_ends_once(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);

    (void)state;
    informer_put(&informer, watch, account("c", "11"));
    informer_streamed(&informer, watch, "40", NOW); /* it is no stream any more */
    assert_true(holds(&informer, "c"));
    assert_int_equal(informer.relists, 1);
    assert_string_equal(informer.reflector.version, "11");
    reflector_restart(&informer.reflector);
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_STREAM);
    informer_streamed(&informer, watch, "40", NOW); /* that was the one before */
    assert_int_equal(informer.relists, 1);
    assert_int_equal(informer.store.count, 3);
}

static void a_stream_that_closes_leaves_nothing_staged(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer_next(&informer, NOW);
    informer_put(&informer, informer.watch, account("a", "3"));
    assert_int_equal(informer.staged.count, 1);
    informer_closed(&informer, informer.watch - 1, &reset, NOW, 1); /* another one did */
    assert_int_equal(informer.staged.count, 1);
    informer_closed(&informer, informer.watch, &reset, NOW, 1);
    assert_int_equal(informer.staged.count, 0);
}

/* Since when a watch stands decides how long the wait is after it breaks. */
static void only_the_watch_that_stands_is_opened(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);

    (void)state;
    informer_opened(&informer, watch - 1, NOW + 7);
    assert_int_equal(informer.reflector.opened_at, NOW);
    informer_opened(&informer, watch, NOW + 7);
    assert_int_equal(informer.reflector.opened_at, NOW + 7);
    informer_bookmark(&informer, watch - 1, "99");
    assert_string_equal(informer.reflector.version, "10");
}

static void each_watch_has_a_number_of_its_own_and_pages_have_none(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    uint64_t watch = sync(&informer);
    void *one[] = {account("a", "51")}, *two[] = {account("b", "52")};

    (void)state;
    informer_closed(&informer, watch, &well, NOW + 5000, 1);
    assert_int_equal(informer_next(&informer, NOW + 5000), REFLECTOR_WATCH);
    assert_int_equal(informer.watch, watch + 1);
    informer.reflector.by_pages = true;
    informer_renew(&informer);
    assert_int_equal(informer_next(&informer, NOW + 5000), REFLECTOR_LIST);
    informer_page(&informer, one, 1, "60", "more");
    assert_int_equal(informer_next(&informer, NOW + 5000), REFLECTOR_LIST);
    assert_int_equal(informer.staged.count, 1); /* the second page keeps the first */
    informer_page(&informer, two, 1, "60", "");
    assert_int_equal(informer.watch, watch + 1);
    assert_int_equal(informer.relisted, 2);
}

static void a_list_that_begins_anew_has_nothing_of_the_one_before(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    void *one[] = {account("a", "51")};

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer.reflector.by_pages = true;
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_LIST);
    informer_page(&informer, one, 1, "60", "more");
    informer_renew(&informer);
    assert_int_equal(informer_next(&informer, NOW), REFLECTOR_LIST);
    assert_int_equal(informer.staged.count, 0);
}

/* ---- too many ---- */

static void *nth(size_t index)
{
    char name[32];

    snprintf(name, sizeof name, "sa-%08zu", index);
    return account(name, "5");
}

static void more_than_there_is_room_for_are_told_and_left_out(void **state)
{
    CLEANUP(informer_release) struct informer informer;

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer_next(&informer, NOW);
    for (size_t i = 0; i < STORE_CAP; i++)
        informer_put(&informer, informer.watch, nth(i));
    assert_false(informer.over_cap);
    assert_int_equal(informer.staged.count, STORE_CAP);
    informer_put(&informer, informer.watch, nth(STORE_CAP));
    assert_true(informer.over_cap);
    assert_int_equal(informer.staged.count, STORE_CAP);
    assert_true(store_put(&informer.staged, nth(7))); /* what is known may change */
}

static void pages_too(void **state)
{
    CLEANUP(informer_release) struct informer informer;
    CLEANUP_FREE void **page = mem_array(STORE_CAP, sizeof *page);
    void *more[] = {nth(STORE_CAP)};

    (void)state;
    informer_init(&informer, &STORE_SERVICE_ACCOUNTS);
    informer.reflector.by_pages = true;
    informer_next(&informer, NOW);
    for (size_t i = 0; i < STORE_CAP; i++)
        page[i] = nth(i);
    informer_page(&informer, page, STORE_CAP, "60", "more");
    assert_false(informer.over_cap);
    informer_next(&informer, NOW);
    informer_page(&informer, more, 1, "60", "");
    assert_true(informer.over_cap);
    assert_int_equal(informer.store.count, STORE_CAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streamed_state_is_taken_over_in_one_go),
        cmocka_unit_test(a_watch_changes_the_store_at_once),
        cmocka_unit_test(a_state_cut_short_makes_nothing_disappear),
        cmocka_unit_test(what_an_earlier_watch_brings_is_dropped),
        cmocka_unit_test(pages_are_staged_until_the_last),
        cmocka_unit_test(a_page_that_fails_voids_those_before_it),
        cmocka_unit_test(what_a_watch_says_again_is_dropped),
        cmocka_unit_test(an_empty_state_counts),
        cmocka_unit_test(a_renewed_state_counts_once_it_is_whole_again),
        cmocka_unit_test(nothing_is_current_before_the_first_state),
        cmocka_unit_test(a_stream_that_is_over_ends_once),
        cmocka_unit_test(a_stream_that_closes_leaves_nothing_staged),
        cmocka_unit_test(only_the_watch_that_stands_is_opened),
        cmocka_unit_test(each_watch_has_a_number_of_its_own_and_pages_have_none),
        cmocka_unit_test(a_list_that_begins_anew_has_nothing_of_the_one_before),
        cmocka_unit_test(more_than_there_is_room_for_are_told_and_left_out),
        cmocka_unit_test(pages_too),
    };

    return cmocka_run_group_tests_name("informer", tests, NULL, NULL);
}
