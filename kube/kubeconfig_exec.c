/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig_exec.h"

#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "kube/kubeconfig_reader.h"
#include "kube/yaml_json.h"

#define EXTENSION "client.authentication.k8s.io/exec"
#define WORDS_MAX 256 /* arguments, and variables */
#define WORD_CAP ((size_t)64 << 10)
#define CLUSTER_CONFIG_CAP ((size_t)64 << 10)

/* One plugin being read. */
struct exec_reader {
    const struct kubeconfig_reader *reader;
    const char *user;
    const struct yaml_node *map;
    struct kubeconfig_exec *exec;
};

static void free_words(char **words)
{
    for (size_t i = 0; words != NULL && words[i] != NULL; i++)
        mem_free(words[i]);
    mem_free(words);
}

void kubeconfig_exec_free(struct kubeconfig_exec *exec)
{
    if (exec == NULL)
        return;
    free_words(exec->argv);
    free_words(exec->env);
    mem_free(exec->user);
    mem_free(exec->install_hint);
    mem_free(exec->cluster_config);
    mem_free(exec);
}

static void free_pointer(struct kubeconfig_exec **exec)
{
    kubeconfig_exec_free(*exec);
}

static unsigned line_of(const struct exec_reader *from, const char *key)
{
    const struct yaml_node *node = yaml_get(from->map, key);
    return node != NULL ? node->line : from->map->line;
}

static int read_text(const struct exec_reader *from, const char *key, const char **ret_text)
{
    const struct yaml_node *node = yaml_get(from->map, key);
    if (kubeconfig_given(node) && node->kind != YAML_TEXT)
        return REFUSE(from->reader, node->line, "user \"%s\": exec.%s is %s, expected a text",
                      from->user, key, yaml_kind_name(node->kind));
    *ret_text = kubeconfig_given(node) ? node->text : "";
    return 0;
}

/* ---- the members ---- */

static int read_version(const struct exec_reader *from)
{
    const char *text = "";
    if (read_text(from, "apiVersion", &text) < 0)
        return -1;
    if (strcmp(text, KUBECONFIG_EXEC_V1) == 0)
        from->exec->api_version = KUBECONFIG_EXEC_V1;
    else if (strcmp(text, KUBECONFIG_EXEC_V1BETA1) == 0)
        from->exec->api_version = KUBECONFIG_EXEC_V1BETA1;
    else
        return REFUSE(
            from->reader, line_of(from, "apiVersion"),
            "user \"%s\": exec.apiVersion is \"%.64s\", expected " KUBECONFIG_EXEC_V1
            " or " KUBECONFIG_EXEC_V1BETA1
            " (v1alpha1 is no longer served; `aws eks update-kubeconfig` writes a new one)",
            from->user, text);
    return 0;
}

static int check_mode(const struct exec_reader *from)
{
    const char *mode = "";
    if (read_text(from, "interactiveMode", &mode) < 0)
        return -1;
    bool optional = strcmp(from->exec->api_version, KUBECONFIG_EXEC_V1BETA1) == 0;
    if (strcmp(mode, "Never") == 0 || strcmp(mode, "IfAvailable") == 0 ||
        (*mode == '\0' && optional))
        return 0;
    if (strcmp(mode, "Always") == 0)
        return REFUSE(from->reader, line_of(from, "interactiveMode"),
                      "user \"%s\": exec.interactiveMode is Always, but there is no terminal here: "
                      "expected Never or IfAvailable, and a plugin that asks nobody",
                      from->user);
    return REFUSE(from->reader, line_of(from, "interactiveMode"),
                  "user \"%s\": exec.interactiveMode is \"%.32s\", expected Never or IfAvailable",
                  from->user, mode);
}

static int read_flag(const struct exec_reader *from)
{
    const char *text = "";
    if (read_text(from, "provideClusterInfo", &text) < 0)
        return -1;
    from->exec->provide_cluster_info = strcmp(text, "true") == 0;
    if (*text == '\0' || strcmp(text, "false") == 0 || from->exec->provide_cluster_info)
        return 0;
    return REFUSE(from->reader, line_of(from, "provideClusterInfo"),
                  "user \"%s\": exec.provideClusterInfo is \"%.32s\", expected true or false",
                  from->user, text);
}

/* The list under a key, NULL when there is none. */
static int list_at(const struct exec_reader *from, const char *key, const struct yaml_node **ret)
{
    const struct yaml_node *list = yaml_get(from->map, key);
    if (!kubeconfig_given(list)) {
        *ret = NULL;
        return 0;
    }
    if (list->kind != YAML_LIST)
        return REFUSE(from->reader, list->line, "user \"%s\": exec.%s is %s, expected a list",
                      from->user, key, yaml_kind_name(list->kind));
    if (list->count > WORDS_MAX)
        return REFUSE(from->reader, list->line, "user \"%s\": exec.%s has more than %d items",
                      from->user, key, WORDS_MAX);
    *ret = list;
    return 0;
}

