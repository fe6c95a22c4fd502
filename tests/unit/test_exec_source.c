/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/exec_source.h"
#include "kube/kube_request.h"
#include "kube/kubeconfig_exec.h"
#include "tests/unit/watch_toy_pki.h"

/* A source whose plugin is a script in a folder of its own. */
struct world {
    char folder[64];
    struct kubeconfig config;
    struct exec_source *source;
    struct kube_client client;
    char told[512];
    atomic_int times_told;
};

static const char *const environment[] = {"PATH=/usr/bin:/bin", "FROM_US=ours", "BOTH=ours",
                                          "KUBERNETES_EXEC_INFO=ours", NULL};

static char *path_in(const struct world *world, const char *name)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    strbuf_format(&path, "%s/%s", world->folder, name);
    return strbuf_take(&path);
}

/* The script finds its folder as $1; it counts its runs there. */
static void write_plugin(const struct world *world, const char *script)
{
    CLEANUP_FREE char *path = path_in(world, "plugin"), *fresh = path_in(world, "fresh");
    FILE *file = fopen(fresh, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\necho run >>\"$1/runs\"\n%s\n", script);
    assert_int_equal(fchmod(fileno(file), 0755), 0);
    fclose(file);
    assert_int_equal(rename(fresh, path), 0);
}

static long count_runs(const struct world *world)
{
    CLEANUP_FREE char *path = path_in(world, "runs");
    struct stat status = {0};
    return stat(path, &status) == 0 ? (long)status.st_size / 4 : 0;
}

static void told(void *context, const struct error *error)
{
    struct world *world = context;
    snprintf(world->told, sizeof world->told, "%s",
             error->kind == ERROR_NONE ? "works" : error->text);
    atomic_fetch_add(&world->times_told, 1);
}

static void load(struct world *world, const char *command, const char *more)
{
    CLEANUP(strbuf_release) struct strbuf file = {0};
    struct kubeconfig_paths paths = {0};
    struct error err;
    strbuf_format(&file,
                  "clusters: [{name: c, cluster: {server: \"https://kube.example\"}}]\n"
                  "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
                  "command: %s, args: [%s], interactiveMode: Never%s}}}]\n"
                  "contexts: [{name: main, context: {cluster: c, user: u}}]\n"
                  "current-context: main\n",
                  command, world->folder, more);
    CLEANUP_FREE char *place = path_in(world, "kubeconfig");
    if (kubeconfig_parse(strbuf_text(&file), file.length, place, NULL, &world->config, &paths,
                         &err) < 0)
        fail_msg("%s", err.text);
    kubeconfig_paths_release(&paths);
}

static void start(struct world *world)
{
    const struct exec_source_settings settings = {
        .config = &world->config, .environment = environment, .context = world, .told = told};
    struct error err;
    world->source = exec_source_new(&settings);
    kube_client_init(&world->client, &world->config, "podbind/0");
    kube_client_use_plugin(&world->client, world->source);
    assert_int_equal(exec_source_start(world->source, &err), 0);
}

static int make_world(void **state)
{
    struct world *world = mem_alloc(sizeof *world);
    snprintf(world->folder, sizeof world->folder, "/tmp/exec-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    *state = world;
    return 0;
}

static int end_world(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"plugin", "runs", "seen"};
    kube_client_release(&world->client);
    exec_source_free(world->source);
    kubeconfig_release(&world->config);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP_FREE char *path = path_in(world, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(world->folder), 0);
    mem_free(world);
    return 0;
}

static const char *token_of(struct world *world)
{
    const char *token = NULL;
    struct error err;
    return kube_client_token(&world->client, clock_boot_ms(), &token, &err) == 0 ? token : "none";
}

