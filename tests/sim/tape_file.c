/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/tape_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WORDS_A_LINE 16

struct words {
    uint32_t *items;
    size_t count, capacity;
};

/* The end of a number that stands there alone or before a '*'; NULL: there is none. */
static const char *read_number(const char *text, uint64_t *ret_number)
{
    char *end;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return errno == 0 && strchr("* \t\r\n", *end) ? end : NULL;
}

static const char *read_token(const char *text, struct words *words, struct error *err)
{
    uint64_t word = 0, times = 1;
    const char *end = read_number(text, &word);

    if (end && *end == '*')
        end = read_number(end + 1, &times);
    if (!end || *end == '*' || word > UINT32_MAX || times > TAPE_FILE_WORDS - words->count) {
        error_set(err, ERROR_INVALID,
                  "'%.20s' is no part of a tape, expected N or N*M, with N below 2^32 and %zu "
                  "numbers in all",
                  text, TAPE_FILE_WORDS);
        return NULL;
    }
    while (times-- > 0) {
        MEM_GROW(words->items, words->count, words->capacity);
        words->items[words->count++] = (uint32_t)word;
    }
    return end;
}

int tape_file_parse(const char *text, uint32_t **ret_words, size_t *ret_count, struct error *err)
{
    struct words words = {0};
    const char *at = text;

    while (at && *at != '\0') {
        if (*at == '#')
            at += strcspn(at, "\n");
        else if (strchr(" \t\r\n", *at))
            at++;
        else
            at = read_token(at, &words, err);
    }
    if (!at) {
        mem_free(words.items);
        return -1;
    }
    *ret_words = words.items;
    *ret_count = words.count;
    return 0;
}

int tape_file_read(const char *path, uint32_t **ret_words, size_t *ret_count, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED((size_t)16 << 20);
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t length;

    if (!file)
        return error_set(err, ERROR_INVALID, "cannot read %s: %s", path, strerror(errno));
    while ((length = fread(part, 1, sizeof part, file)) > 0)
        strbuf_add(&text, part, length);
    fclose(file);
    if (tape_file_parse(strbuf_text(&text), ret_words, ret_count, err) < 0)
        return error_wrap(err, "%s", path);
    return 0;
}

static size_t run_length(const uint32_t *words, size_t count)
{
    size_t length = 1;

    while (length < count && words[length] == words[0])
        length++;
    return length;
}

void tape_file_write(FILE *file, const char *remark, const uint32_t *words, size_t count)
{
    size_t parts = 0;

    fprintf(file, "# %s\n", remark);
    for (size_t i = 0, length; i < count; i += length) {
        length = run_length(words + i, count - i);
        fprintf(file, "%" PRIu32, words[i]);
        if (length > 1)
            fprintf(file, "*%zu", length);
        fputc(++parts % WORDS_A_LINE == 0 || i + length == count ? '\n' : ' ', file);
    }
}
