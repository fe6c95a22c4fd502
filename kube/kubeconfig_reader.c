/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"

void kubeconfig_refuse(const struct kubeconfig_reader *reader, unsigned line, const char *format,
                       ...)
{
    char text[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_set(reader->err, ERROR_INVALID, "%s:%u: %s", reader->file, line, text);
}

bool kubeconfig_given(const struct yaml_node *node)
{
    return node != NULL && !node->plain_null && !(node->kind == YAML_TEXT && *node->text == '\0');
}

int kubeconfig_text(const struct kubeconfig_reader *reader, const struct yaml_node *map,
                    const char *key, const char **ret_text)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (kubeconfig_given(node) && node->kind != YAML_TEXT)
        return REFUSE(reader, node->line, "%s is %s, expected a text", key,
                      yaml_kind_name(node->kind));
    *ret_text = kubeconfig_given(node) ? node->text : "";
    return 0;
}

void kubeconfig_set(char **text, const char *value)
{
    mem_free(*text);
    *text = mem_strdup(value);
}

const struct yaml_node *kubeconfig_named(const struct yaml_node *list, const char *name)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct yaml_node *entry_name = yaml_get(&list->items[i], "name");
        if (entry_name != NULL && entry_name->kind == YAML_TEXT &&
            strcmp(entry_name->text, name) == 0)
            return &list->items[i];
    }
    return NULL;
}

char *kubeconfig_resolve(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    CLEANUP(strbuf_release) struct strbuf text = {0};
    if (*path != '/' && slash != NULL) {
        strbuf_add(&text, file, (size_t)(slash - file) + 1);
        path += strncmp(path, "./", 2) == 0 ? 2 : 0;
    }
    strbuf_str(&text, path);
    return strbuf_take(&text);
}
