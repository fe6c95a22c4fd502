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
#include "kube/watch.h"
#include "tests/unit/watch_toy.h"

#define PATIENCE_MS 20000

/* What a sink was told. */
struct record {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct strbuf log; /* "opened ADDED:7:a ..." */
    size_t largest;    /* length of the longest name */
    unsigned events;
    unsigned closed;
    struct error error;
};

struct world {
    struct loop *loop;
    struct watch_server *server;
    struct record record;
};

/* ---- the sink --------------------------------------------------------------------------- */

static void on_opened(void *context)
{
    struct record *record = context;
    pthread_mutex_lock(&record->lock);
    strbuf_str(&record->log, "opened ");
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static void on_event(void *context, const struct watch_frame *frame)
{
    struct record *record = context;
    const char *name = json_text(json_at(frame->object, "metadata", NULL), "name");
    pthread_mutex_lock(&record->lock);
    strbuf_format(&record->log, "%s:%s:%.2000s ", watch_frame_type_name(frame->type),
                  frame->version, name);
    record->events++;
    if (strlen(name) > record->largest)
        record->largest = strlen(name);
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static void on_closed(void *context, const struct error *error)
{
    struct record *record = context;
    pthread_mutex_lock(&record->lock);
    strbuf_format(&record->log, "closed:%s", error_kind_name(error->kind));
    record->closed++;
    record->error = *error;
    pthread_cond_broadcast(&record->changed);
    pthread_mutex_unlock(&record->lock);
}

static bool wait_for(struct record *record, const unsigned *count, unsigned enough)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    int failure = 0;
    pthread_mutex_lock(&record->lock);
    while (*count < enough && failure == 0)
        failure = pthread_cond_timedwait(&record->changed, &record->lock, &until);
    bool done = *count >= enough;
    pthread_mutex_unlock(&record->lock);
    return done;
}

/* ---- the world --------------------------------------------------------------------------- */

static struct watch_server_settings good_settings(void)
{
    return (struct watch_server_settings){
        .host = "127.0.0.1",
        .port = watch_toy_port(),
        .ca_pem = watch_toy_ca(),
        .user_agent = "podbind/0 (linux/amd64)",
        .connect_s = 1,
        .ping_s = 1,
        .hang_up_s = 2,
    };
}

static void serve_with(struct world *world, const struct watch_server_settings *settings)
{
    struct error err;
    watch_finish(world->server);
    world->server = watch_server_new(world->loop, settings, &err);
    if (world->server == NULL)
        fail_msg("%s", err.text);
}

static int begin(struct world *world, const char *certificate_for, bool wants_client)
{
    struct error err;
    watch_toy_start(&(struct watch_toy_settings){certificate_for, wants_client});
    world->loop = loop_new(NULL, &err);
    assert_non_null(world->loop);
    pthread_mutex_init(&world->record.lock, NULL);
    pthread_cond_init(&world->record.changed, NULL);
    struct watch_server_settings settings = good_settings();
    serve_with(world, &settings);
    assert_int_equal(loop_start(world->loop, &err), 0);
    return 0;
}

static int make_world(void **state)
{
    *state = mem_alloc(sizeof(struct world));
    return begin(*state, "IP:127.0.0.1", false);
}

static int make_world_with_names(void **state)
{
    *state = mem_alloc(sizeof(struct world));
    return begin(*state, "DNS:kube.example", false);
}

static int make_world_with_clients(void **state)
{
    *state = mem_alloc(sizeof(struct world));
    return begin(*state, "IP:127.0.0.1", true);
}

static int end_world(void **state)
{
    struct world *world = *state;
    loop_stop(world->loop);
    watch_finish(world->server);
    loop_free(world->loop);
    watch_toy_stop();
    strbuf_release(&world->record.log);
    mem_free(world);
    return 0;
}

static struct watch *open_path(struct world *world, const char *path, const char *token)
{
    const struct watch_settings settings = {
        .address = "127.0.0.1", .path = path, .token = token, .timeout_s = 300};
    const struct watch_sink sink = {&world->record, on_opened, on_event, on_closed};
    return watch_open(world->server, &settings, &sink);
}

/* Opens a watch of that path and waits for its end. */
static const struct error *run(struct world *world, const char *path)
{
    struct watch *watch = open_path(world, path, NULL);
    if (!wait_for(&world->record, &world->record.closed, 1))
        fail_msg("%s never closed: %s", path, strbuf_text(&world->record.log));
    watch_close(watch);
    return &world->record.error;
}

static void assert_log(struct world *world, const char *expected)
{
    pthread_mutex_lock(&world->record.lock);
    assert_string_equal(strbuf_text(&world->record.log), expected);
    pthread_mutex_unlock(&world->record.lock);
}

static void assert_says(const struct error *err, const char *words)
{
    if (strstr(err->text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->text, words);
}

/* The same server with other settings; its connections ended. */
static void serve_again(struct world *world, const struct watch_server_settings *settings)
{
    struct error err;
    watch_server_free(world->server);
    world->server = watch_server_new(world->loop, settings, &err);
    if (world->server == NULL)
        fail_msg("%s", err.text);
}

/* ---- events -------------------------------------------------------------------------------- */

static void brings_events_until_the_server_ends_it(void **state)
{
    struct world *world = *state;
    run(world, "/events");
    assert_log(world, "opened ADDED:7:a DELETED:8: BOOKMARK:9: closed:none");
}

static void brings_large_events_whole(void **state)
{
    struct world *world = *state;
    struct watch *watch = open_path(world, "/large/300000", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 1));
    assert_int_equal(world->record.largest, 300000);
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
}

static void brings_events_in_pieces_whole(void **state)
{
    struct world *world = *state;
    struct watch *watch = open_path(world, "/pieces", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 1));
    assert_log(world, "opened ADDED:7:in-pieces ");
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
}

