/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define TEXT_SIZE sizeof(((struct error *)NULL)->text)
#define DRAFT_SIZE (TEXT_SIZE + 4) /* shows where the character after a cut begins */

static void store_text(struct error *err, const char draft[DRAFT_SIZE])
{
    size_t length = utf8_cut(draft, TEXT_SIZE - 1);

    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)draft[i];

        err->text[i] = byte < 0x20 || byte == 0x7F ? ' ' : draft[i];
    }
    err->text[length] = '\0';
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    char draft[DRAFT_SIZE] = ""; /* the arguments may point into err */
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(draft, sizeof draft, format, arguments);
    va_end(arguments);
    *err = (struct error){.kind = kind};
    store_text(err, draft);
    return -1;
}

int error_wrap(struct error *err, const char *format, ...)
{
    char draft[DRAFT_SIZE] = "";
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(draft, sizeof draft, format, arguments);
    va_end(arguments);
    size_t length = strlen(draft);
    snprintf(draft + length, sizeof draft - length, ": %s", err->text);
    store_text(err, draft);
    return -1;
}

void error_clear(struct error *err)
{
    *err = (struct error){0};
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",         [ERROR_TRANSIENT] = "transient",
        [ERROR_UNKNOWN] = "unknown",   [ERROR_THROTTLED] = "throttled",
        [ERROR_CONFLICT] = "conflict", [ERROR_NOT_FOUND] = "not-found",
        [ERROR_GONE] = "gone",         [ERROR_DENIED] = "denied",
        [ERROR_INVALID] = "invalid",   [ERROR_BUG] = "bug",
    };

    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : "bug";
}
