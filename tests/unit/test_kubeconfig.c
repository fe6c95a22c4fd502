/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/kubeconfig.h"
#include "kube/kubeconfig_exec.h"
#include "kube/yaml_tree.h"
#include "tests/unit/aws_cases.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\na2V5\n-----END PRIVATE KEY-----\n"

/* ---- cases: bytes in, fields or an error out ---- */

static void add_field(struct strbuf *text, const char *name, const char *value)
{
    if (value == NULL || *value == '\0')
        return;
    strbuf_format(text, "%s: ", name);
    strbuf_json(text, value);
    strbuf_char(text, '\n');
}

static void add_words(struct strbuf *text, const char *name, char *const *words)
{
    for (; *words != NULL; words++)
        add_field(text, name, *words);
}

static void describe_exec(const struct kubeconfig_exec *exec, struct strbuf *text)
{
    add_field(text, "exec user", exec->user);
    add_field(text, "exec version", exec->api_version);
    add_words(text, "exec argv", exec->argv);
    add_words(text, "exec env", exec->env);
    add_field(text, "exec hint", exec->install_hint);
    add_field(text, "exec cluster info", exec->provide_cluster_info ? "yes" : "");
    strbuf_str(text, *exec->cluster_config != '\0' ? "exec cluster config: " : "");
    strbuf_format(text, "%s%s", exec->cluster_config, *exec->cluster_config != '\0' ? "\n" : "");
}

static void describe(const struct kubeconfig *config, const struct kubeconfig_paths *paths,
                     struct strbuf *text)
{
    add_field(text, "context", config->context);
    add_field(text, "server", config->server);
    add_field(text, "tls_server_name", config->tls_server_name);
    add_field(text, "proxy_url", config->proxy_url);
    add_field(text, "namespace", config->namespace);
    add_field(text, "token", config->token);
    add_field(text, "token_file", config->token_file);
    add_field(text, "ca_pem", config->ca_pem);
    add_field(text, "cert_pem", config->cert_pem);
    add_field(text, "key_pem", config->key_pem);
    add_field(text, "ca path", paths->ca.path);
    add_field(text, "cert path", paths->cert.path);
    add_field(text, "key path", paths->key.path);
    if (config->exec != NULL)
        describe_exec(config->exec, text);
}

static void parse(const char *bytes, size_t length, const char *context, struct strbuf *text)
{
    struct kubeconfig config;
    CLEANUP(kubeconfig_paths_release) struct kubeconfig_paths paths = {0};
    struct error err;
    if (kubeconfig_parse(bytes, length, "home/config", context, &config, &paths, &err) < 0) {
        assert_int_equal(err.kind, ERROR_INVALID);
        strbuf_format(text, "error: %s\n", err.text);
        return;
    }
    describe(&config, &paths, text);
    kubeconfig_release(&config);
}

static void reads_case(void **state)
{
    const char *folder = *state;
    size_t length;
    CLEANUP_FREE char *config = aws_cases_read(folder, "config", &length);
    CLEANUP_FREE char *expected = aws_cases_read(folder, "expected", NULL);
    CLEANUP_FREE char *context = aws_cases_read(folder, "context", NULL);
    if (context != NULL)
        context[strcspn(context, "\n")] = '\0';
    CLEANUP(strbuf_release) struct strbuf text = {0};
    assert_non_null(config);
    parse(config, length, context, &text);
    assert_non_null(expected);
    assert_string_equal(strbuf_text(&text), expected);
}

/* Every beginning of a good file is read or refused, never half read. */
static void refuses_every_cut(void **state)
{
    (void)state;
    size_t length;
    CLEANUP_FREE char *config = aws_cases_read("tests/cases/kubeconfig/json", "config", &length);
    for (size_t cut = 0; cut + 2 < length; cut++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        CLEANUP_FREE char *bytes = mem_dup(config, cut); /* its own block: over-reads show */
        parse(bytes, cut, NULL, &text);
        assert_memory_equal(strbuf_text(&text), "error: ", 7);
    }
}

