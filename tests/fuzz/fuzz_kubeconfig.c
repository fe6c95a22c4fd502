/* SPDX-License-Identifier: Apache-2.0 */
/* A kubeconfig, and any small YAML. What is read has no text missing, and can be written as JSON. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/kubeconfig.h"
#include "kube/kubeconfig_exec.h"
#include "kube/yaml_json.h"
#include "kube/yaml_tree.h"
#include "tests/fuzz/fuzzing.h"

static void check_invalid(const struct error *err)
{
    FUZZ_CHECK(err->kind == ERROR_INVALID, "a file is read or invalid");
    fuzzing_check_error(err);
    FUZZ_CHECK(strncmp(err->text, "kubeconfig", 10) == 0, "the sentence begins with the file");
}

static void check_exec(const struct kubeconfig_exec *exec)
{
    FUZZ_CHECK(exec->argv[0] && *exec->argv[0], "a plugin has a command");
    FUZZ_CHECK(strcmp(exec->api_version, KUBECONFIG_EXEC_V1) == 0 ||
                   strcmp(exec->api_version, KUBECONFIG_EXEC_V1BETA1) == 0,
               "a plugin speaks one of two versions");
    for (char *const *entry = exec->env; *entry; entry++)
        FUZZ_CHECK(strchr(*entry, '='), "a variable has a name and a value");
}

static void check_config(const struct kubeconfig *config)
{
    FUZZ_CHECK(*config->server && config->server[strlen(config->server) - 1] != '/',
               "a server is there, without a slash at its end");
    fuzzing_check_line(config->server);
    fuzzing_check_line(config->token);
    fuzzing_check_line(config->token_file);
    fuzzing_check_line(config->proxy_url);
    fuzzing_check_line(config->tls_server_name);
    fuzzing_check_line(config->context);
    FUZZ_CHECK(config->ca_pem && config->cert_pem && config->key_pem && config->namespace,
               "no text is NULL");
    FUZZ_CHECK(!*config->token || !*config->token_file, "a token is given once");
    if (config->exec)
        check_exec(config->exec);
}

static void check_kubeconfig(const char *bytes, size_t length, const char *context)
{
    CLEANUP(kubeconfig_release) struct kubeconfig config = {0};
    CLEANUP(kubeconfig_paths_release) struct kubeconfig_paths paths = {0};
    struct error err;

    if (kubeconfig_parse(bytes, length, "kubeconfig", context, &config, &paths, &err) < 0)
        check_invalid(&err);
    else
        check_config(&config);
}

static void check_yaml(const char *bytes, size_t length)
{
    CLEANUP_YAML struct yaml_node *root = NULL;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err;
    json_error_t why;

    if (yaml_tree_parse(bytes, length, "kubeconfig", &root, &err) < 0) {
        check_invalid(&err);
        return;
    }
    yaml_json_write(root, &text);
    CLEANUP_JSON json_t *document =
        json_loadb(strbuf_text(&text), text.length,
                   JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &why);
    /* 1e999 is JSON, though no double holds it. */
    bool too_large = !document && json_error_code(&why) == json_error_numeric_overflow;
    FUZZ_CHECK(document || too_large || !strbuf_ok(&text), "a YAML tree is JSON too");
}

void fuzz_one(const char *bytes, size_t length)
{
    check_kubeconfig(bytes, length, NULL);
    check_kubeconfig(bytes, length, "blue");
    check_yaml(bytes, length);
}
