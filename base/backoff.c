/* SPDX-License-Identifier: Apache-2.0 */
#include "base/backoff.h"

#include <limits.h>

/* min(cap, base * 2^failures) */
static int64_t longest_wait(const struct backoff *backoff)
{
    int64_t wait = backoff->base_ms;

    for (unsigned i = 0; i < backoff->failures && wait > 0 && wait < backoff->cap_ms; i++)
        wait = wait > INT64_MAX / 2 ? INT64_MAX : wait * 2;
    return wait < backoff->cap_ms ? wait : backoff->cap_ms;
}

int64_t backoff_next(struct backoff *backoff, uint64_t random)
{
    int64_t longest = longest_wait(backoff);

    if (backoff->failures < UINT_MAX)
        backoff->failures++;
    if (longest <= 0)
        return 0;
    int64_t half = longest / 2;
    return half + (int64_t)(random % ((uint64_t)(longest - half) + 1));
}

void backoff_reset(struct backoff *backoff)
{
    backoff->failures = 0;
}