/* ---- trees ---- */

static int parse_tree(const char *text, size_t length)
{
    struct yaml_node *root = NULL;
    struct error err;
    int done = yaml_tree_parse(text, length, "file", &root, &err);
    yaml_tree_free(root);
    return done;
}

static void refuses_large_files(void **state)
{
    (void)state;
    size_t length = YAML_TREE_MAX_BYTES + 1;
    CLEANUP_FREE char *text = mem_alloc(length);
    memset(text, ' ', length);
    assert_int_equal(parse_tree(text, length - 1), 0);
    assert_int_equal(parse_tree(text, length), -1);
}

static void refuses_too_many_values(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    strbuf_char(&text, '[');
    for (int i = 0; i < YAML_TREE_MAX_NODES; i++)
        strbuf_str(&text, "0,");
    strbuf_char(&text, ']');
    assert_true(strbuf_ok(&text));
    assert_int_equal(parse_tree(strbuf_text(&text), text.length), -1);
}

/* ---- files ---- */

struct folder {
    char path[64];
};

static char *path_in(const struct folder *folder, const char *name)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    strbuf_format(&path, "%s/%s", folder->path, name);
    return strbuf_take(&path);
}

static void write_file(const struct folder *folder, const char *name, const char *text)
{
    CLEANUP_FREE char *path = path_in(folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_folders(const struct folder *folder, const char *name)
{
    CLEANUP_FREE char *path = path_in(folder, name);
    for (char *slash = path + strlen(folder->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    assert_int_equal(mkdir(path, 0700), 0);
}

static int make_folder(void **state)
{
    struct folder *folder = mem_alloc(sizeof *folder);
    snprintf(folder->path, sizeof folder->path, "/tmp/kubeconfig-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

#define POD "var/run/secrets/kubernetes.io/serviceaccount"

static int remove_folder(void **state)
{
    static const char *const names[] = {"config",
                                        "ca.crt",
                                        "admin.crt",
                                        "admin.key",
                                        POD "/ca.crt",
                                        POD "/token",
                                        POD "/namespace",
                                        POD,
                                        "var/run/secrets/kubernetes.io",
                                        "var/run/secrets",
                                        "var/run",
                                        "var",
                                        ""};
    struct folder *folder = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP_FREE char *path = path_in(folder, names[i]);
        remove(path);
    }
    mem_free(folder);
    return 0;
}

static const char with_files[] = "current-context: main\n"
                                 "contexts: [{name: main, context: {cluster: c, user: u}}]\n"
                                 "clusters: [{name: c, cluster: {server: 'https://a:1',\n"
                                 "  certificate-authority: ca.crt}}]\n"
                                 "users: [{name: u, user: {client-certificate: admin.crt,\n"
                                 "  client-key: admin.key}}]\n";

static void load_fails(const struct folder *folder, const char *with)
{
    CLEANUP_FREE char *path = path_in(folder, "config");
    struct kubeconfig config;
    struct error err;
    assert_int_equal(kubeconfig_load(path, NULL, &config, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.text, with) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, with);
}

static void loads_files_beside_it(void **state)
{
    const struct folder *folder = *state;
    CLEANUP_FREE char *path = path_in(folder, "config");
    write_file(folder, "config", with_files);
    write_file(folder, "ca.crt", CERTIFICATE);
    write_file(folder, "admin.crt", CERTIFICATE CERTIFICATE);
    write_file(folder, "admin.key", KEY);
    struct kubeconfig config;
    struct error err;
    assert_int_equal(kubeconfig_load(path, "", &config, &err), 0);
    assert_string_equal(config.ca_pem, CERTIFICATE);
    assert_string_equal(config.cert_pem, CERTIFICATE CERTIFICATE);
    assert_string_equal(config.key_pem, KEY);
    kubeconfig_release(&config);
}

static void names_the_line_of_a_missing_file(void **state)
{
    const struct folder *folder = *state;
    load_fails(folder, "No such file");
    write_file(folder, "config", with_files);
    load_fails(folder, "config:4: cannot open");
    write_file(folder, "ca.crt", CERTIFICATE);
    load_fails(folder, "config:5: cannot open");
    write_file(folder, "admin.crt", CERTIFICATE);
    write_file(folder, "admin.key", CERTIFICATE);
    load_fails(folder, "admin.key is not PEM");
}

/* ---- in a pod ---- */

static void pod_fails(const struct folder *folder, const char *host, const char *port,
                      const char *with)
{
    struct kubeconfig config;
    struct error err;
    assert_int_equal(kubeconfig_in_cluster(folder->path, host, port, &config, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (strstr(err.text, with) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, with);
}

static void reads_what_a_pod_has(void **state)
{
    const struct folder *folder = *state;
    CLEANUP_FREE char *token = path_in(folder, POD "/token");
    struct kubeconfig config;
    struct error err;
    make_folders(folder, POD);
    write_file(folder, POD "/ca.crt", CERTIFICATE);
    write_file(folder, POD "/token", "abc");
    write_file(folder, POD "/namespace", "podbind-system\n");
    assert_int_equal(kubeconfig_in_cluster(folder->path, "10.0.0.1", "443", &config, &err), 0);
    assert_string_equal(config.server, "https://10.0.0.1:443");
    assert_string_equal(config.ca_pem, CERTIFICATE);
    assert_string_equal(config.token_file, token);
    assert_string_equal(config.token, "");
    assert_string_equal(config.namespace, "podbind-system");
    assert_string_equal(config.proxy_url, "");
    kubeconfig_release(&config);
    assert_int_equal(kubeconfig_in_cluster(folder->path, "fd00::1", "443", &config, &err), 0);
    assert_string_equal(config.server, "https://[fd00::1]:443");
    kubeconfig_release(&config);
}

static void says_what_a_pod_lacks(void **state)
{
    const struct folder *folder = *state;
    make_folders(folder, POD);
    pod_fails(folder, NULL, "443", "KUBERNETES_SERVICE_HOST");
    pod_fails(folder, "10.0.0.1", "", "KUBERNETES_SERVICE_PORT");
    pod_fails(folder, "10.0.0.1", "http", "KUBERNETES_SERVICE_HOST");
    pod_fails(folder, "10.0.0.1", "443", "ca.crt: No such file");
    write_file(folder, POD "/ca.crt", "hello");
    pod_fails(folder, "10.0.0.1", "443", "ca.crt is not PEM");
    write_file(folder, POD "/ca.crt", CERTIFICATE);
    pod_fails(folder, "10.0.0.1", "443", "token: No such file");
}

static void knows_no_namespace_rather_than_a_wrong_one(void **state)
{
    const struct folder *folder = *state;
    static const char *const texts[] = {NULL, "", "Not A Name", "../etc"};
    make_folders(folder, POD);
    write_file(folder, POD "/ca.crt", CERTIFICATE);
    write_file(folder, POD "/token", "abc");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct kubeconfig config;
        struct error err;
        if (texts[i] != NULL)
            write_file(folder, POD "/namespace", texts[i]);
        assert_int_equal(kubeconfig_in_cluster(folder->path, "a", "1", &config, &err), 0);
        assert_string_equal(config.namespace, "");
        kubeconfig_release(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_large_files),
        cmocka_unit_test(refuses_too_many_values),
        cmocka_unit_test_setup_teardown(loads_files_beside_it, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(names_the_line_of_a_missing_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(reads_what_a_pod_has, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(says_what_a_pod_lacks, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(knows_no_namespace_rather_than_a_wrong_one, make_folder,
                                        remove_folder),
    };
    return aws_cases_run("kubeconfig", tests, sizeof tests / sizeof *tests, reads_case);
}
