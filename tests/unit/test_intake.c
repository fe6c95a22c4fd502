/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/intake.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

static const struct error reset = {.kind = ERROR_TRANSIENT};
static const struct error gone = {.kind = ERROR_GONE};
static const struct error invalid = {.kind = ERROR_INVALID};

struct stage {
    struct script script;
    struct intake intake;
    uint64_t watch[RESOURCE_COUNT];
};

static void stage_release(struct stage *stage)
{
    intake_release(&stage->intake);
    script_release(&stage->script);
}

/* Takes off the port what is queued, and lets it in. */
static void turn(struct stage *stage)
{
    struct call *call;

    while (stage->script.queued.count > 0)
        assert_int_equal(intake_next(&stage->intake, INT64_MAX, &call), INTAKE_NEWS);
    intake_run(&stage->intake);
}

static void bring(struct stage *stage, enum resource resource, enum change_kind kind, void *record,
                  const char *version)
{
    script_change(&stage->script, resource, stage->watch[resource], kind, record, version, NULL);
}

static struct binding *reader(const char *version, int64_t generation)
{
    struct binding binding = scene_binding("reader");

    binding.resource_version = version;
    binding.generation = generation;
    return binding_copy(&binding);
}

static struct service_account *account(const char *version, const char *labels)
{
    const struct service_account record = {
        .namespace = "app", .name = "app-sa", .resource_version = version, .labels = labels};

    return service_account_copy(&record);
}

static void open_watches(struct stage *stage)
{
    intake_run(&stage->intake);
    for (size_t i = 0; i < stage->script.watch_count; i++)
        stage->watch[stage->script.watches[i].resource] = stage->script.watches[i].watch;
}

/* Both resources synced; binding reader at version 5, account app-sa at 6. Nothing is news. */
static void stage_init(struct stage *stage)
{
    struct fresh_list fresh;

    *stage = (struct stage){0};
    script_init(&stage->script);
    intake_init(&stage->intake, &stage->script.ports);
    open_watches(stage);
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        bring(stage, (enum resource)resource, CHANGE_OPENED, NULL, NULL);
    bring(stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("5", 1), NULL);
    bring(stage, RESOURCE_SERVICE_ACCOUNTS, CHANGE_PUT, account("6", ""), NULL);
    turn(stage);
    assert_false(intake_synced(&stage->intake));
    for (int resource = 0; resource < RESOURCE_COUNT; resource++)
        bring(stage, (enum resource)resource, CHANGE_SYNCED, NULL, "10");
    turn(stage);
    assert_true(intake_synced(&stage->intake));
    intake_taken(&stage->intake, &fresh);
    assert_int_equal(fresh.count, 0);
    fresh_release(&fresh);
}

static const struct binding *held(const struct stage *stage)
{
    return store_find(&stage->intake.informers[RESOURCE_BINDINGS].store, "app", "reader");
}

/* ---- what is let in, and when ---- */

static void changes_wait_for_the_end_of_the_pass(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct call *call;

    (void)state;
    stage_init(&stage);
    bring(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("11", 2), NULL);
    assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_NEWS);
    assert_true(stage.intake.news);
    assert_true(stage.intake.urgent);
    assert_string_equal(held(&stage)->resource_version, "5");
    intake_run(&stage.intake);
    assert_string_equal(held(&stage)->resource_version, "11");
    assert_false(stage.intake.urgent);
    assert_true(stage.intake.news); /* until a pass takes it */
}

static void tells_what_the_port_brought(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    struct call *call = NULL;

    (void)state;
    stage_init(&stage);
    stage.script.wakes = 1;
    assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_NEWS);
    assert_false(stage.intake.news); /* the lease is no news of an object */
    bring(&stage, RESOURCE_BINDINGS, CHANGE_BOOKMARK, NULL, "12");
    assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_NEWS);
    intake_run(&stage.intake);
    assert_false(stage.intake.news); /* nor is a bookmark: no pass is made for it */
    assert_string_equal(stage.intake.informers[RESOURCE_BINDINGS].reflector.version, "12");
    assert_int_equal(intake_next(&stage.intake, stage.script.now + 5, &call), INTAKE_TIMEOUT);
    stage.script.gone = true;
    assert_int_equal(intake_next(&stage.intake, INT64_MAX, &call), INTAKE_GONE);
    assert_null(call);
}

static void unreadable_objects_are_counted(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    script_change(&stage.script, RESOURCE_BINDINGS, stage.watch[0], CHANGE_UNREADABLE, NULL, NULL,
                  &invalid);
    turn(&stage);
    assert_int_equal(stage.intake.unreadable[RESOURCE_BINDINGS], 1);
    assert_non_null(held(&stage));
}

