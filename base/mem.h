/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem - the one allocator. It never returns NULL: when memory runs out the process ends with one
 * line on stderr. All state is remote, so a restart is the recovery. Sizes from outside are capped
 * before they get here.
 */
#pragma once

#include <stddef.h>

/* Zeroed memory of that size; size 0 gives a pointer that may be freed. */
void *mem_alloc(size_t size);
/* Zeroed array; the product may not overflow. */
void *mem_array(size_t count, size_t size);
/* Like realloc; new bytes are not zeroed. */
void *mem_resize(void *owned, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *bytes, size_t length);
void *mem_dup(const void *bytes, size_t size);
/* NULL is fine. */
void mem_free(void *owned);

/* Makes room for one more item in a growing array: doubles from 8.
 * `items` is the array variable, `count` the items in use, `capacity` a size_t variable. */
#define MEM_GROW(items, count, capacity)                                                           \
    ((items) = mem_grow((items), (count), &(capacity), sizeof *(items)))
void *mem_grow(void *owned_items, size_t count, size_t *capacity, size_t item_size);

/* Gives free pages back to the system, from inside malloc's heaps too, where it would keep them. It
 * walks over all that is free. Any thread. */
void mem_give_back(void);

/* Has jansson, libcurl, OpenSSL and libwebsockets allocate here too, starts libcurl, and has large
 * blocks go back to the system as they are freed. Call once, first thing in main: before any
 * thread, and before any of them is used. */
void mem_adopt_libraries(void);

/* `CLEANUP(strbuf_release) struct strbuf text = {0};` calls strbuf_release(&text) at scope end. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* `CLEANUP_FREE char *name = mem_strdup(...)` */
void mem_free_pointer(void *pointer_to_pointer);
#define CLEANUP_FREE CLEANUP(mem_free_pointer)