static void an_event_over_the_cap_asks_for_a_list(void **state)
{
    struct world *world = *state;
    const struct error *err = run(world, "/large/4300000");
    assert_log(world, "opened closed:gone");
    assert_says(err, "over 4194304 bytes");
}

static void an_expired_version_asks_for_a_list(void **state)
{
    struct world *world = *state;
    const struct error *err = run(world, "/gone");
    assert_log(world, "opened closed:gone");
    assert_int_equal(err->status, 410);
    assert_string_equal(err->code, "Expired");
}

static void what_is_not_json_ends_it(void **state)
{
    struct world *world = *state;
    assert_says(run(world, "/broken"), "not JSON");
    assert_log(world, "opened closed:transient");
}

static void a_watch_over_at_once_is_a_failure(void **state)
{
    struct world *world = *state;
    assert_says(run(world, "/short"), "within a second");
    assert_log(world, "opened closed:transient");
}

static void another_close_code_is_a_failure(void **state)
{
    struct world *world = *state;
    assert_says(run(world, "/code"), "1011");
    assert_log(world, "opened ADDED:7:a closed:transient");
}

static void a_cut_loses_only_the_half_event(void **state)
{
    struct world *world = *state;
    assert_says(run(world, "/cut"), "cut");
    assert_log(world, "opened ADDED:7:a closed:transient");
}

/* ---- liveness -------------------------------------------------------------------------------- */

static void pings_keep_a_quiet_watch(void **state)
{
    struct world *world = *state;
    struct watch *watch = open_path(world, "/stay", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 1));
    sleep(3); /* longer than the hang-up */
    assert_log(world, "opened ADDED:7:a ");
    assert_in_range(watch_toy_pings(), 2, 3);
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
    assert_log(world, "opened ADDED:7:a closed:none");
}

static void hangs_up_on_a_silent_server(void **state)
{
    struct world *world = *state;
    int64_t start_ms = clock_boot_ms();
    assert_says(run(world, "/silent"), "hung up");
    assert_log(world, "opened ADDED:7:a closed:transient");
    assert_in_range(clock_boot_ms() - start_ms, 1900, 6000);
}

static void gives_up_on_a_handshake_that_hangs(void **state)
{
    struct world *world = *state;
    int64_t start_ms = clock_boot_ms();
    assert_says(run(world, "/hang"), "within 1 s");
    assert_log(world, "closed:transient");
    assert_in_range(clock_boot_ms() - start_ms, 900, 4000);
}

static void says_when_nobody_listens(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    settings.port = 1;
    serve_again(world, &settings);
    run(world, "/stay");
    assert_log(world, "closed:transient");
}

/* ---- handshakes -------------------------------------------------------------------------------
 */

static void sends_what_the_server_wants(void **state)
{
    struct world *world = *state;
    struct watch *watch = open_path(world, "/headers?watch=true", "the.token");
    assert_true(wait_for(&world->record, &world->record.events, 1));
    const char *log = strbuf_text(&world->record.log);
    char origin[64];
    snprintf(origin, sizeof origin, "\r\nOrigin: https://127.0.0.1:%d\r\n", watch_toy_port());
    assert_non_null(strstr(log, "GET /headers?watch=true HTTP/1.1\r\n"));
    assert_non_null(strstr(log, origin));
    assert_non_null(strstr(log, "\r\nAuthorization: Bearer the.token\r\n"));
    assert_non_null(strstr(log, "\r\nUser-Agent: podbind/0 (linux/amd64)\r\n"));
    assert_non_null(strstr(log, "\r\nHost: 127.0.0.1\r\n"));
    assert_null(strstr(log, "Sec-WebSocket-Protocol"));
    assert_null(strstr(log, "Sec-WebSocket-Extensions"));
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
}

