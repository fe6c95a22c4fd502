/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Bytes of the character that starts with `lead`, 0 when none does. */
static size_t size_by_lead(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t utf8_read(const char *text, size_t length, uint32_t *ret_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = length > 0 ? (unsigned char)text[0] : 0xFF;
    size_t size = size_by_lead(lead);

    if (size == 0 || size > length)
        return 0;
    uint32_t point = size == 1 ? lead : lead & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if (!is_continuation(text[i]))
            return 0;
        point = point << 6 | ((unsigned char)text[i] & 0x3Fu);
    }
    if (point < smallest[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    *ret_point = point;
    return size;
}

bool utf8_is_hidden(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C ||
           (point >= 0x200B && point <= 0x200F) || (point >= 0x2028 && point <= 0x202E) ||
           (point >= 0x2060 && point <= 0x206F) || point == 0xFEFF;
}

size_t utf8_cut(const char *text, size_t length)
{
    size_t used = strnlen(text, length + 1);

    if (used <= length)
        return used;
    used = length;
    while (used > 0 && length - used < 3 && is_continuation(text[used]))
        used--;
    return used;
}
