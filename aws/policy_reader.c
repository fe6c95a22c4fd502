/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/policy_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#define SHOWN ((size_t)64) /* bytes of a name that a sentence shows */

int policy_reader_refuse(struct policy_reader *reader, const char *format, ...)
{
    char what[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (reader->policy->count == 0)
        return error_set(reader->err, ERROR_INVALID, "%s", what);
    return error_set(reader->err, ERROR_INVALID, "statement %zu: %s", reader->policy->count, what);
}

static int shown(const char *name)
{
    size_t length = strlen(name);

    return (int)utf8_cut(name, length > SHOWN ? SHOWN : length);
}

int policy_reader_members(struct policy_reader *reader, json_t *object, const char *const *known,
                          const char *expected)
{
    const char *name;
    json_t *unused;

    json_object_foreach(object, name, unused)
    {
        size_t i = 0;

        while (known[i] && strcmp(known[i], name) != 0)
            i++;
        if (!known[i])
            return policy_reader_refuse(reader, "\"%.*s\" is no element of it, expected %s",
                                        shown(name), name, expected);
    }
    return 0;
}

int policy_reader_count(struct policy_reader *reader, const char *what, const char *text,
                        size_t length)
{
    if (strlen(text) != length)
        return policy_reader_refuse(reader, "%.*s holds a zero byte", shown(what), what);
    reader->text_bytes += length;
    if (++reader->values > POLICY_VALUE_CAP)
        return policy_reader_refuse(reader, "more than %d values in the policy", POLICY_VALUE_CAP);
    if (reader->text_bytes > POLICY_TEXT_CAP)
        return policy_reader_refuse(reader, "more than %zu bytes of text in the policy",
                                    POLICY_TEXT_CAP);
    return 0;
}

int policy_reader_text(struct policy_reader *reader, const char *what, const json_t *value,
                       const char **ret_text)
{
    if (!json_is_string(value))
        return policy_reader_refuse(reader, "%.*s is not a text", shown(what), what);
    if (policy_reader_count(reader, what, json_string_value(value), json_string_length(value)) < 0)
        return -1;
    *ret_text = json_string_value(value);
    return 0;
}

/* What a number or boolean stands for. */
static json_t *as_text(json_t *value)
{
    char text[64];

    if (json_is_boolean(value))
        return json_string(json_is_true(value) ? "true" : "false");
    if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, sizeof text, "%.17g", json_real_value(value));
    else
        return json_incref(value);
    return json_string(text);
}

json_t *policy_reader_list(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    if (json_is_array(value))
        return value;
    json_t *list = json_array();
    json_array_append(list, value);
    json_object_set_new_nocheck(object, name, list);
    return list;
}

int policy_reader_texts(struct policy_reader *reader, json_t *object, const char *name,
                        bool scalars, struct trust_texts *texts)
{
    json_t *list = policy_reader_list(object, name);
    size_t count = json_array_size(list);

    if (count == 0)
        return policy_reader_refuse(
            reader, "%.*s is an empty list, expected a text or a list of texts", shown(name), name);
    texts->items = mem_array(count, sizeof *texts->items);
    for (; texts->count < count; texts->count++) {
        if (scalars)
            json_array_set_new(list, texts->count, as_text(json_array_get(list, texts->count)));
        if (policy_reader_text(reader, name, json_array_get(list, texts->count),
                               &texts->items[texts->count]) < 0)
            return -1;
    }
    return 0;
}
