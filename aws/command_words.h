/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_words - a command line, such as a profile's credential_process, as words. There is no
 * shell: quotes and backslashes are understood as a POSIX shell does, and nothing else is
 * ($VARIABLES, ~, pipes and * stay as they are written). Pure; may be fed anything.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define COMMAND_WORDS_MOST 64

/* The words, ended by NULL; at least one. Each and the array are owned by the caller. Fails with
 * ERROR_INVALID on an empty command, an open quote, more than COMMAND_WORDS_MOST words. */
int command_words_split(const char *text, char ***ret_words, struct error *err);
void command_words_free(char **words);