static int read_argv(const struct exec_reader *from)
{
    const struct yaml_node *list = NULL;
    const char *command = "";
    if (read_text(from, "command", &command) < 0 || list_at(from, "args", &list) < 0)
        return -1;
    if (*command == '\0')
        return REFUSE(from->reader, line_of(from, "command"),
                      "user \"%s\": exec.command is missing, expected a program", from->user);
    size_t count = list != NULL ? list->count : 0;
    char **argv = from->exec->argv = mem_array(count + 2, sizeof *argv);
    argv[0] = strchr(command, '/') != NULL ? kubeconfig_resolve(from->reader->file, command)
                                           : mem_strdup(command);
    for (size_t i = 0; i < count; i++) {
        if (list->items[i].kind != YAML_TEXT)
            return REFUSE(from->reader, list->items[i].line,
                          "user \"%s\": an item of exec.args is %s, expected a text", from->user,
                          yaml_kind_name(list->items[i].kind));
        argv[i + 1] = mem_strdup(list->items[i].text);
    }
    return 0;
}

/* {name: ..., value: ...} */
static int read_variable(const struct exec_reader *from, const struct yaml_node *item,
                         char **ret_variable)
{
    const struct yaml_node *name = yaml_get(item, "name"), *value = yaml_get(item, "value");
    bool named = name != NULL && name->kind == YAML_TEXT && *name->text != '\0' &&
                 strchr(name->text, '=') == NULL;
    if (!named || (kubeconfig_given(value) && value->kind != YAML_TEXT))
        return REFUSE(from->reader, item->line,
                      "user \"%s\": an item of exec.env is no {name, value} of texts", from->user);
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(WORD_CAP);
    strbuf_format(&text, "%s=%s", name->text, kubeconfig_given(value) ? value->text : "");
    if (!strbuf_ok(&text))
        return REFUSE(from->reader, item->line,
                      "user \"%s\": an item of exec.env is larger than %zu bytes", from->user,
                      WORD_CAP);
    *ret_variable = strbuf_take(&text);
    return 0;
}

static int read_env(const struct exec_reader *from)
{
    const struct yaml_node *list = NULL;
    if (list_at(from, "env", &list) < 0)
        return -1;
    size_t count = list != NULL ? list->count : 0;
    from->exec->env = mem_array(count + 1, sizeof *from->exec->env);
    for (size_t i = 0; i < count; i++) {
        if (read_variable(from, &list->items[i], &from->exec->env[i]) < 0)
            return -1;
    }
    return 0;
}

/* What the cluster has for plugins, as JSON. */
static int read_cluster_config(const struct exec_reader *from, const struct yaml_node *cluster)
{
    const struct yaml_node *list = yaml_get(cluster, "extensions");
    const struct yaml_node *entry = kubeconfig_named(
        kubeconfig_given(list) && list->kind == YAML_LIST ? list : NULL, EXTENSION);
    const struct yaml_node *config = yaml_get(entry, "extension");
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(CLUSTER_CONFIG_CAP);
    if (from->exec->provide_cluster_info && kubeconfig_given(config))
        yaml_json_write(config, &text);
    if (!strbuf_ok(&text))
        return REFUSE(from->reader, config->line,
                      "the cluster's extension " EXTENSION " is larger than %zu bytes",
                      CLUSTER_CONFIG_CAP);
    from->exec->cluster_config = strbuf_take(&text);
    return 0;
}

static int check_alone(const struct exec_reader *from, const struct yaml_node *user)
{
    static const char *const others[] = {
        "token",      "tokenFile",      "client-certificate", "client-certificate-data",
        "client-key", "client-key-data"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const struct yaml_node *node = yaml_get(user, others[i]);
        if (kubeconfig_given(node))
            return REFUSE(from->reader, node->line,
                          "user \"%s\" has %s beside exec, expected only one of them", from->user,
                          others[i]);
    }
    return 0;
}

int kubeconfig_exec_read(const struct kubeconfig_reader *reader, const struct yaml_node *user,
                         const char *user_name, const struct yaml_node *cluster,
                         struct kubeconfig_exec **ret_exec)
{
    CLEANUP(free_pointer) struct kubeconfig_exec *exec = mem_alloc(sizeof *exec);
    const struct exec_reader from = {
        .reader = reader, .user = user_name, .map = yaml_get(user, "exec"), .exec = exec};
    const char *hint = "";
    if (from.map->kind != YAML_MAP)
        return REFUSE(reader, from.map->line, "user \"%s\": exec is %s, expected a map", user_name,
                      yaml_kind_name(from.map->kind));
    if (read_version(&from) < 0 || check_mode(&from) < 0 || read_flag(&from) < 0 ||
        read_argv(&from) < 0 || read_env(&from) < 0 || read_text(&from, "installHint", &hint) < 0 ||
        read_cluster_config(&from, cluster) < 0 || check_alone(&from, user) < 0)
        return -1;
    exec->user = mem_strdup(user_name);
    exec->install_hint = mem_strdup(hint);
    *ret_exec = exec;
    exec = NULL;
    return 0;
}
