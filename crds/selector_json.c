/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/selector_json.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/syntax.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MAX_REQUIREMENTS 32 /* of each of the two forms */
#define MAX_VALUES 64

static const char selector_path[] = "spec.serviceAccount.selector";

static const struct field_rule key_rule = {
    .path = "spec.serviceAccount.selector.matchExpressions.key",
    .name = "key",
    .most = 317,
    .holds = syntax_is_label_key,
    .expected = "a label key such as tier or example.com/tier",
};

static bool is_label_value(struct field_defect *defect, const json_t *value)
{
    const char *text = field_clean_text(defect, value, selector_path);

    if (text && syntax_is_label_value(text))
        return true;
    field_fault(defect,
                "%s holds what is no label value; write at most 63 letters, digits, - _ and .",
                selector_path);
    return false;
}

static bool read_label(struct field_defect *defect, const char *key, const json_t *value,
                       const char **values, struct selector_requirement *ret_requirement)
{
    if (!syntax_is_label_key(key)) {
        field_fault(defect, "%s.matchLabels: a key must be %s", selector_path, key_rule.expected);
        return false;
    }
    if (!is_label_value(defect, value))
        return false;
    *values = json_string_value(value);
    *ret_requirement = (struct selector_requirement){key, SELECTOR_IN, values, 1};
    return true;
}

static int read_operator(struct field_defect *defect, const json_t *expression)
{
    static const char *const words[] = {
        [SELECTOR_IN] = "In",
        [SELECTOR_NOT_IN] = "NotIn",
        [SELECTOR_EXISTS] = "Exists",
        [SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
    };
    const char *text = json_text(expression, "operator");

    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(text, words[i]) == 0)
            return (int)i;
    field_fault(defect, "%s: the operator must be In, NotIn, Exists or DoesNotExist",
                selector_path);
    return -1;
}

static bool values_fit(struct field_defect *defect, const json_t *list, bool wanted)
{
    size_t count = json_array_size(list);

    if (list && !json_is_array(list))
        field_fault(defect, "%s: values must be a list, not %s", selector_path, field_kind(list));
    else if (wanted && count == 0)
        field_fault(defect, "%s: the operators In and NotIn need values; write at least one",
                    selector_path);
    else if (!wanted && count > 0)
        field_fault(defect, "%s: the operators Exists and DoesNotExist take no values",
                    selector_path);
    else if (count > MAX_VALUES)
        field_fault(defect, "%s: more than %d values", selector_path, MAX_VALUES);
    else
        return true;
    return false;
}

static bool read_values(struct field_defect *defect, const json_t *list, const char **ret_values)
{
    const json_t *value;
    size_t i;

    json_array_foreach(list, i, value)
    {
        if (!is_label_value(defect, value))
            return false;
        ret_values[i] = json_string_value(value);
    }
    return true;
}

static bool read_expression(struct field_defect *defect, const json_t *expression,
                            const char **values, struct selector_requirement *ret_requirement)
{
    const json_t *list = json_at(expression, "values", NULL);
    const char *key = field_text(defect, expression, &key_rule);
    int operation = *key ? read_operator(defect, expression) : -1;

    if (!*key)
        field_fault(defect, "%s: each of matchExpressions needs a key", selector_path);
    if (operation < 0 ||
        !values_fit(defect, list, operation == SELECTOR_IN || operation == SELECTOR_NOT_IN) ||
        !read_values(defect, list, values))
        return false;
    *ret_requirement = (struct selector_requirement){key, (enum selector_operator)operation, values,
                                                     json_array_size(list)};
    return true;
}

static bool selector_fits(struct field_defect *defect, const json_t *labels,
                          const json_t *expressions)
{
    size_t label_count = json_object_size(labels);
    size_t expression_count = json_array_size(expressions);

    if (expressions && !json_is_array(expressions))
        field_fault(defect, "%s.matchExpressions must be a list, not %s", selector_path,
                    field_kind(expressions));
    else if (label_count > MAX_REQUIREMENTS || expression_count > MAX_REQUIREMENTS)
        field_fault(defect, "%s has more than %d requirements of one form", selector_path,
                    MAX_REQUIREMENTS);
    else if (label_count + expression_count == 0)
        field_fault(defect,
                    "%s is empty and would choose every service account; write at least one label",
                    selector_path);
    else
        return true;
    return false;
}

/* Into arrays that have room. Returns how many, 0 when one is at fault. */
static size_t read_requirements(struct field_defect *defect, const json_t *labels,
                                const json_t *expressions, struct selector_draft *ret_draft)
{
    const char **values = ret_draft->owned_values;
    size_t count = 0, i;
    const char *key;
    json_t *label;
    const json_t *item;

    json_object_foreach((json_t *)labels, key, label)
    {
        if (!read_label(defect, key, label, values, &ret_draft->owned_requirements[count]))
            return 0;
        values += ret_draft->owned_requirements[count++].value_count;
    }
    json_array_foreach(expressions, i, item)
    {
        if (!read_expression(defect, item, values, &ret_draft->owned_requirements[count]))
            return 0;
        values += ret_draft->owned_requirements[count++].value_count;
    }
    return count;
}

void selector_from_json(const json_t *selector, struct field_defect *defect,
                        struct selector_draft *ret_draft)
{
    const json_t *labels =
        field_object(defect, selector, "matchLabels", "spec.serviceAccount.selector.matchLabels");
    const json_t *expressions = json_at(selector, "matchExpressions", NULL);
    size_t label_count = json_object_size(labels), expression_count = json_array_size(expressions);

    if (defect->text[0] || !selector_fits(defect, labels, expressions))
        return;
    ret_draft->owned_requirements =
        mem_array(label_count + expression_count, sizeof *ret_draft->owned_requirements);
    ret_draft->owned_values =
        mem_array(label_count + expression_count * MAX_VALUES, sizeof *ret_draft->owned_values);
    ret_draft->count = read_requirements(defect, labels, expressions, ret_draft);
}

void selector_draft_release(struct selector_draft *draft)
{
    mem_free(draft->owned_requirements);
    mem_free(draft->owned_values);
    *draft = (struct selector_draft){0};
}
