/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/command_words.h"

#include <stdbool.h>
#include <string.h>

#include "aws/secret_file.h"
#include "base/mem.h"
#include "base/strbuf.h"

#define BLANK " \t\r\n"

void command_words_free(char **words)
{
    for (char **word = words; word && *word; word++)
        secret_file_wipe(*word);
    mem_free(words);
}

static void free_words(char ***words)
{
    command_words_free(*words);
}

/* One that stands outside single quotes: "\x" is x, but in double quotes only before what would
 * count there. Returns behind it; NULL at the end of the text. */
static const char *read_backslash(const char *at, bool quoted, struct strbuf *word)
{
    if (!at[1])
        return NULL;
    if (quoted && !strchr("\"\\$`", at[1]))
        strbuf_char(word, '\\');
    strbuf_char(word, at[1]);
    return at + 2;
}

/* From the quote to behind the one that ends it; NULL when none does. */
static const char *read_quoted(const char *at, struct strbuf *word)
{
    char quote = *at++;

    while (at && *at && *at != quote) {
        if (*at == '\\' && quote == '"')
            at = read_backslash(at, true, word);
        else
            strbuf_char(word, *at++);
    }
    return at && *at ? at + 1 : NULL;
}

static const char *read_word(const char *at, struct strbuf *word)
{
    while (at && *at && !strchr(BLANK, *at)) {
        if (*at == '"' || *at == '\'')
            at = read_quoted(at, word);
        else if (*at == '\\')
            at = read_backslash(at, false, word);
        else
            strbuf_char(word, *at++);
    }
    return at;
}

int command_words_split(const char *text, char ***ret_words, struct error *err)
{
    CLEANUP(free_words) char **words = mem_array(COMMAND_WORDS_MOST + 1, sizeof *words);
    size_t count = 0;

    for (const char *at = text + strspn(text, BLANK); *at; at += strspn(at, BLANK)) {
        CLEANUP(secret_file_release) struct strbuf word = {0};

        if (count >= COMMAND_WORDS_MOST)
            return error_set(err, ERROR_INVALID, "expected at most %d words", COMMAND_WORDS_MOST);
        at = read_word(at, &word);
        if (!at)
            return error_set(
                err, ERROR_INVALID,
                "expected a quote to end what a quote begins, and something behind \\");
        words[count++] = strbuf_take(&word);
    }
    if (count == 0 || !*words[0])
        return error_set(err, ERROR_INVALID, "expected a program and its arguments");
    *ret_words = words;
    words = NULL;
    return 0;
}
