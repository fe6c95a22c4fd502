/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field_json - members of a JSON object that people wrote, each of the right type and form; or a
 * defect, which is a sentence that names the field and what was expected and never quotes the
 * value. The first defect stands.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct field_defect {
    char text[256]; /* "": none so far */
};

void field_fault(struct field_defect *defect, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "an object", "a list", "a text", ... */
const char *field_kind(const json_t *value);

/* The object under `name`, NULL when absent or at fault. `path` is its name in sentences. */
const json_t *field_object(struct field_defect *defect, const json_t *from, const char *name,
                           const char *path);

/* The text itself, NULL when it is none or holds a control character. */
const char *field_clean_text(struct field_defect *defect, const json_t *value, const char *path);

struct field_rule {
    const char *path;
    const char *name;
    size_t most; /* characters */
    bool (*holds)(const char *text);
    const char *expected; /* "the name of ..." */
};
/* The text under rule->name, "" when absent or at fault. */
const char *field_text(struct field_defect *defect, const json_t *from,
                       const struct field_rule *rule);

/* Which of two or three words stands under `name`: its place, 0 when absent, -1 when another. */
int field_word(struct field_defect *defect, const json_t *spec, const char *name,
               const char *const words[3]);
