/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/object_version.h"

#include <string.h>

bool object_version_valid(const char *version)
{
    size_t digits = strspn(version, "0123456789");
    return digits > 0 && version[digits] == '\0';
}

int object_version_compare(const char *a, const char *b)
{
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return strcmp(a, b);
}
