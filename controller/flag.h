/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flag - the table of all settings: what they are called, what they take, what is the default, and
 * into which member of struct options they go. Help, errors and reading all follow from it.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "controller/options.h"

struct flag;

/* A form that values have. */
struct flag_type {
    /* Reads `text` into the member; false when it has not this form or is out of bounds. */
    bool (*take)(const struct flag *flag, const char *text, void *ret_member);
    const char *expected; /* "a duration such as 5m"; NULL: one of the flag's words */
};

struct flag {
    const char *name;     /* "cluster-name" */
    const char *argument; /* "NAME" */
    const char *fallback; /* default, as text; "": none */
    const struct flag_type *type;
    size_t member;            /* offset in struct options */
    const char *least, *most; /* bounds, written like a value; NULL: none */
    const char *words[5];     /* choices, in the order of the enum; ended by NULL */
    const char *help;
};

/* The forms there are (flag_form.c). */
extern const struct flag_type flag_file, flag_text, flag_cluster, flag_region, flag_object_name,
    flag_namespace, flag_instance, flag_identity, flag_namespaces, flag_duration, flag_whole,
    flag_decimal, flag_word, flag_address;

extern const struct flag flag_table[];
extern const size_t flag_count;

/* By name, without dashes; NULL when unknown. */
const struct flag *flag_find(const char *name, size_t length);
/* The known one that `name` is most like. */
const struct flag *flag_nearest(const char *name, size_t length);
/* The place in the table. */
size_t flag_index(const struct flag *flag);

/* "PODBIND_CLUSTER_NAME" */
#define FLAG_VARIABLE_SIZE 64
void flag_variable(const struct flag *flag, char ret_name[FLAG_VARIABLE_SIZE]);

/* Reads a value into `options`. `origin` ("--mode", "PODBIND_MODE", "podbind.yaml:3: mode") begins
 * the error. */
int flag_take(const struct flag *flag, const char *text, const char *origin,
              struct options *options, struct error *err);
