/* SPDX-License-Identifier: Apache-2.0 */
/* options_world - options read from make-believe arguments, environment and files. */
#pragma once

#include "controller/options.h"

/* Arguments end with NULL, and so does the environment: NAME, value, NAME, value, ... */
#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ARGUMENTS ((const char *const[]){NULL})

/* What is always needed, so that each case only names what it is about. */
extern const char *const enough[];

struct options_source make_source(const char *const *environment, const char *root);
int read_them(const char *const *arguments, const char *const *environment,
              struct options *ret_options, struct error *err);
/* Fails the test when they are refused. Released by the caller. */
struct options read_good(const char *const *arguments, const char *const *environment);

/* A file with this content, to be unlinked by the caller. */
void write_file(char ret_path[32], const char *content);
