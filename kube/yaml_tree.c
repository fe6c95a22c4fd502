/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/yaml_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* A key is looked for among those before it, so their number is bounded. */
#define MAX_KEYS 1000

struct yaml_reader {
    yaml_parser_t parser;
    const char *bytes;
    size_t length;
    const char *file;
    size_t nodes;
    struct error *err;
};

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

__attribute__((format(printf, 3, 4))) static int fail(struct yaml_reader *reader, unsigned line,
                                                      const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_set(reader->err, ERROR_INVALID, "%s:%u: %s", reader->file, line, text);
}

/* Where the parser stopped. What is no UTF-8 fails before there is a mark. */
static size_t problem_offset(const struct yaml_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t offset =
        parser->error == YAML_READER_ERROR ? parser->problem_offset : parser->problem_mark.index;
    return offset < reader->length ? offset : reader->length;
}

static unsigned problem_line(const struct yaml_reader *reader)
{
    unsigned line = 1;
    if (reader->parser.error != YAML_READER_ERROR)
        return (unsigned)reader->parser.problem_mark.line + 1;
    for (size_t i = 0; i < problem_offset(reader); i++)
        line += reader->bytes[i] == '\n';
    return line;
}

/* libyaml calls a tab "a character that cannot start any token", which helps nobody. */
static bool is_tab(const struct yaml_reader *reader)
{
    size_t at = problem_offset(reader);
    return at < reader->length && reader->bytes[at] == '\t';
}

static int next_event(struct yaml_reader *reader, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&reader->parser, ret_event))
        return 0;
    unsigned line = problem_line(reader);
    if (is_tab(reader))
        return fail(reader, line, "a tab, expected blanks: YAML is indented with blanks only");
    const char *problem = reader->parser.problem;
    return fail(reader, line, "not YAML: %s", problem != NULL ? problem : "cannot be read");
}

static bool text_is_clean(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0)
            return true;
    }
    return false;
}

static int read_text(struct yaml_reader *reader, const yaml_event_t *event, struct yaml_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (!text_is_clean(text, length))
        return fail(reader, line_of(event), "a control byte in a text");
    node->text = mem_strndup(text, length);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->plain_null = node->plain && is_null(node->text);
    return 0;
}

static bool has_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return true;
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor != NULL;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor != NULL;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor != NULL;
    default:
        return false;
    }
}

static int read_items(struct yaml_reader *reader, unsigned depth, struct yaml_node *node);

/* Fills a zeroed node from its first event. */
static int read_node(struct yaml_reader *reader, const yaml_event_t *event, unsigned depth,
                     struct yaml_node *node)
{
    if (has_anchor(event))
        return fail(reader, node->line, "anchors (&) and aliases (*) are not taken");
    if (++reader->nodes > YAML_TREE_MAX_NODES)
        return fail(reader, node->line, "more than %d values", YAML_TREE_MAX_NODES);
    if (event->type == YAML_SCALAR_EVENT)
        return read_text(reader, event, node);
    if (depth == YAML_TREE_MAX_DEPTH)
        return fail(reader, node->line, "nested deeper than %d", YAML_TREE_MAX_DEPTH);
    node->kind = event->type == YAML_MAPPING_START_EVENT ? YAML_MAP : YAML_LIST;
    return read_items(reader, depth + 1, node);
}

static int read_key(struct yaml_reader *reader, const yaml_event_t *event,
                    const struct yaml_node *map, char **ret_key)
{
    unsigned line = line_of(event);
    if (event->type != YAML_SCALAR_EVENT || has_anchor(event))
        return fail(reader, line, "a key that is no plain text");
    const char *key = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (!text_is_clean(key, length))
        return fail(reader, line, "a control byte in a key");
    if (yaml_get(map, key) != NULL)
        return fail(reader, line, "the key \"%.64s\" is there twice", key);
    if (map->count >= MAX_KEYS)
        return fail(reader, line, "more than %d keys in a map", MAX_KEYS);
    *ret_key = mem_strndup(key, length);
    return 0;
}

static int read_items(struct yaml_reader *reader, unsigned depth, struct yaml_node *node)
{
    for (;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        if (next_event(reader, &event) < 0)
            return -1;
        if (event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        CLEANUP(yaml_event_delete) yaml_event_t value = {0};
        CLEANUP_FREE char *key = NULL;
        const yaml_event_t *first = &event;
        if (node->kind == YAML_MAP) {
            if (read_key(reader, &event, node, &key) < 0 || next_event(reader, &value) < 0)
                return -1;
            first = &value;
        }
        MEM_GROW(node->items, node->count, node->capacity);
        struct yaml_node *item = &node->items[node->count++];
        *item = (struct yaml_node){.key = key, .line = line_of(&event)};
        key = NULL;
        if (read_node(reader, first, depth, item) < 0)
            return -1;
    }
}

/* The one document of the stream, into a zeroed root. */
static int read_stream(struct yaml_reader *reader, struct yaml_node *root)
{
    root->kind = YAML_MAP;
    root->line = 1;
    for (bool seen = false;;) {
        CLEANUP(yaml_event_delete) yaml_event_t event = {0};
        if (next_event(reader, &event) < 0)
            return -1;
        if (event.type == YAML_STREAM_END_EVENT)
            return 0;
        if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_END_EVENT)
            continue;
        if (event.type != YAML_DOCUMENT_START_EVENT) {
            *root = (struct yaml_node){.line = line_of(&event)};
            if (read_node(reader, &event, 0, root) < 0)
                return -1;
        } else if (seen) {
            return fail(reader, line_of(&event), "a second document (---), expected one");
        }
        seen = true;
    }
}

int yaml_tree_parse(const char *bytes, size_t length, const char *file, struct yaml_node **ret_root,
                    struct error *err)
{
    if (length > YAML_TREE_MAX_BYTES)
        return error_set(err, ERROR_INVALID, "%s: larger than %zu bytes", file,
                         YAML_TREE_MAX_BYTES);
    struct yaml_reader reader = {.bytes = bytes, .length = length, .file = file, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        return error_set(err, ERROR_BUG, "%s: the YAML parser does not start", file);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, length);
    struct yaml_node *root = mem_alloc(sizeof *root);
    int done = read_stream(&reader, root);
    yaml_parser_delete(&reader.parser);
    if (done == 0)
        *ret_root = root;
    else
        yaml_tree_free(root);
    return done;
}

static void node_release(struct yaml_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        node_release(&node->items[i]);
    mem_free(node->items);
    mem_free(node->key);
    mem_free(node->text);
}

void yaml_tree_free(struct yaml_node *root)
{
    if (root == NULL)
        return;
    node_release(root);
    mem_free(root);
}

void yaml_tree_free_pointer(struct yaml_node **root)
{
    yaml_tree_free(*root);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->items[i].key, key) == 0)
            return &map->items[i];
    }
    return NULL;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
    static const char *const names[] = {
        [YAML_TEXT] = "a text", [YAML_MAP] = "a map", [YAML_LIST] = "a list"};
    return names[kind];
}