static void takes_large_tokens(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *token = mem_alloc(12001);
    memset(token, 'a', 12000);
    struct watch *watch = open_path(world, "/stay", token);
    assert_true(wait_for(&world->record, &world->record.events, 1));
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
}

static void refuses_tokens_that_do_not_fit(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *token = mem_alloc(20001);
    memset(token, 'a', 20000);
    struct watch *watch = open_path(world, "/stay", token);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
    assert_log(world, "closed:invalid");
    watch_close(watch);
}

static void tells_refusals_apart(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *path;
        int status;
        enum error_kind kind;
        const char *words;
    } rows[] = {
        {"/status/400", 400, ERROR_INVALID, "handshake, or a proxy"},
        {"/status/401", 401, ERROR_DENIED, "401"},
        {"/status/403", 403, ERROR_DENIED, "handshake, or a proxy"},
        {"/status/404", 404, ERROR_TRANSIENT, "not served"},
        {"/status/410", 410, ERROR_GONE, "410"},
        {"/status/422", 422, ERROR_INVALID, "first state"},
        {"/status/429", 429, ERROR_THROTTLED, "429"},
        {"/status/500", 500, ERROR_TRANSIENT, "500"},
        {"/status/503", 503, ERROR_TRANSIENT, "503"},
        {"/status/200", 200, ERROR_INVALID, "expected 101"},
        {"/redirect", 302, ERROR_TRANSIENT, "302"}, /* not followed: the token stays here */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world->record.closed = 0;
        const struct error *err = run(world, rows[i].path);
        if (err->kind != rows[i].kind || err->status != rows[i].status)
            fail_msg("%s: %s %d \"%s\"", rows[i].path, error_kind_name(err->kind), err->status,
                     err->text);
        assert_says(err, rows[i].words);
    }
    assert_int_equal(world->record.events, 0);
}

/* ---- TLS ----------------------------------------------------------------------------------------
 */

