/* SPDX-License-Identifier: Apache-2.0 */
/* Which associations are described, and when; what is doubtful, what goes, and the rotation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/unit/observe_world.h"

#define UNSEEN_MS (MIRROR_UNSURE_MS + PORT_CALL_TIMEOUT_MS)

/* The cluster is verified; `reader` wants app-sa. */
static int make_world(void **state)
{
    struct binding binding = scene_binding("reader");
    struct observe_world *world;

    observe_world_make(state);
    world = *state;
    scene_add_binding(&world->scene, &binding);
    return 0;
}

static void go_wrong(struct observe_world *world, enum call_verb verb, enum error_kind kind)
{
    error_set(&world->fails[verb], kind, "EKS says no");
}

/* Long after we began to lead, with a List that is fresh. */
static void settle(struct observe_world *world)
{
    observe_world_see(world);
    world->script.now += 2 * MIRROR_SETTLE_MS;
    observe_world_see(world);
    world->lists = world->looks = world->describes = 0;
}

/* ---- whose content is needed ---- */

static void what_is_wanted_is_described_and_nothing_else(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "app-sa");
    observe_world_stand(world, "foreign");
    observe_world_see(world);
    assert_true(observe_world_entry(world, "app-sa")->association->described);
    assert_false(observe_world_entry(world, "foreign")->association->described);
    assert_int_equal(world->lists, 1);
    assert_int_equal(world->describes, 1);
    observe_world_see(world); /* nothing is due */
    assert_int_equal(world->lists, 1);
    assert_int_equal(world->describes, 1);
}

static void all_is_described_in_a_namespace_that_a_binding_leaves(void **state)
{
    static const struct {
        bool deleting, has_finalizer, described;
    } rows[] = {{false, true, false}, {true, false, false}, {true, true, true}};
    struct observe_world *world = *state;
    struct association **other = observe_world_stand(world, "foreign");
    struct association *before = *other, moved = *before;

    observe_world_stand(world, "beside");
    moved.key.namespace = "zzz";
    *other = association_copy(&moved);
    mem_free(before);
    for (size_t i = 0; i < 3; i++) {
        world->scene.bindings[0]->deleting = rows[i].deleting;
        world->scene.bindings[0]->has_finalizer = rows[i].has_finalizer;
        observe_world_see(world);
        assert_true(observe_world_entry(world, "beside")->association->described ==
                    rows[i].described);
        assert_false(world->observe.mirror.entries[1]->association->described);
    }
}

static void a_read_that_failed_waits_and_is_told_apart(void **state)
{
    static const struct {
        enum error_kind kind;
        enum trouble trouble;
    } rows[] = {{ERROR_DENIED, TROUBLE_DENIED},
                {ERROR_THROTTLED, TROUBLE_THROTTLED},
                {ERROR_TRANSIENT, TROUBLE_RETRYING},
                {ERROR_UNKNOWN, TROUBLE_RETRYING}};
    struct observe_world *world = *state;
    const struct mirror_trouble *trouble;

    observe_world_stand(world, "app-sa");
    for (size_t i = 0; i < 4; i++) {
        go_wrong(world, CALL_DESCRIBE_ASSOCIATION, rows[i].kind);
        observe_world_see(world);
        trouble = observe_world_entry(world, "app-sa")->trouble;
        assert_int_equal(trouble->kind, rows[i].trouble);
        assert_int_equal(trouble->generation, TROUBLE_ANY_GENERATION);
        assert_string_equal(trouble->text, "EKS says no");
        assert_true(world->describes > 0);
        assert_true(trouble->retry_at > world->script.now);
        assert_int_equal(observe_due(&world->observe), trouble->retry_at);
        world->describes = 0;
        observe_world_see(world); /* not before its time */
        assert_int_equal(world->describes, 0);
        world->script.now = trouble->retry_at;
    }
    world->fails[CALL_DESCRIBE_ASSOCIATION] = (struct error){0};
    observe_world_see(world);
    assert_null(observe_world_entry(world, "app-sa")->trouble);
    assert_true(observe_world_entry(world, "app-sa")->association->described);
}

static void waits_grow_with_each_failure(void **state)
{
    struct observe_world *world = *state;
    int64_t waits[8];

    observe_world_stand(world, "app-sa");
    go_wrong(world, CALL_DESCRIBE_ASSOCIATION, ERROR_TRANSIENT);
    for (size_t i = 0; i < 8; i++) {
        observe_world_see(world);
        waits[i] = observe_world_entry(world, "app-sa")->trouble->retry_at - world->script.now;
        world->script.now += waits[i];
    }
    assert_in_range(waits[0], 500, 2000);
    assert_true(waits[3] > waits[0] * 3);
    assert_in_range(waits[7], 20000, 60000);
}

