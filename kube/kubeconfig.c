/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "kube/kube_endpoint.h"
#include "kube/kubeconfig_exec.h"
#include "kube/kubeconfig_reader.h"
#include "kube/proxy_url.h"
#include "kube/yaml_tree.h"

/* A PEM that the file holds as base64 or names by path. */
struct pem_field {
    const char *data_key;
    const char *path_key;
    const char *mark;
    char **text;
    char **path;
    unsigned *line;
};

static int copy_text(const struct kubeconfig_reader *reader, const struct yaml_node *map,
                     const char *key, char **text)
{
    const char *value = "";
    if (kubeconfig_text(reader, map, key, &value) < 0)
        return -1;
    if (strpbrk(value, "\r\n\t") != NULL)
        return REFUSE(reader, yaml_get(map, key)->line, "%s goes over several lines", key);
    kubeconfig_set(text, value);
    return 0;
}

/* ---- clusters, users, contexts: lists of {name: ..., <kind>: {...}} ---- */

/* "a, b, c": what could have been meant. */
static void list_names(const struct yaml_node *list, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < list->count && length < size; i++) {
        const struct yaml_node *name = yaml_get(&list->items[i], "name");
        if (name != NULL && name->kind == YAML_TEXT)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length > 0 ? ", " : "",
                                       name->text);
    }
}

/* The map named `name` in `list_key`; `line` is where it was asked for. */
static int find_map(const struct kubeconfig_reader *reader, const char *list_key, const char *kind,
                    const char *name, unsigned line, const struct yaml_node **ret_map)
{
    const struct yaml_node *list = yaml_get(reader->root, list_key);
    if (!kubeconfig_given(list))
        return REFUSE(reader, line, "there are no %s, expected a list with \"%s\"", list_key, name);
    if (list->kind != YAML_LIST)
        return REFUSE(reader, list->line, "%s is %s, expected a list", list_key,
                      yaml_kind_name(list->kind));
    const struct yaml_node *entry = kubeconfig_named(list, name);
    if (entry == NULL) {
        char names[200];
        list_names(list, names, sizeof names);
        return REFUSE(reader, line, "there is no %s \"%s\", expected one of: %s", kind, name,
                      *names != '\0' ? names : "(none)");
    }
    const struct yaml_node *map = yaml_get(entry, kind);
    if (map == NULL || map->kind != YAML_MAP)
        return REFUSE(reader, entry->line, "%s \"%s\" has no map \"%s\"", kind, name, kind);
    *ret_map = map;
    return 0;
}

/* ---- PEM and paths ---- */

static int decode_pem(const struct kubeconfig_reader *reader, const struct yaml_node *map,
                      const struct pem_field *field, const char *data)
{
    unsigned line = yaml_get(map, field->data_key)->line;
    CLEANUP(strbuf_release) struct strbuf pem = STRBUF_CAPPED(KUBECONFIG_FILE_CAP);
    if (digest_base64_decode(data, strlen(data), &pem) < 0 || !strbuf_ok(&pem))
        return REFUSE(reader, line, "%s is not base64", field->data_key);
    const char *text = strbuf_text(&pem);
    if (strlen(text) != pem.length || strstr(text, field->mark) == NULL)
        return REFUSE(reader, line, "%s is not PEM in base64, expected \"%s\" in it",
                      field->data_key, field->mark);
    kubeconfig_set(field->text, text);
    return 0;
}

/* The data wins over the path, as in client-go. */
static int read_pem(const struct kubeconfig_reader *reader, const struct yaml_node *map,
                    const struct pem_field *field)
{
    const char *data = "", *path = "";
    if (kubeconfig_text(reader, map, field->data_key, &data) < 0 ||
        kubeconfig_text(reader, map, field->path_key, &path) < 0)
        return -1;
    if (*data != '\0')
        return decode_pem(reader, map, field, data);
    if (*path != '\0') {
        *field->path = kubeconfig_resolve(reader->file, path);
        *field->line = yaml_get(map, field->path_key)->line;
    }
    return 0;
}

/* ---- the three parts ---- */

/* In full from here on: the port, and socks5 as libcurl calls it. */
static int check_proxy(const struct kubeconfig_reader *reader, const struct yaml_node *cluster)
{
    char **url = &reader->config->proxy_url;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct proxy_url proxy;
    struct error why;
    if (**url == '\0')
        return 0;
    if (proxy_url_parse(*url, &proxy, &why) < 0)
        return REFUSE(reader, yaml_get(cluster, "proxy-url")->line, "%s", why.text);
    proxy_url_write(&proxy, &text);
    kubeconfig_set(url, strbuf_text(&text));
    return 0;
}

static int check_tls(const struct kubeconfig_reader *reader, const struct yaml_node *cluster)
{
    const struct yaml_node *node = yaml_get(cluster, "insecure-skip-tls-verify");
    if (!kubeconfig_given(node) || (node->kind == YAML_TEXT && strcmp(node->text, "false") == 0))
        return 0;
    return REFUSE(reader, node->line,
                  "insecure-skip-tls-verify is refused, because anybody on the way could then act "
                  "as the cluster; give certificate-authority instead");
}

