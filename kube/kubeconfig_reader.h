/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig_reader - inside kube/kubeconfig: a kubeconfig being read, its errors and texts. */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "kube/kubeconfig.h"
#include "kube/yaml_tree.h"

struct kubeconfig_reader {
    const char *file;
    const struct yaml_node *root;
    struct kubeconfig *config;
    struct kubeconfig_paths *paths;
    struct error *err;
};

/* Fills the error with the place and a sentence; the value is -1. */
#define REFUSE(...) (kubeconfig_refuse(__VA_ARGS__), -1)
void kubeconfig_refuse(const struct kubeconfig_reader *reader, unsigned line, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));

/* There, and neither null nor "". */
bool kubeconfig_given(const struct yaml_node *node);
/* The text under a key, "" when it is not given; borrowed from the tree. */
int kubeconfig_text(const struct kubeconfig_reader *reader, const struct yaml_node *map,
                    const char *key, const char **ret_text);
/* Replaces an owned text. */
void kubeconfig_set(char **text, const char *value);
/* The entry {name: ..., ...} of a list that has this name, or NULL. A NULL list is fine. */
const struct yaml_node *kubeconfig_named(const struct yaml_node *list, const char *name);
/* A path as seen from the kubeconfig's directory. Heap text. */
char *kubeconfig_resolve(const char *file, const char *path);