static void expect_error(struct world *world, const char *words)
{
    const char *token;
    struct error err;
    assert_int_equal(kube_client_token(&world->client, clock_boot_ms(), &token, &err), -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", err.text, words);
}

/* For what the thread does soon. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        for (int tries = 0; tries < 2000 && !(condition); tries++)                                 \
            usleep(10000);                                                                         \
        assert_true(condition);                                                                    \
    } while (0)

#define ANSWER(status)                                                                             \
    "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","       \
    "\"status\":" status "}'"

static void gives_a_token(void **state)
{
    struct world *world = *state;
    write_plugin(world, ANSWER("{\"token\":\"abc\"}"));
    load(world, "./plugin", "");
    start(world);
    exec_source_await(world->source);
    assert_string_equal(token_of(world), "abc");
    assert_string_equal(token_of(world), "abc");
    assert_string_equal(kube_client_cert_pem(&world->client), "");
    assert_false(world->client.certificate_changed);
    assert_int_equal(count_runs(world), 1);
    assert_int_equal(atomic_load(&world->times_told), 0);
}

static void tells_the_plugin_what_it_needs(void **state)
{
    struct world *world = *state;
    write_plugin(world, "echo \"$FROM_US,$BOTH,$THEIRS,$KUBERNETES_EXEC_INFO\" >$1/seen\n" ANSWER(
                            "{\"token\":\"abc\"}"));
    load(world, "./plugin",
         ", env: [{name: BOTH, value: theirs}, {name: THEIRS, value: a=b}, "
         "{name: KUBERNETES_EXEC_INFO_2, value: x}]");
    start(world);
    exec_source_await(world->source);
    CLEANUP_FREE char *path = path_in(world, "seen");
    FILE *file = fopen(path, "r");
    char text[512] = "";
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "ours,theirs,a=b,{\"kind\":\"ExecCredential\",\"apiVersion\":"
                              "\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":"
                              "false}}\n");
}

static void says_why_there_is_none(void **state)
{
    struct world *world = *state;
    write_plugin(world, "echo secret; echo no network >&2; exit 7");
    load(world, "./plugin", ", installHint: none of this");
    start(world);
    expect_error(world, "credential plugin");
    exec_source_await(world->source);
    expect_error(world, "user \"u\": the credential plugin: ");
    expect_error(world, "/plugin: exit status 7: no network");
    WAIT_FOR(atomic_load(&world->times_told) > 0);
    assert_null(strstr(world->told, "secret"));
    assert_null(strstr(world->told, "none of this"));
    write_plugin(world, ANSWER("{\"token\":\"abc\"}"));
    WAIT_FOR(strcmp(token_of(world), "abc") == 0);
    WAIT_FOR(strcmp(world->told, "works") == 0);
}

static void hints_at_what_is_not_installed(void **state)
{
    struct world *world = *state;
    load(world, "no-such-plugin", ", installHint: \"get it\\nfrom here\"");
    start(world);
    exec_source_await(world->source);
    expect_error(world, "user \"u\": the credential plugin: no-such-plugin: there is no such "
                        "program in PATH (get it from here)");
}

static void runs_again_after_a_401(void **state)
{
    struct world *world = *state;
    write_plugin(world, ANSWER("{\"token\":\"'$(wc -l <$1/runs)'\"}"));
    load(world, "./plugin", "");
    start(world);
    exec_source_await(world->source);
    assert_string_equal(token_of(world), "1");
    int64_t before = clock_boot_ms();
    for (int i = 0; i < 20; i++)
        kube_client_unauthorized(&world->client);
    assert_string_equal(token_of(world), "1");
    WAIT_FOR(strcmp(token_of(world), "2") == 0);
    assert_true(clock_boot_ms() - before > 9000);
    assert_int_equal(count_runs(world), 2);
}

static void write_certificate(const struct world *world, const struct watch_toy_pair *pair,
                              const struct watch_toy_pair *key)
{
    CLEANUP_FREE char *path = path_in(world, "seen");
    CLEANUP_FREE char *cert_pem = watch_toy_pem_of(pair->certificate);
    CLEANUP_FREE char *key_pem = watch_toy_pem_of_key(key->key);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_str(&text, "{\"apiVersion\":\"" KUBECONFIG_EXEC_V1 "\",\"kind\":\"ExecCredential\","
                      "\"status\":{\"clientCertificateData\":\"");
    strbuf_json(&text, cert_pem);
    strbuf_str(&text, "\",\"clientKeyData\":\"");
    strbuf_json(&text, key_pem);
    strbuf_str(&text, "\"}}");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(strbuf_text(&text), file);
    fclose(file);
}

static void gives_a_certificate(void **state)
{
    struct world *world = *state;
    struct watch_toy_pair pair = watch_toy_pair_make("one", NULL, NULL);
    write_certificate(world, &pair, &pair);
    write_plugin(world, "cat $1/seen");
    load(world, "./plugin", "");
    start(world);
    struct http_settings settings;
    kube_client_settings(&world->client, &settings);
    assert_null(settings.cert_pem);
    struct http_peer *first = http_peer_new(&settings), *peer = first;
    exec_source_await(world->source);
    assert_string_equal(token_of(world), "");
    assert_non_null(strstr(kube_client_key_pem(&world->client), KUBECONFIG_KEY));
    kube_client_renew_peer(&world->client, &peer);
    assert_ptr_not_equal(peer, first);
    first = peer;
    assert_string_equal(token_of(world), "");
    kube_client_renew_peer(&world->client, &peer);
    assert_ptr_equal(peer, first); /* it is the same certificate */
    kube_client_settings(&world->client, &settings);
    assert_string_equal(settings.cert_pem, kube_client_cert_pem(&world->client));
    http_peer_free(peer);
    watch_toy_pair_release(&pair);
}

