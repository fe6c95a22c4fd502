/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/kept.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/aside.h"
#include "tests/sim/tape_file.h"

#define TAPE_SECONDS 60

struct replay {
    const uint32_t *words;
    size_t count;
    struct history *history; /* shared */
};

static void replay(void *context)
{
    const struct replay *replay = context;

    world_history_from_words(replay->words, replay->count, replay->history);
}

static int run_tape(const char *path, const char *name, struct history *history,
                    struct sim_junit *junit, struct kept_result *result)
{
    CLEANUP_FREE uint32_t *words = NULL;
    struct replay context = {.history = history};
    char how[ASIDE_HOW_SIZE], failure[1200];
    struct error error;
    bool ended;

    if (tape_file_read(path, &words, &context.count, &error) < 0) {
        fprintf(stderr, "podbind-sim: %s\n", error.text);
        return -1;
    }
    context.words = words;
    memset(history, 0, sizeof *history);
    ended = aside_run(replay, &context, TAPE_SECONDS, how);
    result->count++;
    if (ended && !history->failed) {
        sim_junit_case(junit, name, NULL);
        return 0;
    }
    result->failed++;
    snprintf(failure, sizeof failure, "%s: %s", history->failed ? history->invariant : "crash",
             history->failed ? history->why : how);
    printf("FAILED: %s: %s; run it again with --tape %s\n", name, failure, path);
    sim_junit_case(junit, name, failure);
    return 0;
}

/* ---- the folder ---- */

struct names {
    char **items;
    size_t count, capacity;
};

static void names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->items[i]);
    mem_free(names->items);
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int list_tapes(const char *folder, struct names *ret_names)
{
    DIR *directory = opendir(folder);

    if (!directory) {
        fprintf(stderr, "podbind-sim: cannot read the folder %s\n", folder);
        return -1;
    }
    for (const struct dirent *entry; (entry = readdir(directory));) {
        const char *ending = strrchr(entry->d_name, '.');

        if (!ending || strcmp(ending, ".tape") != 0)
            continue;
        MEM_GROW(ret_names->items, ret_names->count, ret_names->capacity);
        ret_names->items[ret_names->count++] = mem_strdup(entry->d_name);
    }
    closedir(directory);
    if (ret_names->count > 0)
        qsort(ret_names->items, ret_names->count, sizeof *ret_names->items, by_name);
    return 0;
}

int kept_run(const char *folder, struct sim_junit *junit, struct kept_result *ret_result)
{
    CLEANUP(names_release) struct names names = {0};
    struct history *history = aside_memory(sizeof *history);

    if (list_tapes(folder, &names) < 0)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(strbuf_release) struct strbuf path = STRBUF_CAPPED(4096);

        strbuf_format(&path, "%s/%s", folder, names.items[i]);
        if (run_tape(strbuf_text(&path), names.items[i], history, junit, ret_result) < 0)
            return -1;
    }
    return 0;
}
