/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

struct place {
    size_t line;
    size_t column;
};

static struct place place_of(const char *bytes, size_t offset)
{
    struct place place = {1, 1};

    for (size_t i = 0; i < offset; i++) {
        place.column++;
        if (bytes[i] == '\n')
            place = (struct place){place.line + 1, 1};
    }
    return place;
}

/* The index of the quote that ends the string whose text begins at `begin`; `length`: none does.
 * One with an odd number of backslashes before it is part of the text. */
static size_t end_of_string(const char *bytes, size_t length, size_t begin)
{
    const char *quote;

    for (size_t at = begin; (quote = memchr(bytes + at, '"', length - at));) {
        size_t end = (size_t)(quote - bytes), first = end;

        while (first > at && bytes[first - 1] == '\\')
            first--;
        if ((end - first) % 2 == 0)
            return end;
        at = end + 1;
    }
    return length;
}

/* Where a bracket goes deeper than allowed; `length` when none does. */
static size_t find_too_deep(const char *bytes, size_t length)
{
    size_t depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];

        if (c == '"')
            i = end_of_string(bytes, length, i + 1);
        else if ((c == '{' || c == '[') && ++depth > JSON_MAX_DEPTH)
            return i;
        else if ((c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return length;
}

/* jansson quotes what it stumbled over, which may be a secret. */
static int what_is_wrong(const char *text)
{
    const char *near = strstr(text, " near '");

    return (int)(near ? (size_t)(near - text) : strlen(text));
}

static json_t *refuse_depth(const char *bytes, size_t deep, struct error *err)
{
    struct place place = place_of(bytes, deep);

    error_set(err, ERROR_INVALID, "JSON is nested deeper than %d levels at line %zu column %zu",
              JSON_MAX_DEPTH, place.line, place.column);
    return NULL;
}

static json_t *parsed(json_t *document, const json_error_t *fault, struct error *err)
{
    if (!document)
        error_set(err, ERROR_INVALID, "not JSON: %.*s at line %d column %d",
                  what_is_wrong(fault->text), fault->text, fault->line, fault->column);
    return document;
}

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL)

json_t *json_parse(const char *bytes, size_t length, struct error *err)
{
    size_t deep = find_too_deep(bytes, length);
    json_error_t fault;

    if (deep < length)
        return refuse_depth(bytes, deep, err);
    return parsed(json_loadb(bytes, length, FLAGS, &fault), &fault, err);
}

/* ---- all but one array ---- */

/* Hands a document to jansson in pieces: what lies between the brackets of `begin` is left out. */
struct excerpt {
    const char *bytes;
    size_t length, at;
    const char *begin;            /* `"name":[` */
    size_t cut_first, cut_behind; /* the next cut; both `length` when there is none */
};

/* The index of the bracket that ends the array whose elements begin at `at`; `length`: none. */
static size_t end_of_array(const char *bytes, size_t length, size_t at)
{
    size_t depth = 1;

    for (; at < length; at++) {
        char c = bytes[at];

        if (c == '"')
            at = end_of_string(bytes, length, at + 1);
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && --depth == 0)
            return at;
    }
    return length;
}

/* A quote within a string has a backslash before it, so what looks like the member is it. */
static void find_cut(struct excerpt *excerpt)
{
    size_t begin_length = strlen(excerpt->begin);
    size_t from = excerpt->at;
    const char *found;

    excerpt->cut_first = excerpt->cut_behind = excerpt->length;
    while ((found = memmem(excerpt->bytes + from, excerpt->length - from, excerpt->begin,
                           begin_length))) {
        from = (size_t)(found - excerpt->bytes) + begin_length;
        if (found == excerpt->bytes || found[-1] == '\\')
            continue;
        excerpt->cut_first = from;
        excerpt->cut_behind = end_of_array(excerpt->bytes, excerpt->length, from);
        return;
    }
}

static size_t next_piece(void *buffer, size_t size, void *context)
{
    struct excerpt *excerpt = context;

    if (excerpt->at == excerpt->cut_first && excerpt->at < excerpt->length) {
        excerpt->at = excerpt->cut_behind;
        find_cut(excerpt);
    }
    size_t left = excerpt->cut_first - excerpt->at;
    size_t count = left < size ? left : size;

    memcpy(buffer, excerpt->bytes + excerpt->at, count);
    excerpt->at += count;
    return count;
}

json_t *json_parse_without(const char *bytes, size_t length, const char *begin, struct error *err)
{
    struct excerpt excerpt = {.bytes = bytes, .length = length, .begin = begin};
    size_t deep = find_too_deep(bytes, length);
    json_error_t fault;

    if (deep < length)
        return refuse_depth(bytes, deep, err);
    find_cut(&excerpt);
    return parsed(json_load_callback(next_piece, &excerpt, FLAGS, &fault), &fault, err);
}

void json_release(json_t **owned)
{
    json_decref(*owned);
    *owned = NULL;
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_null(value) ? NULL : value;
}

const json_t *json_at(const json_t *object, ...)
{
    const char *name;
    va_list names;

    va_start(names, object);
    while (object && (name = va_arg(names, const char *)))
        object = member(object, name);
    va_end(names);
    return object;
}

const char *json_text(const json_t *object, const char *name)
{
    const json_t *value = member(object, name);
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : "";
}

bool json_flag(const json_t *object, const char *name, bool otherwise)
{
    const json_t *value = member(object, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

int64_t json_whole(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = member(object, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

char *json_canonical(const json_t *document)
{
    char *text = json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

    return text ? text : mem_strdup("");
}

char *json_canonical_text(const char *text, struct error *err)
{
    CLEANUP_JSON json_t *document = json_parse(text, strlen(text), err);

    if (!document)
        return NULL;
    if (!json_is_object(document)) {
        error_set(err, ERROR_INVALID, "not a JSON object: it must begin with {");
        return NULL;
    }
    return json_canonical(document);
}
