/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_json - a piece of a YAML tree as JSON text. Pure. */
#pragma once

#include "base/strbuf.h"
#include "kube/yaml_tree.h"

/* Appends the node. Unquoted null, true, false and numbers as JSON writes them become those; any
 * other text is a string. */
void yaml_json_write(const struct yaml_node *node, struct strbuf *ret_text);
