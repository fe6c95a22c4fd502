/* SPDX-License-Identifier: Apache-2.0 */
/* replay - the main of a fuzz target without libFuzzer: gives it the kept inputs, or the files named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/fuzz/fuzzing.h"

#define FILE_CAP ((size_t)1 << 20)

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    CLEANUP_FREE char *bytes = mem_alloc(FILE_CAP);

    fprintf(stderr, "%s\n", path); /* the last one named is the one that crashed */
    if (!file)
        fail_msg("%s: %s", path, strerror(errno));
    size_t length = fread(bytes, 1, FILE_CAP, file);
    fclose(file);
    assert_true(length < FILE_CAP);
    CLEANUP_FREE char *exact = mem_dup(bytes, length);
    fuzz_one(exact, length);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void holds_for_what_is_kept(void **state)
{
    const char *folder = *state;
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_input, alphasort);

    if (count < 1)
        fail_msg("%s: no inputs", folder);
    for (int i = 0; i < count; i++) {
        CLEANUP(strbuf_release) struct strbuf path = {0};

        strbuf_format(&path, "%s/%s", folder, entries[i]->d_name);
        replay(strbuf_text(&path));
        mem_free(entries[i]);
    }
    mem_free(entries);
}

/* "build/san/tests/fuzz/fuzz_arn" is the target arn. */
static const char *target_of(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

    return strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
}

int main(int argc, char **argv)
{
    CLEANUP(strbuf_release) struct strbuf folder = {0};

    strbuf_format(&folder, "tests/fuzz/corpus/%s", target_of(argv[0]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(holds_for_what_is_kept, (void *)strbuf_text(&folder)),
    };
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    return argc > 1 ? 0 : cmocka_run_group_tests_name(target_of(argv[0]), tests, NULL, NULL);
}