/* ---- what is fresh, and what is urgent ---- */

static struct fresh_list fresh_after(struct stage *stage, struct binding *owned)
{
    struct fresh_list fresh;

    bring(stage, RESOURCE_BINDINGS, CHANGE_PUT, owned, NULL);
    turn(stage);
    intake_taken(&stage->intake, &fresh);
    assert_false(stage->intake.news);
    return fresh;
}

static void a_persons_edit_is_fresh_and_our_own_is_not(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    CLEANUP(fresh_release) struct fresh_list ours = {0}, edit = {0}, asked = {0}, remade = {0};
    struct binding binding = scene_binding("reader");

    (void)state;
    stage_init(&stage);
    ours = fresh_after(&stage, reader("11", 1)); /* status, finalizers */
    assert_int_equal(ours.count, 0);
    edit = fresh_after(&stage, reader("12", 2));
    assert_int_equal(edit.count, 1);
    assert_false(fresh_find(&edit, "app", "reader")->recheck);
    assert_null(fresh_find(&edit, "app", "reade"));
    assert_null(fresh_find(&edit, "web", "reader"));
    binding.resource_version = "13";
    binding.generation = 2;
    binding.reconcile_at = "now";
    asked = fresh_after(&stage, binding_copy(&binding));
    assert_true(fresh_find(&asked, "app", "reader")->recheck);
    binding.resource_version = "14";
    binding.uid = "another";
    remade = fresh_after(&stage, binding_copy(&binding));
    assert_int_equal(remade.count, 1);
}

static void the_fresh_are_sorted_and_capped(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    CLEANUP(fresh_release) struct fresh_list fresh = {0};

    (void)state;
    stage_init(&stage);
    for (int i = FRESH_CAP + 20; i-- > 0;) {
        char name[16], version[16];
        struct binding binding;

        snprintf(name, sizeof name, "b-%05d", i);
        snprintf(version, sizeof version, "%d", 100 + FRESH_CAP - i);
        binding = scene_binding(name);
        binding.resource_version = version;
        bring(&stage, RESOURCE_BINDINGS, CHANGE_PUT, binding_copy(&binding), NULL);
    }
    turn(&stage);
    intake_taken(&stage.intake, &fresh);
    assert_int_equal(fresh.count, FRESH_CAP);
    for (size_t i = 1; i < fresh.count; i++)
        assert_true(strcmp(fresh.items[i - 1].name, fresh.items[i].name) < 0);
    assert_int_equal(stage.intake.informers[RESOURCE_BINDINGS].store.count, FRESH_CAP + 21);
}

static bool urgent_after(struct stage *stage, enum resource resource, enum change_kind kind,
                         void *owned)
{
    bool urgent;
    struct call *call;

    bring(stage, resource, kind, owned, NULL);
    intake_next(&stage->intake, INT64_MAX, &call);
    urgent = stage->intake.urgent;
    intake_run(&stage->intake);
    return urgent;
}

static void labels_and_absences_of_accounts_are_urgent(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    assert_false(urgent_after(&stage, RESOURCE_SERVICE_ACCOUNTS, CHANGE_PUT, account("11", "")));
    assert_true(
        urgent_after(&stage, RESOURCE_SERVICE_ACCOUNTS, CHANGE_PUT, account("12", "a\tb\n")));
    assert_true(urgent_after(&stage, RESOURCE_SERVICE_ACCOUNTS, CHANGE_DELETED, account("13", "")));
    assert_true(urgent_after(&stage, RESOURCE_SERVICE_ACCOUNTS, CHANGE_PUT, account("14", "")));
    assert_false(urgent_after(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("11", 1)));
    assert_true(urgent_after(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("12", 2)));
    assert_false(urgent_after(&stage, RESOURCE_BINDINGS, CHANGE_DELETED, reader("13", 2)));
}

/* ---- our own writes (W4) ---- */

static bool pending(const struct stage *stage)
{
    return writes_pending(&stage->intake.writes, "app", "reader");
}

static void note(struct stage *stage, const char *version)
{
    writes_note(&stage->intake.writes, "app", "reader", version, stage->script.now);
}

static void an_own_write_is_pending_until_the_store_shows_it(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    note(&stage, "12");
    bring(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("11", 1), NULL);
    turn(&stage);
    assert_true(pending(&stage));
    bring(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("12", 1), NULL);
    turn(&stage);
    assert_false(pending(&stage));
    note(&stage, "13");
    bring(&stage, RESOURCE_BINDINGS, CHANGE_DELETED, reader("14", 1), NULL);
    turn(&stage);
    assert_false(pending(&stage));
}

