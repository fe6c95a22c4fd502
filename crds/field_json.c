/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/field_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "crds/syntax.h"

void field_fault(struct field_defect *defect, const char *format, ...)
{
    va_list arguments;

    if (defect->text[0])
        return;
    va_start(arguments, format);
    vsnprintf(defect->text, sizeof defect->text, format, arguments);
    va_end(arguments);
}

const char *field_kind(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        break;
    }
    return "nothing";
}

const json_t *field_object(struct field_defect *defect, const json_t *from, const char *name,
                           const char *path)
{
    const json_t *value = json_at(from, name, NULL);

    if (!value || json_is_object(value))
        return value;
    field_fault(defect, "%s must be an object, not %s", path, field_kind(value));
    return NULL;
}

const char *field_clean_text(struct field_defect *defect, const json_t *value, const char *path)
{
    const char *text = json_string_value(value);

    if (!text)
        field_fault(defect, "%s must be a text, not %s", path, field_kind(value));
    else if (strlen(text) != json_string_length(value) || syntax_has_control(text))
        field_fault(defect, "%s holds a control character; leave it out", path);
    else
        return text;
    return NULL;
}

const char *field_text(struct field_defect *defect, const json_t *from,
                       const struct field_rule *rule)
{
    const json_t *value = json_at(from, rule->name, NULL);
    const char *text = value ? field_clean_text(defect, value, rule->path) : NULL;

    if (!text)
        return "";
    if (!*text)
        field_fault(defect, "%s is empty; write %s", rule->path, rule->expected);
    else if (syntax_characters(text) > rule->most)
        field_fault(defect, "%s is longer than %zu characters", rule->path, rule->most);
    else if (!rule->holds(text))
        field_fault(defect, "%s must be %s", rule->path, rule->expected);
    else
        return text;
    return "";
}

int field_word(struct field_defect *defect, const json_t *spec, const char *name,
               const char *const words[3])
{
    const json_t *value = json_at(spec, name, NULL);
    const char *text = json_string_value(value);

    if (!value)
        return 0;
    for (int i = 0; text && i < 3 && words[i]; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    field_fault(defect, "spec.%s must be %s%s%s or %s", name, words[0], words[2] ? ", " : "",
                words[2] ? words[1] : "", words[2] ? words[2] : words[1]);
    return -1;
}
