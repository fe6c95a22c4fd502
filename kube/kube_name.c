/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_name.h"

#include <string.h>

#define NAME_MAX_LENGTH 253

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A dash or dot at `at` may stand there: inside, and a dot between letters or digits. */
static bool is_joint(const char *name, size_t length, size_t at)
{
    if (at == 0 || at + 1 == length)
        return false;
    if (name[at] == '.')
        return is_letter_or_digit(name[at - 1]) && is_letter_or_digit(name[at + 1]);
    return name[at] == '-';
}

bool kube_name_valid(const char *name)
{
    size_t length = strnlen(name, NAME_MAX_LENGTH + 1);
    if (length == 0 || length > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_letter_or_digit(name[i]) && !is_joint(name, length, i))
            return false;
    }
    return true;
}
