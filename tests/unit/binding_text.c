/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/binding_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/mem.h"
#include "crds/binding_json.h"

json_t *parse_quoted(const char *format, ...)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    struct error err = {0};
    va_list arguments;
    char line[8192];
    json_t *document;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (const char *at = line; *at; at++)
        strbuf_char(&text, *at == '\'' ? '"' : *at);
    document = json_parse(text.text, text.length, &err);
    if (!document)
        fail_msg("%s in %s", err.text, text.text);
    return document;
}

struct binding *read_binding(const json_t *document)
{
    struct error err = {0};
    struct binding *binding = binding_from_json(document, &err);

    if (!binding)
        fail_msg("%s", err.text);
    return binding;
}

struct binding *with_spec(const char *spec)
{
    CLEANUP_JSON json_t *document = parse_quoted("{" KIND "," METADATA ",'spec':{%s}}", spec);

    return read_binding(document);
}
