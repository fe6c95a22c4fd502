/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/unit/watch_toy.h"
#include "tests/unit/watch_world.h"

/* ---- events ---- */

static void brings_events_until_the_server_ends_it(void **state)
{
    struct watch_world *world = *state;
    watch_world_run(world, "/events");
    watch_world_log(world, "opened ADDED:7:a DELETED:8: BOOKMARK:9: closed:none");
}

static void brings_large_events_whole(void **state)
{
    struct watch_world *world = *state;
    struct watch *watch = watch_world_open(world, "/large/300000", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    assert_int_equal(world->record.largest, 300000);
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
}

static void brings_events_in_pieces_whole(void **state)
{
    struct watch_world *world = *state;
    struct watch *watch = watch_world_open(world, "/pieces", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    watch_world_log(world, "opened ADDED:7:in-pieces ");
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
}

static void an_event_over_the_cap_asks_for_a_list(void **state)
{
    struct watch_world *world = *state;
    const struct error *err = watch_world_run(world, "/large/4300000");
    watch_world_log(world, "opened closed:gone");
    watch_world_says(err, "over 4194304 bytes");
}

static void an_expired_version_asks_for_a_list(void **state)
{
    struct watch_world *world = *state;
    const struct error *err = watch_world_run(world, "/gone");
    watch_world_log(world, "opened closed:gone");
    assert_int_equal(err->status, 410);
    assert_string_equal(err->code, "Expired");
}

static void what_is_not_json_ends_it(void **state)
{
    struct watch_world *world = *state;
    watch_world_says(watch_world_run(world, "/broken"), "not JSON");
    watch_world_log(world, "opened closed:transient");
}

static void a_watch_over_at_once_is_a_failure(void **state)
{
    struct watch_world *world = *state;
    watch_world_says(watch_world_run(world, "/short"), "within a second");
    watch_world_log(world, "opened closed:transient");
}

static void another_close_code_is_a_failure(void **state)
{
    struct watch_world *world = *state;
    watch_world_says(watch_world_run(world, "/code"), "1011");
    watch_world_log(world, "opened ADDED:7:a closed:transient");
}

static void a_cut_loses_only_the_half_event(void **state)
{
    struct watch_world *world = *state;
    watch_world_says(watch_world_run(world, "/cut"), "cut");
    watch_world_log(world, "opened ADDED:7:a closed:transient");
}

/* ---- liveness ---- */

static void pings_keep_a_quiet_watch(void **state)
{
    struct watch_world *world = *state;
    struct watch *watch = watch_world_open(world, "/stay", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    sleep(3); /* longer than the hang-up */
    watch_world_log(world, "opened ADDED:7:a ");
    assert_in_range(watch_toy_pings(), 2, 3);
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
    watch_world_log(world, "opened ADDED:7:a closed:none");
}

static void hangs_up_on_a_silent_server(void **state)
{
    struct watch_world *world = *state;
    int64_t start_ms = clock_boot_ms();
    watch_world_says(watch_world_run(world, "/silent"), "hung up");
    watch_world_log(world, "opened ADDED:7:a closed:transient");
    assert_in_range(clock_boot_ms() - start_ms, 1900, 6000);
}

static void gives_up_on_a_handshake_that_hangs(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    settings.connect_s = 1;
    watch_world_serve(world, &settings);
    int64_t start_ms = clock_boot_ms();
    watch_world_says(watch_world_run(world, "/hang"), "within 1 s");
    watch_world_log(world, "closed:transient");
    assert_in_range(clock_boot_ms() - start_ms, 900, 4000);
}

static void says_when_nobody_listens(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    settings.port = 1;
    watch_world_serve(world, &settings);
    watch_world_run(world, "/stay");
    watch_world_log(world, "closed:transient");
}

/* ---- ends ---- */

static void closes_at_once(void **state)
{
    struct watch_world *world = *state;
    struct watch *watch = watch_world_open(world, "/stay", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    int64_t start_ms = clock_boot_ms();
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
    while (watch_toy_open() > 0 && clock_boot_ms() - start_ms < 1000)
        usleep(1000);
    assert_int_equal(watch_toy_open(), 0);
    assert_in_range(clock_boot_ms() - start_ms, 0, 500);
    watch_world_log(world, "opened ADDED:7:a closed:none");
}

static void closes_before_it_is_open(void **state)
{
    struct watch_world *world = *state;
    for (unsigned i = 1; i <= 20; i++) {
        watch_close(watch_world_open(world, i % 2 == 0 ? "/stay" : "/hang", NULL));
        assert_true(watch_world_wait(&world->record, &world->record.closed, i));
    }
    assert_int_equal(world->record.closed, 20);
}

static void one_server_has_many_watches(void **state)
{
    struct watch_world *world = *state;
    struct watch *watches[8];
    for (size_t i = 0; i < 8; i++)
        watches[i] = watch_world_open(world, "/stay", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 8));
    struct watch_server *server = world->server;
    struct watch_server_settings settings = watch_world_settings();
    watch_world_serve(world, &settings); /* a new CA, say: the old watches run on */
    usleep(100000);
    assert_int_equal(world->record.closed, 0);
    assert_ptr_not_equal(server, world->server);
    for (size_t i = 0; i < 8; i++)
        watch_close(watches[i]);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 8));
}

static void the_end_of_the_loop_closes_all(void **state)
{
    struct watch_world *world = *state;
    watch_world_open(world, "/stay", NULL);
    watch_world_open(world, "/silent", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 2));
    watch_world_open(world, "/hang", NULL);
    int64_t start_ms = clock_boot_ms();
    loop_stop(world->loop);
    watch_world_open(world, "/stay", NULL); /* too late: it never begins */
    watch_finish(world->server);
    world->server = NULL;
    assert_int_equal(world->record.closed, 4);
    assert_in_range(clock_boot_ms() - start_ms, 0, 500);
}

static void the_environments_proxy_is_not_used(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    watch_world_serve(world, &settings);
    watch_world_run(world, "/events");
    unsetenv("http_proxy");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watch_world_make, watch_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(brings_events_until_the_server_ends_it),
        TEST(brings_large_events_whole),
        TEST(brings_events_in_pieces_whole),
        TEST(an_event_over_the_cap_asks_for_a_list),
        TEST(an_expired_version_asks_for_a_list),
        TEST(what_is_not_json_ends_it),
        TEST(a_watch_over_at_once_is_a_failure),
        TEST(another_close_code_is_a_failure),
        TEST(a_cut_loses_only_the_half_event),
        TEST(pings_keep_a_quiet_watch),
        TEST(hangs_up_on_a_silent_server),
        TEST(gives_up_on_a_handshake_that_hangs),
        TEST(says_when_nobody_listens),
        TEST(closes_at_once),
        TEST(closes_before_it_is_open),
        TEST(one_server_has_many_watches),
        TEST(the_end_of_the_loop_closes_all),
        TEST(the_environments_proxy_is_not_used),
    };
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