/* A watch may begin with events that were sent before. */
static void a_removal_of_before_shows_no_own_write(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    note(&stage, "12");
    bring(&stage, RESOURCE_BINDINGS, CHANGE_DELETED, reader("11", 1), NULL);
    turn(&stage);
    assert_true(pending(&stage));
}

/* Half a minute without it: the state is taken anew, and shows it or shows it gone. */
static void distrusts_a_watch_that_does_not_bring_it(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    uint64_t old;

    (void)state;
    stage_init(&stage);
    old = stage.watch[RESOURCE_BINDINGS];
    note(&stage, "12");
    assert_int_equal(intake_due(&stage.intake), stage.script.now + 30001);
    stage.script.now += 30000;
    turn(&stage);
    assert_int_equal(script_watch(&stage.script)->watch, stage.watch[RESOURCE_SERVICE_ACCOUNTS]);
    stage.script.now++;
    open_watches(&stage);
    assert_true(stage.watch[RESOURCE_BINDINGS] > old);
    assert_true(script_watch(&stage.script)->initial);
    /* The old watch brings it at last, and the new one streams it: the store shows neither yet. */
    script_change(&stage.script, RESOURCE_BINDINGS, old, CHANGE_PUT, reader("12", 1), NULL, NULL);
    bring(&stage, RESOURCE_BINDINGS, CHANGE_PUT, reader("12", 1), NULL);
    turn(&stage);
    assert_string_equal(held(&stage)->resource_version, "5");
    assert_true(pending(&stage));
    bring(&stage, RESOURCE_BINDINGS, CHANGE_SYNCED, NULL, "15");
    turn(&stage);
    assert_string_equal(held(&stage)->resource_version, "12");
    assert_false(pending(&stage));
}

static void an_old_watch_does_not_show_that_it_is_gone(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    uint64_t old;

    (void)state;
    stage_init(&stage);
    old = stage.watch[RESOURCE_BINDINGS];
    note(&stage, "12");
    stage.script.now += 30001;
    open_watches(&stage);
    script_change(&stage.script, RESOURCE_BINDINGS, old, CHANGE_DELETED, reader("13", 1), NULL,
                  NULL);
    turn(&stage);
    assert_non_null(held(&stage));
    assert_true(pending(&stage));
}

static void a_state_older_than_our_write_settles_nothing(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    note(&stage, "12");
    stage.script.now += 30001;
    open_watches(&stage);
    bring(&stage, RESOURCE_BINDINGS, CHANGE_SYNCED, NULL, "11");
    turn(&stage);
    assert_true(pending(&stage));
    assert_int_equal(writes_oldest(&stage.intake.writes), stage.script.now); /* another while */
    stage.script.now += 30001;
    open_watches(&stage);
    bring(&stage, RESOURCE_BINDINGS, CHANGE_SYNCED, NULL, "12");
    turn(&stage);
    assert_false(pending(&stage)); /* as of our version it is not there: gone */
}

/* While the state is taken anew nothing can be done by time alone: no turning in circles. */
static void is_not_due_for_what_it_does_already(void **state)
{
    CLEANUP(stage_release) struct stage stage;

    (void)state;
    stage_init(&stage);
    note(&stage, "12");
    stage.script.now += 30001;
    open_watches(&stage);
    stage.script.now += 1000;
    assert_int_equal(intake_due(&stage.intake), INT64_MAX);
    script_change(&stage.script, RESOURCE_BINDINGS, stage.watch[RESOURCE_BINDINGS], CHANGE_CLOSED,
                  NULL, NULL, &reset);
    turn(&stage);
    assert_true(intake_due(&stage.intake) > stage.script.now);
    assert_true(intake_due(&stage.intake) < stage.script.now + 1000);
}

/* ---- watches and pages ---- */

static void a_closed_watch_is_resumed_after_a_wait(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    uint64_t old;

    (void)state;
    stage_init(&stage);
    old = stage.watch[RESOURCE_BINDINGS];
    bring(&stage, RESOURCE_BINDINGS, CHANGE_BOOKMARK, NULL, "20");
    script_change(&stage.script, RESOURCE_BINDINGS, old, CHANGE_CLOSED, NULL, NULL, &reset);
    turn(&stage);
    assert_int_equal(stage.intake.ended[RESOURCE_BINDINGS][ERROR_TRANSIENT], 1);
    assert_int_equal(stage.intake.last_error.kind, ERROR_TRANSIENT);
    stage.script.now = intake_due(&stage.intake);
    open_watches(&stage);
    assert_true(stage.watch[RESOURCE_BINDINGS] > old);
    assert_false(script_watch(&stage.script)->initial);
    assert_string_equal(script_watch(&stage.script)->version, "20");
    bring(&stage, RESOURCE_BINDINGS, CHANGE_OPENED, NULL, NULL);
    turn(&stage);
    assert_int_equal(stage.intake.last_error.kind, ERROR_NONE);
    bring(&stage, RESOURCE_BINDINGS, CHANGE_CLOSED, NULL, NULL); /* in good order */
    turn(&stage);
    assert_int_equal(stage.intake.last_error.kind, ERROR_NONE);
}

