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

/* Where a bracket goes deeper than allowed; `length` when none does. */
static size_t find_too_deep(const char *bytes, size_t length)
{
    bool in_string = false;
    size_t depth = 0;

    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > JSON_MAX_DEPTH)
            return i;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
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

json_t *json_parse(const char *bytes, size_t length, struct error *err)
{
    size_t deep = find_too_deep(bytes, length);
    json_error_t fault;

    if (deep < length) {
        struct place place = place_of(bytes, deep);

        error_set(err, ERROR_INVALID, "JSON is nested deeper than %d levels at line %zu column %zu",
                  JSON_MAX_DEPTH, place.line, place.column);
        return NULL;
    }
    json_t *document = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (!document)
        error_set(err, ERROR_INVALID, "not JSON: %.*s at line %d column %d",
                  what_is_wrong(fault.text), fault.text, fault.line, fault.column);
    return document;
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
