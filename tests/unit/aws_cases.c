/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/aws_cases.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FILE_CAP ((size_t)1 << 20)

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !strchr(entry->d_name, '.') &&
           strcmp(entry->d_name, "NOTICE") != 0;
}

static char *join(const char *folder, const char *name)
{
    struct strbuf path = {0};

    strbuf_format(&path, "%s/%s", folder, name);
    return strbuf_take(&path);
}

int aws_cases_run(const char *kind, const struct CMUnitTest *plain, size_t count,
                  void (*test)(void **state))
{
    CLEANUP_FREE char *folder = join("tests/cases", kind);
    struct dirent **entries = NULL;
    int found = scandir(folder, &entries, is_case, alphasort);

    if (found < 1) {
        fprintf(stderr, "%s: no cases\n", folder);
        return 1;
    }
    size_t total = count + (size_t)found;
    struct CMUnitTest *tests = mem_array(total, sizeof *tests);
    memcpy(tests, plain, count * sizeof *plain);
    for (size_t i = 0; i < (size_t)found; i++) {
        char *path = join(folder, entries[i]->d_name);

        tests[count + i] = (struct CMUnitTest){
            .name = strrchr(path, '/') + 1, .test_func = test, .initial_state = path};
    }
    int failed = _cmocka_run_group_tests(kind, tests, total, NULL, NULL);
    for (size_t i = 0; i < (size_t)found; i++) {
        mem_free(tests[count + i].initial_state);
        mem_free(entries[i]);
    }
    mem_free(entries);
    mem_free(tests);
    return failed;
}

char *aws_cases_read(const char *folder, const char *file, size_t *ret_length)
{
    CLEANUP_FREE char *path = join(folder, file);
    FILE *stream = fopen(path, "rb");

    if (!stream && errno == ENOENT)
        return NULL;
    assert_non_null(stream);
    char *text = mem_alloc(FILE_CAP + 1);
    size_t length = fread(text, 1, FILE_CAP, stream);
    fclose(stream);
    assert_true(length < FILE_CAP);
    if (ret_length)
        *ret_length = length;
    return text;
}

char *aws_cases_line(const char *folder, const char *file)
{
    char *text = aws_cases_read(folder, file, NULL);

    assert_non_null(text);
    size_t length = strlen(text);
    while (length > 0 && strchr(" \r\n", text[length - 1]))
        text[--length] = '\0';
    return text;
}

struct http_answer aws_cases_answer(int status, const char *body)
{
    struct http_answer answer = {.status = status, .content_type = "application/json"};

    strbuf_str(&answer.body, body);
    return answer;
}

void aws_cases_release(struct http_answer *answer)
{
    strbuf_release(&answer->body);
}
