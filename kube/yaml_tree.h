/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_tree - a small YAML file as a tree of texts, maps and lists, each with its line.
 *
 * Over libyaml's event interface. JSON is YAML too. Refused, with file, line and what was
 * expected: more than YAML_TREE_MAX_BYTES, deeper than YAML_TREE_MAX_DEPTH, more than
 * YAML_TREE_MAX_NODES nodes, aliases and anchors, a key that is repeated or no plain text, a second
 * document, a NUL or control byte in a text. Scalars are texts as written; null, ~ and nothing are
 * texts too, with `plain_null` set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

#define YAML_TREE_MAX_BYTES ((size_t)1 << 20)
#define YAML_TREE_MAX_DEPTH 16
#define YAML_TREE_MAX_NODES 100000

enum yaml_kind { YAML_TEXT, YAML_MAP, YAML_LIST };

struct yaml_node {
    enum yaml_kind kind;
    unsigned line;           /* from 1 */
    char *key;               /* under a map: its key; otherwise NULL */
    char *text;              /* YAML_TEXT: the value; otherwise NULL */
    bool plain;              /* YAML_TEXT: it was not quoted */
    bool plain_null;         /* an unquoted null, ~ or nothing */
    struct yaml_node *items; /* YAML_MAP, YAML_LIST, in order */
    size_t count;
    size_t capacity;
};

/* Reads one document. `file` is only for messages. An empty document is a map without items.
 * ERROR_INVALID: "<file>:<line>: ...". The root is heap memory, freed by yaml_tree_free(). */
int yaml_tree_parse(const char *bytes, size_t length, const char *file, struct yaml_node **ret_root,
                    struct error *err);
void yaml_tree_free(struct yaml_node *root);
void yaml_tree_free_pointer(struct yaml_node **root);
#define CLEANUP_YAML CLEANUP(yaml_tree_free_pointer)

/* The value of a key, or NULL when the node is no map or has no such key. A NULL node is fine. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);
/* "a text", "a map", "a list": for messages. */
const char *yaml_kind_name(enum yaml_kind kind);
