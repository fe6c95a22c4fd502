/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/yaml_json.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS "0123456789"

/* Moves over digits; false when there are none. */
static bool skip_digits(const char **text)
{
    size_t count = strspn(*text, DIGITS);
    *text += count;
    return count > 0;
}

/* The grammar of RFC 8259, section 6. */
static bool is_number(const char *text)
{
    text += *text == '-';
    if (*text == '0' && text[1] >= '0' && text[1] <= '9')
        return false;
    if (!skip_digits(&text) || (*text == '.' && (text++, !skip_digits(&text))))
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        if (!skip_digits(&text))
            return false;
    }
    return *text == '\0';
}

static void write_string(const char *value, struct strbuf *text)
{
    strbuf_char(text, '"');
    strbuf_json(text, value);
    strbuf_char(text, '"');
}

static void write_scalar(const struct yaml_node *node, struct strbuf *text)
{
    if (node->plain_null)
        strbuf_str(text, "null");
    else if (node->plain && (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0 ||
                             is_number(node->text)))
        strbuf_str(text, node->text);
    else
        write_string(node->text, text);
}

void yaml_json_write(const struct yaml_node *node, struct strbuf *ret_text)
{
    bool map = node->kind == YAML_MAP;
    if (node->kind == YAML_TEXT) {
        write_scalar(node, ret_text);
        return;
    }
    strbuf_char(ret_text, map ? '{' : '[');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            strbuf_char(ret_text, ',');
        if (map) {
            write_string(node->items[i].key, ret_text);
            strbuf_char(ret_text, ':');
        }
        yaml_json_write(&node->items[i], ret_text);
    }
    strbuf_char(ret_text, map ? '}' : ']');
}
