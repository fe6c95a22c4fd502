/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void bug_found(const char *file, int line, const char *why)
{
    fprintf(stderr, "podbind: cannot happen (%s:%d): %s\n", file, line, why);
    abort();
}
