/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubeconfig_exec - the credential plugin that a kubeconfig's user names under `exec`.
 *
 * Taken: apiVersion client.authentication.k8s.io/v1 and v1beta1, command, args, env, installHint,
 * provideClusterInfo, interactiveMode Never and IfAvailable. Refused with a sentence that gives
 * file, line, user and key: v1alpha1, interactiveMode Always (there is no terminal) or none with
 * v1, and a user that has another way to authenticate as well.
 *
 * Source: k8s.io/client-go tools/clientcmd/api/types.go (ExecConfig) and validation.go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define KUBECONFIG_EXEC_V1 "client.authentication.k8s.io/v1"
#define KUBECONFIG_EXEC_V1BETA1 "client.authentication.k8s.io/v1beta1"

struct kubeconfig_reader;
struct yaml_node;

/* Texts are owned and never NULL. */
struct kubeconfig_exec {
    const char *api_version; /* one of the two above */
    char *user;              /* its name in the kubeconfig */
    char **argv; /* ended by NULL; argv[0] is the command: a name to be looked for in PATH, or a
                    path, which is seen from the kubeconfig's directory when it is relative */
    char **env;  /* "NAME=value", ended by NULL */
    char *install_hint;
    char *cluster_config; /* JSON of the cluster's extension for plugins; "": none */
    bool provide_cluster_info;
};

/* Reads the map `exec` of the user. `cluster` is the map of the context's cluster. */
int kubeconfig_exec_read(const struct kubeconfig_reader *reader, const struct yaml_node *user,
                         const char *user_name, const struct yaml_node *cluster,
                         struct kubeconfig_exec **ret_exec);
/* NULL is fine. */
void kubeconfig_exec_free(struct kubeconfig_exec *exec);
