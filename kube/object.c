/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/object.h"

#include <string.h>

#include "base/json.h"

const char *object_version(const json_t *object)
{
    const char *version = json_text(json_at(object, "metadata", NULL), "resourceVersion");
    return object_version_valid(version) ? version : "";
}

static bool is_list_of(const char *list_kind, const char *kind)
{
    size_t length = strlen(kind);
    return strncmp(list_kind, kind, length) == 0 && strcmp(list_kind + length, "List") == 0;
}

/* The items, or NULL for none: both `null` and [] are in use. */
static int read_items(const json_t *document, const json_t **ret_items, struct error *err)
{
    const json_t *items = json_object_get(document, "items");
    if (items == NULL)
        return error_set(err, ERROR_TRANSIENT, "a list without items, expected an array or null");
    if (json_is_null(items)) {
        *ret_items = NULL;
        return 0;
    }
    if (!json_is_array(items))
        return error_set(err, ERROR_TRANSIENT, "items is no list, expected an array or null");
    for (size_t i = 0; i < json_array_size(items); i++) {
        if (!json_is_object(json_array_get(items, i)))
            return error_set(err, ERROR_TRANSIENT, "item %zu of the list is no object", i);
    }
    *ret_items = items;
    return 0;
}

int object_page_read(const json_t *document, const char *kind, struct object_page *ret_page,
                     struct error *err)
{
    const char *list_kind = json_text(document, "kind");
    if (!is_list_of(list_kind, kind))
        return error_set(err, ERROR_TRANSIENT, "the answer is of kind \"%.64s\", expected %sList",
                         list_kind, kind);
    struct object_page page = {.version = object_version(document)};
    if (*page.version == '\0')
        return error_set(err, ERROR_TRANSIENT,
                         "the %sList has no metadata.resourceVersion in digits", kind);
    if (read_items(document, &page.items, err) < 0)
        return -1;
    page.count = json_array_size(page.items);
    page.continue_token = json_text(json_at(document, "metadata", NULL), "continue");
    *ret_page = page;
    return 0;
}

const json_t *object_page_item(const struct object_page *page, size_t index)
{
    return json_array_get(page->items, index);
}
