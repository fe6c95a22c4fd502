/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/pairs.h"

#include <stdlib.h>
#include <string.h>

static bool has_control_byte(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

bool pairs_write(struct pair *pairs, size_t count, struct strbuf *ret_text)
{
    for (size_t i = 0; i < count; i++)
        if (!*pairs[i].key || has_control_byte(pairs[i].key) || has_control_byte(pairs[i].value))
            return false;
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, compare_keys);
    for (size_t i = 1; i < count; i++)
        if (!compare_keys(&pairs[i - 1], &pairs[i]))
            return false;
    for (size_t i = 0; i < count; i++) {
        strbuf_str(ret_text, pairs[i].key);
        strbuf_char(ret_text, '\t');
        strbuf_str(ret_text, pairs[i].value);
        strbuf_char(ret_text, '\n');
    }
    return true;
}

bool pairs_next(const char **cursor, struct pair_view *ret_pair)
{
    const char *key = *cursor;
    const char *tab = strchr(key, '\t');
    const char *end = tab ? strchr(tab, '\n') : NULL;

    if (!end)
        return false;
    *ret_pair = (struct pair_view){
        .key = key,
        .value = tab + 1,
        .key_length = (size_t)(tab - key),
        .value_length = (size_t)(end - tab) - 1,
    };
    *cursor = end + 1;
    return true;
}

const char *pairs_get(const char *pairs, const char *key, size_t *ret_length)
{
    size_t length = strlen(key);
    struct pair_view pair;

    while (pairs_next(&pairs, &pair)) {
        if (pair.key_length != length || memcmp(pair.key, key, length) != 0)
            continue;
        *ret_length = pair.value_length;
        return pair.value;
    }
    return NULL;
}

bool pairs_has(const char *pairs, const char *key, const char *value)
{
    size_t length = 0;
    const char *found = pairs_get(pairs, key, &length);

    return found && length == strlen(value) && memcmp(found, value, length) == 0;
}
