/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/strbuf.h"
#include "kube/file_text.h"
#include "kube/kube_endpoint.h"
#include "kube/kube_name.h"
#include "kube/kubeconfig.h"
#include "kube/kubeconfig_exec.h"
#include "kube/kubeconfig_reader.h"

#define POD_DIRECTORY "/var/run/secrets/kubernetes.io/serviceaccount"

void kubeconfig_init(struct kubeconfig *config)
{
    *config = (struct kubeconfig){0};
    char **const texts[] = {&config->server,    &config->ca_pem,          &config->cert_pem,
                            &config->key_pem,   &config->token,           &config->token_file,
                            &config->proxy_url, &config->tls_server_name, &config->namespace,
                            &config->context};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = mem_strdup("");
}

static int read_pem_file(const char *file, const char *path, unsigned line, const char *mark,
                         char **text, struct error *err)
{
    if (path == NULL)
        return 0;
    CLEANUP(strbuf_release) struct strbuf pem = STRBUF_CAPPED(KUBECONFIG_FILE_CAP);
    if (file_text_read(path, KUBECONFIG_FILE_CAP, &pem, err) < 0)
        return error_wrap(err, "%s:%u", file, line);
    if (strstr(strbuf_text(&pem), mark) == NULL)
        return error_set(err, ERROR_INVALID, "%s:%u: %s is not PEM, expected \"%s\" in it", file,
                         line, path, mark);
    kubeconfig_set(text, strbuf_text(&pem));
    return 0;
}

int kubeconfig_load(const char *file, const char *context, struct kubeconfig *ret_config,
                    struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(KUBECONFIG_FILE_CAP);
    CLEANUP(kubeconfig_paths_release) struct kubeconfig_paths paths = {0};
    struct kubeconfig config;
    if (file_text_read(file, KUBECONFIG_FILE_CAP, &text, err) < 0)
        return error_wrap(err, "kubeconfig");
    if (kubeconfig_parse(strbuf_text(&text), text.length, file, context, &config, &paths, err) < 0)
        return -1;
    if (read_pem_file(file, paths.ca.path, paths.ca.line, KUBECONFIG_CERTIFICATE, &config.ca_pem,
                      err) ||
        read_pem_file(file, paths.cert.path, paths.cert.line, KUBECONFIG_CERTIFICATE,
                      &config.cert_pem, err) ||
        read_pem_file(file, paths.key.path, paths.key.line, KUBECONFIG_KEY, &config.key_pem, err)) {
        kubeconfig_release(&config);
        return -1;
    }
    *ret_config = config;
    return 0;
}

/* ---- in a pod ---- */

/* "host:port" of the environment as a URL; an IPv6 address comes bare there. */
static int pod_server(const char *host, const char *port, char **server, struct error *err)
{
    if (host == NULL || *host == '\0' || port == NULL || *port == '\0')
        return error_set(
            err, ERROR_INVALID,
            "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
            "not both set; give a kubeconfig");
    bool bare_ipv6 = strchr(host, ':') != NULL && *host != '[';
    CLEANUP(strbuf_release) struct strbuf url = {0};
    strbuf_format(&url, bare_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
    struct kube_endpoint endpoint;
    if (kube_endpoint_parse(strbuf_text(&url), &endpoint, err) < 0)
        return error_wrap(err, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT");
    kubeconfig_set(server, strbuf_text(&url));
    return 0;
}

static char *pod_path(const char *root, const char *name)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    strbuf_format(&path, "%s" POD_DIRECTORY "/%s", root, name);
    return strbuf_take(&path);
}

static int read_pod_ca(const char *root, char **ca_pem, struct error *err)
{
    CLEANUP_FREE char *path = pod_path(root, "ca.crt");
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(KUBECONFIG_FILE_CAP);
    if (file_text_read(path, KUBECONFIG_FILE_CAP, &text, err) < 0)
        return -1;
    if (strstr(strbuf_text(&text), KUBECONFIG_CERTIFICATE) == NULL)
        return error_set(err, ERROR_INVALID, "%s is not PEM, expected \"%s\" in it", path,
                         KUBECONFIG_CERTIFICATE);
    kubeconfig_set(ca_pem, strbuf_text(&text));
    return 0;
}

static int read_pod_token(const char *root, char **token_file, struct error *err)
{
    CLEANUP_FREE char *path = pod_path(root, "token");
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(KUBECONFIG_FILE_CAP);
    if (file_text_read(path, KUBECONFIG_FILE_CAP, &text, err) < 0)
        return -1;
    kubeconfig_set(token_file, path);
    return 0;
}

/* Without the file, or with something else in it, the namespace is just not known. */
static void read_pod_namespace(const char *root, char **namespace)
{
    CLEANUP_FREE char *path = pod_path(root, "namespace");
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(1024);
    struct error ignored;
    if (file_text_read(path, 1024, &text, &ignored) < 0)
        return;
    CLEANUP_FREE char *name = strbuf_take(&text);
    name[strcspn(name, " \t\r\n")] = '\0';
    if (kube_name_valid(name))
        kubeconfig_set(namespace, name);
}

int kubeconfig_in_cluster(const char *root, const char *host, const char *port,
                          struct kubeconfig *ret_config, struct error *err)
{
    struct kubeconfig config;
    kubeconfig_init(&config);
    if (pod_server(host, port, &config.server, err) < 0 ||
        read_pod_ca(root, &config.ca_pem, err) < 0 ||
        read_pod_token(root, &config.token_file, err) < 0) {
        kubeconfig_release(&config);
        return error_wrap(err, "in-cluster configuration");
    }
    read_pod_namespace(root, &config.namespace);
    *ret_config = config;
    return 0;
}

/* ---- life ---- */

void kubeconfig_paths_release(struct kubeconfig_paths *paths)
{
    mem_free(paths->ca.path);
    mem_free(paths->cert.path);
    mem_free(paths->key.path);
    *paths = (struct kubeconfig_paths){0};
}

void kubeconfig_release(struct kubeconfig *config)
{
    char *const texts[] = {config->server,    config->ca_pem,          config->cert_pem,
                           config->key_pem,   config->token,           config->token_file,
                           config->proxy_url, config->tls_server_name, config->namespace,
                           config->context};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
    kubeconfig_exec_free(config->exec);
    *config = (struct kubeconfig){0};
}