struct page {
    const struct error *error;
    const char *token; /* of the next page */
    struct service_account *owned;
};

static void answer_page(struct script *script, struct call *call)
{
    struct page *page = script->context;

    assert_int_equal(call->verb, CALL_LIST_OBJECTS);
    assert_int_equal(call->in.objects.resource, RESOURCE_SERVICE_ACCOUNTS);
    if (page->error) {
        call->error = *page->error;
        return;
    }
    call->out.objects.resource_version = mem_strdup("50");
    call->out.objects.continue_token = page->token ? mem_strdup(page->token) : NULL;
    call->out.objects.skipped = 1;
    call->out.objects.items = mem_array(1, sizeof *call->out.objects.items);
    call->out.objects.items[call->out.objects.count++] = page->owned;
}

static void take_page(struct stage *stage, struct page page)
{
    struct call *call = NULL;

    intake_run(&stage->intake);
    assert_int_equal(stage->script.under_way_count, 1);
    stage->script.answer = answer_page;
    stage->script.context = &page;
    assert_int_equal(intake_next(&stage->intake, INT64_MAX, &call), INTAKE_NEWS);
    assert_null(call);
    intake_run(&stage->intake);
}

static void lists_by_pages_where_the_server_does_not_stream(void **state)
{
    CLEANUP(stage_release) struct stage stage;
    const struct informer *informer = &stage.intake.informers[RESOURCE_SERVICE_ACCOUNTS];
    char longest[5000];

    (void)state;
    stage_init(&stage);
    script_change(&stage.script, RESOURCE_SERVICE_ACCOUNTS, stage.watch[1], CHANGE_CLOSED, NULL,
                  NULL, &gone);
    turn(&stage);
    stage.script.now = intake_due(&stage.intake);
    open_watches(&stage);
    script_change(&stage.script, RESOURCE_SERVICE_ACCOUNTS, stage.watch[1], CHANGE_CLOSED, NULL,
                  NULL, &invalid);
    turn(&stage);
    stage.script.now = intake_due(&stage.intake);
    take_page(&stage, (struct page){.token = "more", .owned = account("1", "")});
    assert_int_equal(informer->store.count, 1);
    assert_int_equal(informer->staged.count, 1);
    take_page(&stage, (struct page){.error = &reset});
    assert_int_equal(stage.intake.last_error.kind, ERROR_TRANSIENT);
    assert_int_equal(informer->store.count, 1);
    stage.script.now = intake_due(&stage.intake);
    memset(longest, 't', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    take_page(&stage, (struct page){.token = longest, .owned = account("1", "")});
    assert_true(intake_due(&stage.intake) > stage.script.now); /* not at once, not for ever */
    stage.script.now = intake_due(&stage.intake);
    take_page(&stage, (struct page){.owned = account("45", "")});
    assert_int_equal(informer->relists, 2);
    assert_int_equal(informer->store.count, 1);
    assert_int_equal(stage.intake.unreadable[RESOURCE_SERVICE_ACCOUNTS], 2);
    assert_string_equal(script_watch(&stage.script)->version, "50");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_wait_for_the_end_of_the_pass),
        cmocka_unit_test(tells_what_the_port_brought),
        cmocka_unit_test(unreadable_objects_are_counted),
        cmocka_unit_test(a_persons_edit_is_fresh_and_our_own_is_not),
        cmocka_unit_test(the_fresh_are_sorted_and_capped),
        cmocka_unit_test(labels_and_absences_of_accounts_are_urgent),
        cmocka_unit_test(an_own_write_is_pending_until_the_store_shows_it),
        cmocka_unit_test(a_removal_of_before_shows_no_own_write),
        cmocka_unit_test(distrusts_a_watch_that_does_not_bring_it),
        cmocka_unit_test(an_old_watch_does_not_show_that_it_is_gone),
        cmocka_unit_test(a_state_older_than_our_write_settles_nothing),
        cmocka_unit_test(is_not_due_for_what_it_does_already),
        cmocka_unit_test(a_closed_watch_is_resumed_after_a_wait),
        cmocka_unit_test(lists_by_pages_where_the_server_does_not_stream),
    };

    return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
