/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig_exec.h"
#include "tests/unit/aws_cases.h"

#define SHOWN 80

/* ---- cases: what a plugin printed, and what is made of it ---- */

static void add_field(struct strbuf *text, const char *name, const char *value)
{
    size_t length = strlen(value);
    if (length == 0)
        return;
    strbuf_format(text, "%s: ", name);
    if (length > SHOWN)
        strbuf_format(text, "(%zu bytes)", length);
    else
        strbuf_json(text, value);
    strbuf_char(text, '\n');
}

static void describe(const struct exec_credential *credential, struct strbuf *text)
{
    char expires[CLOCK_TEXT_SIZE] = "";
    if (credential->expires_us != 0)
        clock_format_us(credential->expires_us, expires);
    add_field(text, "token", credential->token);
    add_field(text, "certificate", credential->cert_pem);
    add_field(text, "key", credential->key_pem);
    add_field(text, "expires", expires);
}

static void read_answer(const char *bytes, size_t length, const char *version, struct strbuf *text)
{
    struct exec_credential *credential = NULL;
    struct error err;
    if (exec_credential_read(bytes, length, version, &credential, &err) < 0) {
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_null(strstr(err.text, "secr"));
        strbuf_format(text, "error: %s\n", err.text);
        return;
    }
    describe(credential, text);
    exec_credential_drop(credential);
}

static void reads_case(void **state)
{
    const char *folder = *state;
    size_t length;
    CLEANUP_FREE char *answer = aws_cases_read(folder, "answer", &length);
    CLEANUP_FREE char *expected = aws_cases_read(folder, "expected", NULL);
    CLEANUP_FREE char *version = aws_cases_read(folder, "version", NULL);
    if (version != NULL)
        version[strcspn(version, "\n")] = '\0';
    CLEANUP(strbuf_release) struct strbuf text = {0};
    CLEANUP_FREE char *bytes = mem_dup(answer, length + 1);
    read_answer(bytes, length, version != NULL ? version : KUBECONFIG_EXEC_V1, &text);
    assert_non_null(expected);
    assert_string_equal(strbuf_text(&text), expected);
}

static void refuses_every_cut(void **state)
{
    (void)state;
    size_t length;
    CLEANUP_FREE char *answer =
        aws_cases_read("tests/cases/execcredential/both", "answer", &length);
    for (size_t cut = 0; cut + 2 < length; cut++) {
        CLEANUP(strbuf_release) struct strbuf text = {0};
        CLEANUP_FREE char *bytes = mem_dup(answer, cut); /* its own block: over-reads show */
        read_answer(bytes, cut, KUBECONFIG_EXEC_V1, &text);
        assert_memory_equal(strbuf_text(&text), "error: ", 7);
    }
}

static void refuses_more_than_the_cap(void **state)
{
    (void)state;
    CLEANUP_FREE char *bytes = mem_alloc(EXEC_CREDENTIAL_CAP + 1);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    memset(bytes, ' ', EXEC_CREDENTIAL_CAP + 1);
    read_answer(bytes, EXEC_CREDENTIAL_CAP + 1, KUBECONFIG_EXEC_V1, &text);
    assert_string_equal(strbuf_text(&text), "error: the answer is larger than 131072 bytes\n");
}

static void is_kept_while_held(void **state)
{
    (void)state;
    struct exec_credential *credential = NULL;
    struct error err;
    size_t length;
    CLEANUP_FREE char *answer =
        aws_cases_read("tests/cases/execcredential/token", "answer", &length);
    assert_int_equal(exec_credential_read(answer, length, KUBECONFIG_EXEC_V1, &credential, &err),
                     0);
    exec_credential_drop(exec_credential_hold(credential));
    assert_string_equal(credential->token, "k8s-aws-v1.aHR0cHM6Ly9zdHM");
    exec_credential_drop(credential);
    exec_credential_drop(NULL);
}

/* ---- what a plugin is told ---- */

static void expect_info(const char *cluster, const char *expected)
{
    CLEANUP(strbuf_release) struct strbuf file = {0}, text = {0};
    struct kubeconfig_paths paths = {0};
    struct kubeconfig config;
    struct error err;
    strbuf_format(&file,
                  "clusters: [{name: c, cluster: {server: \"https://kube.example\"%s]\n"
                  "users: [{name: u, user: {exec: {apiVersion: %s, command: x, interactiveMode: "
                  "Never, provideClusterInfo: %s}}}]\n"
                  "contexts: [{name: main, context: {cluster: c, user: u}}]\n"
                  "current-context: main\n",
                  cluster, KUBECONFIG_EXEC_V1, strcmp(cluster, "}}") == 0 ? "false" : "true");
    if (kubeconfig_parse(strbuf_text(&file), file.length, "config", NULL, &config, &paths, &err) <
        0)
        fail_msg("%s", err.text);
    exec_credential_info(&config, &text);
    assert_string_equal(strbuf_text(&text), expected);
    kubeconfig_paths_release(&paths);
    kubeconfig_release(&config);
}

#define HEAD                                                                                       \
    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"spec\":{\"interactive\":false"

static void tells_the_plugin(void **state)
{
    (void)state;
    expect_info("}}", HEAD "}}");
    expect_info(", x: y}}", HEAD ",\"cluster\":{\"server\":\"https://kube.example\"}}}");
    expect_info(", tls-server-name: other, certificate-authority-data: "
                "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t, extensions: [{name: "
                "client.authentication.k8s.io/exec, extension: {a: 1, b: [x, true]}}]}}",
                HEAD ",\"cluster\":{\"server\":\"https://kube.example\",\"tls-server-name\":"
                     "\"other\",\"certificate-authority-data\":"
                     "\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\",\"config\":{\"a\":1,\"b\":[\"x\","
                     "true]}}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(refuses_more_than_the_cap),
        cmocka_unit_test(is_kept_while_held),
        cmocka_unit_test(tells_the_plugin),
    };
    return aws_cases_run("execcredential", tests, sizeof tests / sizeof *tests, reads_case);
}