static void refuses_a_key_of_another_certificate(void **state)
{
    struct world *world = *state;
    struct watch_toy_pair pair = watch_toy_pair_make("one", NULL, NULL);
    struct watch_toy_pair other = watch_toy_pair_make("two", NULL, NULL);
    write_certificate(world, &pair, &other);
    write_plugin(world, "cat $1/seen");
    load(world, "./plugin", "");
    start(world);
    exec_source_await(world->source);
    expect_error(world, "the client key does not belong to the client certificate");
    watch_toy_pair_release(&pair);
    watch_toy_pair_release(&other);
}

static void stops_at_once(void **state)
{
    struct world *world = *state;
    write_plugin(world, "sleep 100");
    load(world, "./plugin", "");
    start(world);
    WAIT_FOR(count_runs(world) == 1);
    int64_t before = clock_boot_ms();
    exec_source_stop(world->source);
    exec_source_await(world->source);
    kube_client_release(&world->client);
    exec_source_free(world->source);
    world->source = NULL;
    assert_true(clock_boot_ms() - before < 10000);
    assert_int_equal(atomic_load(&world->times_told), 0);
}

static void *use(void *argument)
{
    struct world *world = argument;
    struct kube_client client;
    kube_client_init(&client, &world->config, "podbind/0");
    kube_client_use_plugin(&client, world->source);
    exec_source_await(world->source);
    for (int i = 0; i < 1000; i++) {
        const char *token;
        struct error err;
        if (kube_client_token(&client, clock_boot_ms(), &token, &err) == 0)
            kube_client_unauthorized(&client);
    }
    kube_client_release(&client);
    return NULL;
}

static void serves_several_threads(void **state)
{
    struct world *world = *state;
    pthread_t threads[3];
    write_plugin(world, ANSWER("{\"token\":\"abc\"}"));
    load(world, "./plugin", "");
    start(world);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use, world), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_string_equal(token_of(world), "abc");
    assert_int_equal(count_runs(world), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, end_world)
    const struct CMUnitTest tests[] = {
        TEST(gives_a_token),
        TEST(tells_the_plugin_what_it_needs),
        TEST(says_why_there_is_none),
        TEST(hints_at_what_is_not_installed),
        TEST(runs_again_after_a_401),
        TEST(gives_a_certificate),
        TEST(refuses_a_key_of_another_certificate),
        TEST(stops_at_once),
        TEST(serves_several_threads),
    };
    return cmocka_run_group_tests_name("exec_source", tests, NULL, NULL);
}
