/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_duration.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60e3}, {"h", 3600e3}};

bool standin_duration_parse(const char *text, int64_t *ret_ms)
{
    char *end = NULL;
    double number = strtod(text, &end);

    if (!isdigit((unsigned char)*text))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, end) == 0 && number * units[i].ms <= 366 * 86400e3) {
            *ret_ms = (int64_t)(number * units[i].ms + 0.5);
            return true;
        }
    return false;
}