static void being_throttled_or_without_a_cluster_stops_the_rest(void **state)
{
    struct observe_world *world = *state;
    struct binding second = scene_binding("second");
    struct error err = {0};

    second.service_account = "second";
    scene_add_binding(&world->scene, &second);
    observe_world_stand(world, "app-sa");
    observe_world_stand(world, "second");
    world->settings.window = 1;
    go_wrong(world, CALL_DESCRIBE_ASSOCIATION, ERROR_THROTTLED);
    observe_world_see(world);
    assert_non_null(observe_world_entry(world, "app-sa")->trouble);
    assert_null(observe_world_entry(world, "second")->trouble);
    world->fails[CALL_DESCRIBE_ASSOCIATION] = (struct error){0};
    world->missing = true;
    world->describes = 0;
    assert_int_equal(observe_world_look(world, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(world->describes, 1);
    assert_int_equal(world->observe.cluster.verdict, CLUSTER_UNVERIFIED);
    assert_non_null(observe_world_entry(world, "second")->association); /* not "vanished" */
    assert_int_equal(observe_due(&world->observe), 0);
}

static void other_failures_stop_nothing(void **state)
{
    struct observe_world *world = *state;
    struct binding second = scene_binding("second");

    second.service_account = "second";
    scene_add_binding(&world->scene, &second);
    observe_world_stand(world, "app-sa");
    observe_world_stand(world, "second");
    world->settings.window = 1;
    go_wrong(world, CALL_DESCRIBE_ASSOCIATION, ERROR_DENIED);
    observe_world_see(world);
    assert_int_equal(world->describes, 2);
}

static void what_vanished_is_a_surprise_and_listed_soon(void **state)
{
    struct observe_world *world = *state;
    struct association **app = observe_world_stand(world, "app-sa");

    settle(world);
    mem_free(*app);
    *app = NULL;
    observe_world_entry(world, "app-sa")->recheck = true;
    observe_world_see(world);
    assert_null(observe_world_entry(world, "app-sa")->association);
    assert_int_equal(world->lists, 0);
    assert_int_equal(observe_due(&world->observe), world->observe.mirror.listed_at + 10000);
    world->script.now += 10000;
    observe_world_see(world);
    assert_int_equal(world->lists, 1);
    assert_int_equal(observe_due(&world->observe), world->script.now + EXISTENCE_MS);
}

static void what_is_to_be_rechecked_is_described_once(void **state)
{
    struct observe_world *world = *state;

    observe_world_stand(world, "app-sa");
    settle(world);
    observe_world_entry(world, "app-sa")->recheck = true;
    observe_world_see(world);
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
}

/* An Update of unknown outcome: looked at again when every read shows it. */
static void what_may_have_been_changed_unseen_is_described_when_it_shows(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    observe_world_stand(world, "app-sa");
    settle(world);
    entry = observe_world_entry(world, "app-sa");
    entry->unsure_at = world->script.now;
    assert_int_equal(observe_due(&world->observe), world->script.now + MIRROR_UNSURE_MS);
    world->script.now += MIRROR_UNSURE_MS - 1;
    observe_world_see(world);
    assert_int_equal(world->describes, 0);
    world->script.now++;
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
    assert_true(observe_due(&world->observe) > world->script.now);
}

static void what_a_plan_waits_for_is_described(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    observe_world_stand(world, "app-sa");
    settle(world);
    entry = observe_world_entry(world, "app-sa");
    entry->described_at = world->observe.mirror.epoch; /* a new leader's doubt */
    observe_world_see(world);
    assert_int_equal(world->describes, 0);
    entry->settle = true;
    assert_true(observe_due(&world->observe) <= world->script.now);
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
}

static void a_doubt_waits_for_a_trouble_to_pass(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    observe_world_stand(world, "app-sa");
    settle(world);
    entry = observe_world_entry(world, "app-sa");
    entry->described_at = world->observe.mirror.epoch;
    entry->settle = true;
    mirror_failed(entry, TROUBLE_DENIED, "x", 1, world->script.now, 700);
    assert_int_equal(observe_due(&world->observe), world->observe.list_due);
    observe_world_see(world);
    assert_int_equal(world->describes, 0);
    world->script.now += 700;
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
}

static void what_was_written_against_a_rival_is_watched(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    observe_world_stand(world, "app-sa");
    settle(world);
    entry = observe_world_entry(world, "app-sa");
    entry->contest = mem_alloc(sizeof *entry->contest);
    contest_count(entry->contest, CONTEST_ACCESS, world->script.now);
    entry->stands = true;
    entry->written_at = entry->described_at = world->script.now;
    assert_int_equal(observe_due(&world->observe), world->script.now + MIRROR_SETTLE_MS);
    observe_world_see(world);
    assert_int_equal(world->describes, 0);
    world->script.now += MIRROR_SETTLE_MS;
    observe_world_see(world);
    assert_int_equal(world->describes, 1);
}

/* ---- keys in doubt ---- */

static struct mirror_entry *doubt(struct observe_world *world, const char *account)
{
    const struct association_key key = {"app", account};
    struct mirror_entry *entry = mirror_entry(&world->observe.mirror, &key);

    entry->look = true;
    return entry;
}

static void a_key_in_doubt_is_listed_by_itself(void **state)
{
    struct observe_world *world = *state;

    settle(world);
    doubt(world, "app-sa");
    observe_world_stand(world, "app-sa");
    observe_world_stand(world, "new"); /* no List of all shows it */
    assert_int_equal(observe_due(&world->observe), 0);
    observe_world_see(world);
    assert_int_equal(world->looks, 1);
    assert_int_equal(world->lists, 0);
    assert_false(observe_world_entry(world, "app-sa")->look);
    assert_true(observe_world_entry(world, "app-sa")->association->described);
    assert_null(observe_world_entry(world, "new"));
}

static void two_in_doubt_cost_one_list_of_all(void **state)
{
    struct observe_world *world = *state;

    settle(world);
    doubt(world, "a");
    doubt(world, "b");
    observe_world_see(world);
    assert_int_equal(world->looks, 0);
    assert_int_equal(world->lists, 1);
    assert_false(observe_world_entry(world, "a") && observe_world_entry(world, "a")->look);
}

static void as_many_looks_as_a_list_has_pages(void **state)
{
    struct observe_world *world = *state;

    for (int i = 0; i < 198; i++) {
        char account[16];

        snprintf(account, sizeof account, "sa-%d", i);
        observe_world_stand(world, account);
    }
    settle(world);
    doubt(world, "a");
    doubt(world, "b"); /* 200 keys: three pages */
    observe_world_see(world);
    assert_int_equal(world->looks, 2);
    assert_int_equal(world->lists, 0);
}

static void a_look_waits_for_a_trouble_to_pass(void **state)
{
    struct observe_world *world = *state;

    settle(world);
    mirror_failed(doubt(world, "app-sa"), TROUBLE_RETRYING, "x", 1, world->script.now, 700);
    observe_world_see(world);
    assert_int_equal(world->looks, 0);
    world->script.now += 700;
    observe_world_see(world);
    assert_int_equal(world->looks, 1);
}

static void a_look_that_failed_is_repeated(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    settle(world);
    entry = doubt(world, "app-sa");
    go_wrong(world, CALL_LIST_ASSOCIATIONS, ERROR_DENIED);
    observe_world_see(world);
    assert_true(entry->look);
    assert_int_equal(entry->trouble->kind, TROUBLE_DENIED);
    world->script.now = entry->trouble->retry_at;
    world->fails[CALL_LIST_ASSOCIATIONS] = (struct error){0};
    observe_world_see(world);
    assert_int_equal(world->looks, 2);
    assert_false(observe_world_entry(world, "app-sa") &&
                 observe_world_entry(world, "app-sa")->look);
}

/* A Create of unknown outcome may still have effect for as long as reads lag. */
static void what_may_have_been_made_is_looked_for_until_it_would_show(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    settle(world);
    entry = doubt(world, "app-sa");
    entry->maybe_at = world->script.now;
    observe_world_see(world);
    assert_int_equal(world->looks, 1);
    assert_true(entry->maybe_at > 0);
    assert_int_equal(observe_due(&world->observe), entry->maybe_at + UNSEEN_MS);
    mirror_failed(entry, TROUBLE_RETRYING, "a write", 1, world->script.now, 600000);
    world->script.now = entry->maybe_at + UNSEEN_MS - 1;
    observe_world_see(world);
    assert_int_equal(world->looks, 1);
    world->script.now++;
    observe_world_see(world); /* what a write met is no reason not to look */
    assert_int_equal(world->looks, 2);
    assert_int_equal(entry->maybe_at, 0);
}

static void but_not_while_reads_fail(void **state)
{
    struct observe_world *world = *state;
    struct mirror_entry *entry;

    settle(world);
    entry = doubt(world, "app-sa");
    entry->look = false;
    entry->maybe_at = world->script.now - UNSEEN_MS;
    mirror_failed(entry, TROUBLE_RETRYING, "a read", TROUBLE_ANY_GENERATION, world->script.now,
                  700);
    assert_int_equal(observe_due(&world->observe), world->script.now + 700);
    observe_world_see(world);
    assert_int_equal(world->looks, 0);
    world->script.now += 700;
    observe_world_see(world);
    assert_int_equal(world->looks, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, observe_world_end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_wanted_is_described_and_nothing_else),
        TEST(all_is_described_in_a_namespace_that_a_binding_leaves),
        TEST(a_read_that_failed_waits_and_is_told_apart),
        TEST(waits_grow_with_each_failure),
        TEST(being_throttled_or_without_a_cluster_stops_the_rest),
        TEST(other_failures_stop_nothing),
        TEST(what_vanished_is_a_surprise_and_listed_soon),
        TEST(what_is_to_be_rechecked_is_described_once),
        TEST(what_may_have_been_changed_unseen_is_described_when_it_shows),
        TEST(what_a_plan_waits_for_is_described),
        TEST(a_doubt_waits_for_a_trouble_to_pass),
        TEST(what_was_written_against_a_rival_is_watched),
        TEST(a_key_in_doubt_is_listed_by_itself),
        TEST(two_in_doubt_cost_one_list_of_all),
        TEST(as_many_looks_as_a_list_has_pages),
        TEST(a_look_waits_for_a_trouble_to_pass),
        TEST(a_look_that_failed_is_repeated),
        TEST(what_may_have_been_made_is_looked_for_until_it_would_show),
        TEST(but_not_while_reads_fail),
    };

    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
