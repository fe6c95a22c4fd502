/* SPDX-License-Identifier: Apache-2.0 */
/* least - the earlier and the later of two times, the smaller and the larger of two numbers. */
#pragma once

#include <stdint.h>

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