static void trusts_every_certificate_of_the_bundle(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    CLEANUP(strbuf_release) struct strbuf bundle = {0};
    strbuf_format(&bundle, "# two\n%s\n%s", watch_toy_other_ca(), watch_toy_ca());
    settings.ca_pem = strbuf_text(&bundle);
    serve_again(world, &settings);
    run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

static void trusts_nobody_else(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    settings.ca_pem = watch_toy_other_ca();
    serve_again(world, &settings);
    assert_says(run(world, "/events"), "certificate of the server is refused: ");
    assert_log(world, "closed:transient");
    settings.ca_pem = NULL; /* the system's */
    serve_again(world, &settings);
    world->record.closed = 0;
    assert_says(run(world, "/events"), "certificate of the server is refused");
    assert_int_equal(world->record.events, 0);
}

/* The certificate is for kube.example. */
static void checks_the_name(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    assert_says(run(world, "/events"), "refused: IP address mismatch");
    settings.host = "other.example";
    serve_again(world, &settings);
    world->record.closed = 0;
    assert_says(run(world, "/events"), "refused: hostname mismatch");
    assert_int_equal(world->record.events, 0);
    settings.host = "kube.example";
    serve_again(world, &settings);
    world->record.closed = 0;
    run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
    settings.host = "127.0.0.1";
    settings.server_name = "kube.example";
    serve_again(world, &settings);
    world->record.closed = 0;
    run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

static void shows_its_certificate(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_TRANSIENT);
    assert_int_equal(world->record.events, 0);
    settings.cert_pem = watch_toy_client_cert();
    settings.key_pem = watch_toy_client_key();
    serve_again(world, &settings);
    world->record.closed = 0;
    run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
    assert_int_equal(world->record.events, 3);
}

static void refuses_bad_settings(void **state)
{
    struct world *world = *state;
    const struct {
        const char *host, *ca, *cert, *key, *proxy, *words;
    } rows[] = {
        {"a", "hello", NULL, NULL, NULL, "certificate authority"},
        {"a", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", NULL, NULL, NULL,
         "certificate authority"},
        {"a", watch_toy_ca(), "hello", "hello", NULL, "client certificate"},
        {"a", watch_toy_ca(), watch_toy_client_cert(), NULL, NULL, "client key"},
        {"a", watch_toy_ca(), watch_toy_client_cert(), "hello", NULL, "client key"},
        {"a", watch_toy_ca(), watch_toy_ca(), watch_toy_client_key(), NULL, "does not belong"},
        {"a", watch_toy_ca(), NULL, NULL, "socks5://a:1", "http://host:port"},
        {"a", watch_toy_ca(), NULL, NULL, "http://a", "http://host:port"},
        {"a", watch_toy_ca(), NULL, NULL, "http://a:0", "http://host:port"},
        {"a", watch_toy_ca(), NULL, NULL, "http://u:secret@:1", "http://host:port"},
        {"", watch_toy_ca(), NULL, NULL, NULL, "no host"},
        {"a\r\nb", watch_toy_ca(), NULL, NULL, NULL, "no host"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct watch_server_settings settings = good_settings();
        struct error err;
        settings.host = rows[i].host;
        settings.ca_pem = rows[i].ca;
        settings.cert_pem = rows[i].cert;
        settings.key_pem = rows[i].key;
        settings.proxy_url = rows[i].proxy;
        assert_null(watch_server_new(world->loop, &settings, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_says(&err, rows[i].words);
        assert_null(strstr(err.text, "secret"));
    }
}

/* ---- ends
 * ------------------------------------------------------------------------------------------ */

static void closes_at_once(void **state)
{
    struct world *world = *state;
    struct watch *watch = open_path(world, "/stay", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 1));
    int64_t start_ms = clock_boot_ms();
    watch_close(watch);
    assert_true(wait_for(&world->record, &world->record.closed, 1));
    while (watch_toy_open() > 0 && clock_boot_ms() - start_ms < 1000)
        usleep(1000);
    assert_int_equal(watch_toy_open(), 0);
    assert_in_range(clock_boot_ms() - start_ms, 0, 500);
    assert_log(world, "opened ADDED:7:a closed:none");
}

static void closes_before_it_is_open(void **state)
{
    struct world *world = *state;
    for (unsigned i = 1; i <= 20; i++) {
        watch_close(open_path(world, i % 2 == 0 ? "/stay" : "/hang", NULL));
        assert_true(wait_for(&world->record, &world->record.closed, i));
    }
    assert_int_equal(world->record.closed, 20);
}

static void one_server_has_many_watches(void **state)
{
    struct world *world = *state;
    struct watch *watches[8];
    for (size_t i = 0; i < 8; i++)
        watches[i] = open_path(world, "/stay", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 8));
    struct watch_server *server = world->server;
    struct watch_server_settings settings = good_settings();
    serve_again(world, &settings); /* a new CA, say: the old watches run on */
    usleep(100000);
    assert_int_equal(world->record.closed, 0);
    assert_ptr_not_equal(server, world->server);
    for (size_t i = 0; i < 8; i++)
        watch_close(watches[i]);
    assert_true(wait_for(&world->record, &world->record.closed, 8));
}

static void the_end_of_the_loop_closes_all(void **state)
{
    struct world *world = *state;
    open_path(world, "/stay", NULL);
    open_path(world, "/silent", NULL);
    assert_true(wait_for(&world->record, &world->record.events, 2));
    open_path(world, "/hang", NULL);
    int64_t start_ms = clock_boot_ms();
    loop_stop(world->loop);
    open_path(world, "/stay", NULL); /* too late: it never begins */
    watch_finish(world->server);
    world->server = NULL;
    assert_int_equal(world->record.closed, 4);
    assert_in_range(clock_boot_ms() - start_ms, 0, 500);
}

static void the_environments_proxy_is_not_used(void **state)
{
    struct world *world = *state;
    struct watch_server_settings settings = good_settings();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    serve_again(world, &settings);
    run(world, "/events");
    unsetenv("http_proxy");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)

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
        TEST(sends_what_the_server_wants),
        TEST(takes_large_tokens),
        TEST(refuses_tokens_that_do_not_fit),
        TEST(tells_refusals_apart),
        TEST(trusts_every_certificate_of_the_bundle),
        TEST(trusts_nobody_else),
        cmocka_unit_test_setup_teardown(checks_the_name, make_world_with_names, end_world),
        cmocka_unit_test_setup_teardown(shows_its_certificate, make_world_with_clients, end_world),
        TEST(refuses_bad_settings),
        TEST(closes_at_once),
        TEST(closes_before_it_is_open),
        TEST(one_server_has_many_watches),
        TEST(the_end_of_the_loop_closes_all),
        TEST(the_environments_proxy_is_not_used),
    };
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
