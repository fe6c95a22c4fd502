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

/* ---- handshakes ---- */

static void sends_what_the_server_wants(void **state)
{
    struct watch_world *world = *state;
    struct watch *watch = watch_world_open(world, "/headers?watch=true", "the.token");
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
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
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
}

static void takes_large_tokens(void **state)
{
    struct watch_world *world = *state;
    CLEANUP_FREE char *token = mem_alloc(12001);
    memset(token, 'a', 12000);
    struct watch *watch = watch_world_open(world, "/stay", token);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
}

static void refuses_tokens_that_do_not_fit(void **state)
{
    struct watch_world *world = *state;
    CLEANUP_FREE char *token = mem_alloc(20001);
    memset(token, 'a', 20000);
    struct watch *watch = watch_world_open(world, "/stay", token);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
    watch_world_log(world, "closed:invalid");
    watch_close(watch);
}

static void tells_refusals_apart(void **state)
{
    struct watch_world *world = *state;
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
        const struct error *err = watch_world_run(world, rows[i].path);
        if (err->kind != rows[i].kind || err->status != rows[i].status)
            fail_msg("%s: %s %d \"%s\"", rows[i].path, error_kind_name(err->kind), err->status,
                     err->text);
        watch_world_says(err, rows[i].words);
    }
    assert_int_equal(world->record.events, 0);
}

/* ---- TLS ---- */

static void trusts_every_certificate_of_the_bundle(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    CLEANUP(strbuf_release) struct strbuf bundle = {0};
    strbuf_format(&bundle, "# two\n%s\n%s", watch_toy_other_ca(), watch_toy_ca());
    settings.ca_pem = strbuf_text(&bundle);
    watch_world_serve(world, &settings);
    watch_world_run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

static void trusts_nobody_else(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    settings.ca_pem = watch_toy_other_ca();
    watch_world_serve(world, &settings);
    watch_world_says(watch_world_run(world, "/events"), "certificate of the server is refused: ");
    watch_world_log(world, "closed:transient");
    settings.ca_pem = NULL; /* the system's */
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_says(watch_world_run(world, "/events"), "certificate of the server is refused");
    assert_int_equal(world->record.events, 0);
}

/* The certificate is for kube.example. */
static void checks_the_name(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    watch_world_says(watch_world_run(world, "/events"), "refused: IP address mismatch");
    settings.host = "other.example";
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_says(watch_world_run(world, "/events"), "refused: hostname mismatch");
    assert_int_equal(world->record.events, 0);
    settings.host = "kube.example";
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
    settings.host = "127.0.0.1";
    settings.server_name = "kube.example";
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
}

static void speaks_ipv6(void **state)
{
    struct watch_world *world = *state;
    if (world == NULL)
        skip();
    struct watch *watch = watch_world_open(world, "/headers", NULL);
    assert_true(watch_world_wait(&world->record, &world->record.events, 1));
    assert_non_null(strstr(strbuf_text(&world->record.log), "\r\nHost: [::1]\r\n"));
    assert_non_null(strstr(strbuf_text(&world->record.log), "\r\nOrigin: https://[::1]:"));
    watch_close(watch);
    assert_true(watch_world_wait(&world->record, &world->record.closed, 1));
    struct watch_server_settings settings = watch_world_settings();
    settings.host = "::2"; /* connected to ::1 all the same */
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_says(watch_world_run(world, "/events"), "refused: IP address mismatch");
}

static void shows_its_certificate(void **state)
{
    struct watch_world *world = *state;
    struct watch_server_settings settings = watch_world_settings();
    watch_world_run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_TRANSIENT);
    assert_int_equal(world->record.events, 0);
    settings.cert_pem = watch_toy_client_cert();
    settings.key_pem = watch_toy_client_key();
    watch_world_serve(world, &settings);
    world->record.closed = 0;
    watch_world_run(world, "/events");
    assert_int_equal(world->record.error.kind, ERROR_NONE);
    assert_int_equal(world->record.events, 3);
}

static void refuses_bad_settings(void **state)
{
    struct watch_world *world = *state;
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
        struct watch_server_settings settings = watch_world_settings();
        struct error err;
        settings.host = rows[i].host;
        settings.ca_pem = rows[i].ca;
        settings.cert_pem = rows[i].cert;
        settings.key_pem = rows[i].key;
        settings.proxy_url = rows[i].proxy;
        assert_null(watch_server_new(world->loop, &settings, &err));
        assert_int_equal(err.kind, ERROR_INVALID);
        watch_world_says(&err, rows[i].words);
        assert_null(strstr(err.text, "secret"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watch_world_make, watch_world_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sends_what_the_server_wants),
        TEST(takes_large_tokens),
        TEST(refuses_tokens_that_do_not_fit),
        TEST(tells_refusals_apart),
        TEST(trusts_every_certificate_of_the_bundle),
        TEST(trusts_nobody_else),
        cmocka_unit_test_setup_teardown(checks_the_name, watch_world_make_with_names,
                                        watch_world_end),
        cmocka_unit_test_setup_teardown(speaks_ipv6, watch_world_make_on_ipv6, watch_world_end),
        cmocka_unit_test_setup_teardown(shows_its_certificate, watch_world_make_with_clients,
                                        watch_world_end),
        TEST(refuses_bad_settings),
    };
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