static int read_cluster(const struct kubeconfig_reader *reader, const struct yaml_node *cluster)
{
    struct kubeconfig *config = reader->config;
    const struct pem_field ca = {"certificate-authority-data", "certificate-authority",
                                 KUBECONFIG_CERTIFICATE,       &config->ca_pem,
                                 &reader->paths->ca.path,      &reader->paths->ca.line};
    if (copy_text(reader, cluster, "server", &config->server) < 0 ||
        copy_text(reader, cluster, "tls-server-name", &config->tls_server_name) < 0 ||
        copy_text(reader, cluster, "proxy-url", &config->proxy_url) < 0 ||
        check_tls(reader, cluster) < 0 || check_proxy(reader, cluster) < 0)
        return -1;
    const struct yaml_node *server = yaml_get(cluster, "server");
    if (*config->server == '\0')
        return REFUSE(reader, cluster->line, "the cluster has no server, expected https://...");
    size_t length = strlen(config->server);
    while (length > 0 && config->server[length - 1] == '/')
        config->server[--length] = '\0';
    struct kube_endpoint endpoint;
    struct error why;
    if (kube_endpoint_parse(config->server, &endpoint, &why) < 0)
        return REFUSE(reader, server->line, "%s", why.text);
    return read_pem(reader, cluster, &ca);
}

static int refuse_unsupported(const struct kubeconfig_reader *reader, const struct yaml_node *user)
{
    static const char *const fields[] = {"auth-provider", "username",  "password",     "as",
                                         "as-uid",        "as-groups", "as-user-extra"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const struct yaml_node *node = yaml_get(user, fields[i]);
        if (kubeconfig_given(node))
            return REFUSE(reader, node->line,
                          "the user's \"%s\" is not supported, expected client-certificate and "
                          "client-key, token, tokenFile or exec",
                          fields[i]);
    }
    return 0;
}

static bool has_one(const char *text, const char *path)
{
    return *text != '\0' || path != NULL;
}

static int read_user(const struct kubeconfig_reader *reader, const struct yaml_node *user)
{
    struct kubeconfig *config = reader->config;
    struct kubeconfig_paths *paths = reader->paths;
    const struct pem_field cert = {"client-certificate-data", "client-certificate",
                                   KUBECONFIG_CERTIFICATE,    &config->cert_pem,
                                   &paths->cert.path,         &paths->cert.line};
    const struct pem_field key = {"client-key-data", "client-key",     KUBECONFIG_KEY,
                                  &config->key_pem,  &paths->key.path, &paths->key.line};
    const char *token_file = "";
    if (refuse_unsupported(reader, user) < 0 || read_pem(reader, user, &cert) < 0 ||
        read_pem(reader, user, &key) < 0 || copy_text(reader, user, "token", &config->token) < 0 ||
        kubeconfig_text(reader, user, "tokenFile", &token_file) < 0)
        return -1;
    bool has_cert = has_one(config->cert_pem, paths->cert.path);
    if (has_cert != has_one(config->key_pem, paths->key.path))
        return REFUSE(reader, user->line, "the user has a %s without a %s",
                      has_cert ? "client-certificate" : "client-key",
                      has_cert ? "client-key" : "client-certificate");
    if (*token_file != '\0') {
        mem_free(config->token_file);
        config->token_file = kubeconfig_resolve(reader->file, token_file);
        kubeconfig_set(&config->token, "");
    }
    return 0;
}

static int choose_context(const struct kubeconfig_reader *reader, const char *context,
                          unsigned *ret_line)
{
    const struct yaml_node *current = yaml_get(reader->root, "current-context");
    *ret_line = current != NULL ? current->line : 1;
    if (context != NULL && *context != '\0') {
        kubeconfig_set(&reader->config->context, context);
        *ret_line = 1;
        return 0;
    }
    if (copy_text(reader, reader->root, "current-context", &reader->config->context) < 0)
        return -1;
    if (*reader->config->context == '\0')
        return REFUSE(reader, *ret_line, "no current-context, and no context was asked for");
    return 0;
}

static int read_context(const struct kubeconfig_reader *reader, const char *context)
{
    const struct yaml_node *map = NULL, *cluster = NULL, *user = NULL;
    const char *cluster_name = "", *user_name = "";
    unsigned line = 1;
    if (reader->root->kind != YAML_MAP)
        return REFUSE(reader, reader->root->line, "%s, expected a map with clusters and contexts",
                      yaml_kind_name(reader->root->kind));
    if (choose_context(reader, context, &line) < 0 ||
        find_map(reader, "contexts", "context", reader->config->context, line, &map) < 0 ||
        kubeconfig_text(reader, map, "cluster", &cluster_name) < 0 ||
        kubeconfig_text(reader, map, "user", &user_name) < 0 ||
        copy_text(reader, map, "namespace", &reader->config->namespace) < 0)
        return -1;
    if (*cluster_name == '\0')
        return REFUSE(reader, map->line, "the context \"%s\" has no cluster",
                      reader->config->context);
    if (find_map(reader, "clusters", "cluster", cluster_name, map->line, &cluster) < 0 ||
        read_cluster(reader, cluster) < 0)
        return -1;
    if (*user_name == '\0')
        return 0;
    if (find_map(reader, "users", "user", user_name, map->line, &user) < 0)
        return -1;
    if (kubeconfig_given(yaml_get(user, "exec")) &&
        kubeconfig_exec_read(reader, user, user_name, cluster, &reader->config->exec) < 0)
        return -1;
    return read_user(reader, user);
}

/* ---- the whole ---- */

int kubeconfig_parse(const char *bytes, size_t length, const char *file, const char *context,
                     struct kubeconfig *ret_config, struct kubeconfig_paths *ret_paths,
                     struct error *err)
{
    CLEANUP_YAML struct yaml_node *root = NULL;
    if (yaml_tree_parse(bytes, length, file, &root, err) < 0)
        return -1;
    struct kubeconfig config;
    struct kubeconfig_paths paths = {0};
    kubeconfig_init(&config);
    const struct kubeconfig_reader reader = {
        .file = file, .root = root, .config = &config, .paths = &paths, .err = err};
    if (read_context(&reader, context) < 0) {
        kubeconfig_release(&config);
        kubeconfig_paths_release(&paths);
        return -1;
    }
    *ret_config = config;
    *ret_paths = paths;
    return 0;
}
