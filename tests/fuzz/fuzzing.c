/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzzing.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Called by libFuzzer, and by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    fuzz_one(length > 0 ? (const char *)bytes : "", length);
    return 0;
}

_Noreturn void fuzzing_fail(const char *file, int line, const char *why)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, why);
    abort();
}

char *fuzzing_line(struct fuzzing_input *input)
{
    const char *end = memchr(input->at, '\n', input->left);
    size_t length = end ? (size_t)(end - input->at) : input->left;
    char *line = mem_strndup(input->at, length);
    size_t used = length + (end != NULL);

    *input = (struct fuzzing_input){input->at + used, input->left - used};
    return line;
}

char *fuzzing_text(const struct fuzzing_input *input)
{
    return mem_strndup(input->at, input->left);
}

char *fuzzing_block(const struct fuzzing_input *input)
{
    return mem_dup(input->at, input->left);
}

void fuzzing_check_line(const char *text)
{
    FUZZ_CHECK(text, "a text is never NULL");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        FUZZ_CHECK(*c >= 0x20 && *c != 0x7F, "no control byte gets through");
}

void fuzzing_check_error(const struct error *err)
{
    FUZZ_CHECK(err->kind > ERROR_NONE && err->kind < ERROR_BUG, "a failure has a kind");
    FUZZ_CHECK(*err->text, "a failure has words");
    fuzzing_check_line(err->text);
    fuzzing_check_line(err->code);
}
