/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings that nobody knew before us. */
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "reconcile/mirror.h"

#define NEWCOMERS 10000 /* of the others we just don't know it */

static struct mirror_newcomer newcomer_of(const char *uid)
{
    struct mirror_newcomer newcomer;
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(uid, strlen(uid), digest);
    memcpy(newcomer.digest, digest, sizeof newcomer.digest);
    return newcomer;
}

static int newcomer_compare(const struct mirror_newcomer *a, const struct mirror_newcomer *b)
{
    return memcmp(a->digest, b->digest, sizeof a->digest);
}

static size_t newcomer_position(const struct mirror *mirror, const char *uid, bool *ret_found)
{
    struct mirror_newcomer wanted = newcomer_of(uid);
    size_t low = 0, high = mirror->newcomer_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (newcomer_compare(&mirror->newcomers[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found =
        low < mirror->newcomer_count && newcomer_compare(&mirror->newcomers[low], &wanted) == 0;
    return low;
}

void mirror_note_newcomer(struct mirror *mirror, const char *uid)
{
    bool found;
    size_t index = newcomer_position(mirror, uid, &found);

    if (found || mirror->newcomer_count >= NEWCOMERS)
        return;
    MEM_GROW(mirror->newcomers, mirror->newcomer_count, mirror->newcomer_capacity);
    memmove(mirror->newcomers + index + 1, mirror->newcomers + index,
            (mirror->newcomer_count - index) * sizeof *mirror->newcomers);
    mirror->newcomers[index] = newcomer_of(uid);
    mirror->newcomer_count++;
}

bool mirror_is_newcomer(const struct mirror *mirror, const char *uid)
{
    bool found;

    newcomer_position(mirror, uid, &found);
    return found;
}

void mirror_forget_newcomer(struct mirror *mirror, const char *uid)
{
    bool found;
    size_t index = newcomer_position(mirror, uid, &found);

    if (!found)
        return;
    mirror->newcomer_count--;
    memmove(mirror->newcomers + index, mirror->newcomers + index + 1,
            (mirror->newcomer_count - index) * sizeof *mirror->newcomers);
}
