/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No stdio and no exit handlers: nothing here may allocate again. */
static _Noreturn void give_up(void)
{
    static const char line[] = "podbind: out of memory\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);

    (void)written;
    _exit(EXIT_FAILURE);
}

static size_t product(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        give_up();
    return bytes;
}

void *mem_alloc(size_t size)
{
    return mem_array(1, size);
}

void *mem_array(size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *owned = bytes > PTRDIFF_MAX ? NULL : calloc(1, bytes ? bytes : 1);

    if (!owned)
        give_up();
    return owned;
}

void *mem_resize(void *owned, size_t size)
{
    void *moved = size > PTRDIFF_MAX ? NULL : realloc(owned, size ? size : 1);

    if (!moved)
        give_up();
    return moved;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

char *mem_strndup(const char *bytes, size_t length)
{
    size_t used = strnlen(bytes, length);
    char *text = mem_resize(NULL, used + 1);

    memcpy(text, bytes, used);
    text[used] = '\0';
    return text;
}

void *mem_dup(const void *bytes, size_t size)
{
    void *owned = mem_resize(NULL, size);

    if (size > 0)
        memcpy(owned, bytes, size);
    return owned;
}

void mem_free(void *owned)
{
    free(owned);
}

void *mem_grow(void *owned_items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity)
        return owned_items;
    *capacity = *capacity ? product(*capacity, 2) : 8;
    return mem_resize(owned_items, product(*capacity, item_size));
}

void mem_give_back(void)
{
    malloc_trim(0);
}

void mem_free_pointer(void *pointer_to_pointer)
{
    void *owned;

    memcpy(&owned, pointer_to_pointer, sizeof owned);
    mem_free(owned);
}
