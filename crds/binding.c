/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/binding.h"

#include <string.h>

#include "base/mem.h"
#include "crds/pairs.h"

/* ---- packed copies ---- */

static const size_t binding_strings[] = {
    offsetof(struct binding, namespace),
    offsetof(struct binding, name),
    offsetof(struct binding, uid),
    offsetof(struct binding, resource_version),
    offsetof(struct binding, finalizers),
    offsetof(struct binding, reconcile_at),
    offsetof(struct binding, service_account),
    offsetof(struct binding, role_arn),
    offsetof(struct binding, role_name),
    offsetof(struct binding, target_role_arn),
    offsetof(struct binding, session_policy),
    offsetof(struct binding, policy_defect),
    offsetof(struct binding, tags),
    offsetof(struct binding, defect),
    offsetof(struct binding, status.ready_reason),
    offsetof(struct binding, status.associations),
};

static const size_t service_account_strings[] = {
    offsetof(struct service_account, namespace),
    offsetof(struct service_account, name),
    offsetof(struct service_account, resource_version),
    offsetof(struct service_account, labels),
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char **string_at(void *record, size_t offset)
{
    return (const char **)(void *)((char *)record + offset);
}

/* What most records say takes no room: they all point to one constant. */
static const char *common(const char *text)
{
    static const char *const texts[] = {"", BINDING_FINALIZER "\n", "Associated"};

    for (size_t i = 0; i < COUNT(texts); i++)
        if (strcmp(text, texts[i]) == 0)
            return texts[i];
    return NULL;
}

static size_t room_for(const char *text)
{
    return text && !common(text) ? strlen(text) + 1 : 0;
}

static const char *pack(char **room, const char *text)
{
    size_t size = room_for(text);

    if (size == 0)
        return text ? common(text) : "";
    char *copy = memcpy(*room, text, size);
    *room += size;
    return copy;
}

static size_t room_for_all(const void *record, const size_t *offsets, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        const char *text;

        memcpy(&text, (const char *)record + offsets[i], sizeof text);
        size += room_for(text);
    }
    return size;
}

static void pack_all(void *record, const size_t *offsets, size_t count, char **room)
{
    for (size_t i = 0; i < count; i++) {
        const char **text = string_at(record, offsets[i]);

        *text = pack(room, *text);
    }
}

/* What a selector takes: its requirements, their arrays of values, and all strings. */
struct selector_size {
    size_t values;
    size_t text;
};

static struct selector_size selector_measure(const struct selector_requirement *selector,
                                             size_t count)
{
    struct selector_size size = {0};

    for (size_t i = 0; i < count; i++) {
        size.values += selector[i].value_count;
        size.text += room_for(selector[i].key);
        for (size_t v = 0; v < selector[i].value_count; v++)
            size.text += room_for(selector[i].values[v]);
    }
    return size;
}

static void selector_pack(struct selector_requirement *requirements, const char **values,
                          const struct binding *from, char **room)
{
    for (size_t i = 0; i < from->selector_count; i++) {
        const struct selector_requirement *source = &from->selector[i];

        requirements[i] = *source;
        requirements[i].key = pack(room, source->key);
        requirements[i].values = values;
        for (size_t v = 0; v < source->value_count; v++)
            *values++ = pack(room, source->values[v]);
    }
}

struct binding *binding_copy(const struct binding *from)
{
    struct selector_size size = selector_measure(from->selector, from->selector_count);
    size_t arrays = from->selector_count * sizeof(struct selector_requirement) +
                    size.values * sizeof(const char *);
    size_t text = room_for_all(from, binding_strings, COUNT(binding_strings)) + size.text;
    struct binding *copy = mem_alloc(sizeof *copy + arrays + text);
    /* the struct, the requirements and the pointers are all aligned like a pointer */
    struct selector_requirement *requirements = (void *)(copy + 1);
    const char **values = (void *)(requirements + from->selector_count);
    char *room = (char *)(values + size.values);

    *copy = *from;
    copy->selector = requirements;
    selector_pack(requirements, values, from, &room);
    pack_all(copy, binding_strings, COUNT(binding_strings), &room);
    return copy;
}

struct service_account *service_account_copy(const struct service_account *from)
{
    size_t text = room_for_all(from, service_account_strings, COUNT(service_account_strings));
    struct service_account *copy = mem_alloc(sizeof *copy + text);
    char *room = (char *)(copy + 1);

    *copy = *from;
    pack_all(copy, service_account_strings, COUNT(service_account_strings), &room);
    return copy;
}

/* ---- selectors ---- */

static bool value_is_among(const struct selector_requirement *requirement, const char *value,
                           size_t length)
{
    for (size_t i = 0; i < requirement->value_count; i++)
        if (strlen(requirement->values[i]) == length &&
            memcmp(requirement->values[i], value, length) == 0)
            return true;
    return false;
}

static bool requirement_holds(const struct selector_requirement *requirement, const char *labels)
{
    size_t length = 0;
    const char *value = pairs_get(labels, requirement->key, &length);

    switch (requirement->operation) {
    case SELECTOR_IN:
        return value && value_is_among(requirement, value, length);
    case SELECTOR_NOT_IN:
        return !value || !value_is_among(requirement, value, length);
    case SELECTOR_EXISTS:
        return value != NULL;
    case SELECTOR_DOES_NOT_EXIST:
        return !value;
    }
    return false;
}

bool selector_matches(const struct selector_requirement *selector, size_t count, const char *labels)
{
    for (size_t i = 0; i < count; i++)
        if (!requirement_holds(&selector[i], labels))
            return false;
    return count > 0;
}

/* ---- names ---- */

const char *condition_type_name(enum binding_condition_type type)
{
    static const char *const names[CONDITION_COUNT] = {
        [CONDITION_ACCEPTED] = "Accepted",        [CONDITION_ASSOCIATED] = "Associated",
        [CONDITION_ROLE_TRUSTED] = "RoleTrusted", [CONDITION_READY] = "Ready",
        [CONDITION_RECONCILING] = "Reconciling",  [CONDITION_STALLED] = "Stalled",
    };

    return names[type];
}

const char *condition_status_name(enum condition_status status)
{
    static const char *const names[] = {
        [CONDITION_ABSENT] = "",
        [CONDITION_TRUE] = "True",
        [CONDITION_FALSE] = "False",
        [CONDITION_UNKNOWN] = "Unknown",
    };

    return names[status];
}
