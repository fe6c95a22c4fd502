/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig - how to reach one API server, and as whom: from a kubeconfig file or from what
 * Kubernetes mounts into every pod.
 *
 * Nothing here reads the environment. Every error is ERROR_INVALID and says the file, the line and
 * what was expected. Refused with a sentence: insecure-skip-tls-verify, and in the user of the
 * selected context auth-provider, username and impersonation, which are not supported (other
 * contexts may use them). Unknown fields are skipped, as kubectl does. What is taken of `exec` says
 * kube/kubeconfig_exec.
 *
 * Source: k8s.io/client-go tools/clientcmd/api/v1/types.go and rest/config.go (InClusterConfig).
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

#define KUBECONFIG_FILE_CAP ((size_t)1 << 20)
struct kubeconfig_exec; /* kube/kubeconfig_exec.h */

/* What must stand in a PEM of that kind. */
#define KUBECONFIG_CERTIFICATE "-----BEGIN CERTIFICATE-----"
#define KUBECONFIG_KEY "PRIVATE KEY-----"

/* Texts are owned and never NULL after a successful call; "" is absent. */
struct kubeconfig {
    char *server;   /* "https://host:port/prefix", no slash at the end; an IPv6 host in brackets */
    char *ca_pem;   /* "": the system's bundle */
    char *cert_pem; /* client certificate with its chain; "" : none */
    char *key_pem;  /* its key */
    char *token;    /* bearer token; "" when token_file is set or none is used */
    char *token_file; /* absolute, or relative to the working directory: read again and again */
    char *proxy_url;  /* in full, see kube/proxy_url.h; "": never a proxy */
    char *tls_server_name; /* name for SNI and the certificate check instead of the server's host */
    char *namespace;       /* of the context, or of the pod; "" when not said */
    char *context;         /* name of the context used; "" in-cluster */
    struct kubeconfig_exec *exec; /* the credential plugin, owned; NULL: none */
};

/* Every text is "". */
void kubeconfig_init(struct kubeconfig *config);

/* Reads a kubeconfig from bytes, without touching a file. What the selected context names by path
 * is left in ret_paths for kubeconfig_load() to read. `file` is for messages and gives the
 * directory for relative paths. `context`: "" or NULL for current-context. */
struct kubeconfig_paths {
    struct {
        char *path; /* resolved against the kubeconfig's directory; NULL: not given */
        unsigned line;
    } ca, cert, key;
};
int kubeconfig_parse(const char *bytes, size_t length, const char *file, const char *context,
                     struct kubeconfig *ret_config, struct kubeconfig_paths *ret_paths,
                     struct error *err);
void kubeconfig_paths_release(struct kubeconfig_paths *paths);

/* Reads the kubeconfig at `file`, and the files that it names (each at most 1 MiB). */
int kubeconfig_load(const char *file, const char *context, struct kubeconfig *ret_config,
                    struct error *err);

/* The configuration of a pod: `host` and `port` are KUBERNETES_SERVICE_HOST and _PORT; ca.crt,
 * token and namespace lie in <root>/var/run/secrets/kubernetes.io/serviceaccount (root is "" but
 * in tests). The token file must exist. */
int kubeconfig_in_cluster(const char *root, const char *host, const char *port,
                          struct kubeconfig *ret_config, struct error *err);

void kubeconfig_release(struct kubeconfig *config);
