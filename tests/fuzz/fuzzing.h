/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzzing - what the fuzz targets share. A target is a file fuzz_<name>.c with one function,
 * fuzz_one(), which hands arbitrary bytes to a parser and checks what must hold whatever they are.
 *
 * `make fuzz` links each with libFuzzer; in every other build replay.c gives it the kept inputs of
 * tests/fuzz/corpus/<name>. tools/fuzz.py makes its first inputs from tests/cases.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

/* `bytes` is a heap block of its own, exactly as long as it says, so that a read past it shows. No
 * NUL behind it. */
void fuzz_one(const char *bytes, size_t length);

/* `why` is a sentence that says what must hold. Ends the process. */
#define FUZZ_CHECK(holds, why) ((holds) ? (void)0 : fuzzing_fail(__FILE__, __LINE__, (why)))
_Noreturn void fuzzing_fail(const char *file, int line, const char *why);

/* What is still unread of an input that has several parts. */
struct fuzzing_input {
    const char *at;
    size_t left;
};
/* Cuts a line off the front: a heap text, up to the newline and to the first NUL. "" at the end. */
char *fuzzing_line(struct fuzzing_input *input);
/* All that is left, as a heap text up to the first NUL. */
char *fuzzing_text(const struct fuzzing_input *input);
/* All that is left, in a heap block of just that length. */
char *fuzzing_block(const struct fuzzing_input *input);

/* No NULL, no control byte. */
void fuzzing_check_line(const char *text);
/* A failure has a kind, which is not ERROR_BUG, and one line of words. */
void fuzzing_check_error(const struct error *err);
