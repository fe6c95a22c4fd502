/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_cases - the directories of tests/cases/<kind> as tests, and answers made from literals.
 */
#pragma once

#include <stddef.h>

#include "base/http.h"

struct CMUnitTest;

/* Runs the given tests, and `test` once for each directory of tests/cases/<kind>, in order of
 * names; its *state is the directory's path. A kind without directories fails. Returns how many
 * failed. */
int aws_cases_run(const char *kind, const struct CMUnitTest *plain, size_t count,
                  void (*test)(void **state));

/* A file of a case: its length in *ret_length unless that is NULL. NULL when there is none; ends
 * the test when it cannot be read. Free with mem_free(). */
char *aws_cases_read(const char *folder, const char *file, size_t *ret_length);
/* The same without white space at its end; fails the test when there is none. */
char *aws_cases_line(const char *folder, const char *file);

/* An answer with this body; released with aws_cases_release(). */
struct http_answer aws_cases_answer(int status, const char *body);
void aws_cases_release(struct http_answer *answer);
