/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/xml.h"

#include <expat.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"

/* Where the reader stands. */
struct reading {
    XML_Parser parser;
    struct xml_field *fields;
    size_t count;
    char path[XML_PATH_CAP];
    size_t path_length;
    size_t parents[XML_DEPTH_CAP]; /* the path's length outside of each open element */
    size_t depth;
    struct xml_field *open; /* the field whose element is open */
    struct strbuf text;     /* of that field */
    bool refused;           /* err says why */
    struct error *err;
};

__attribute__((format(printf, 2, 3))) static void refuse(struct reading *reading,
                                                         const char *format, ...)
{
    char why[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (!reading->refused)
        error_set(reading->err, ERROR_INVALID, "%s, at line %lu", why,
                  (unsigned long)XML_GetCurrentLineNumber(reading->parser));
    reading->refused = true;
    XML_StopParser(reading->parser, XML_FALSE);
}

static struct xml_field *find_field(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++)
        if (strcmp(reading->fields[i].path, reading->path) == 0)
            return &reading->fields[i];
    return NULL;
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

/* Adds the element to the path; false when it does not fit. */
static bool enter(struct reading *reading, const char *name)
{
    size_t length = strlen(name), slash = reading->depth > 0;

    if (reading->depth == XML_DEPTH_CAP) {
        refuse(reading, "elements nested deeper than %d", XML_DEPTH_CAP);
        return false;
    }
    if (reading->path_length + slash + length >= sizeof reading->path) {
        refuse(reading, "element names of together more than %d bytes", XML_PATH_CAP);
        return false;
    }
    reading->parents[reading->depth++] = reading->path_length;
    if (slash)
        reading->path[reading->path_length++] = '/';
    memcpy(reading->path + reading->path_length, name, length + 1);
    reading->path_length += length;
    return true;
}

static void on_start(void *context, const char *name, const char **attributes)
{
    struct reading *reading = context;

    (void)attributes;
    if (reading->refused)
        return;
    if (reading->open) {
        refuse(reading, "an element within %s, expected a text", reading->open->path);
        return;
    }
    if (!enter(reading, local_name(name)))
        return;
    reading->open = find_field(reading);
    if (!reading->open)
        return;
    if (reading->open->text)
        refuse(reading, "%s is there twice", reading->open->path);
    reading->text.cap = reading->open->cap ? reading->open->cap : XML_TEXT_CAP;
}

static void on_text(void *context, const char *text, int length)
{
    struct reading *reading = context;

    if (reading->refused || !reading->open)
        return;
    strbuf_add(&reading->text, text, (size_t)length);
    if (!strbuf_ok(&reading->text))
        refuse(reading, "the text of %s has more than %zu bytes", reading->open->path,
               reading->text.cap);
}

static void on_end(void *context, const char *name)
{
    struct reading *reading = context;

    (void)name;
    if (reading->refused)
        return;
    if (reading->open)
        reading->open->text = strbuf_take(&reading->text);
    reading->open = NULL;
    reading->path_length = reading->parents[--reading->depth];
    reading->path[reading->path_length] = '\0';
}

static void on_doctype(void *context, const char *name, const char *system_id,
                       const char *public_id, int internal)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)internal;
    refuse(context, "a DOCTYPE, which is not taken");
}

/* What the parser itself could not read. */
static int syntax_error(const struct reading *reading)
{
    enum XML_Error code = XML_GetErrorCode(reading->parser);
    unsigned long line = (unsigned long)XML_GetCurrentLineNumber(reading->parser);
    unsigned long column = (unsigned long)XML_GetCurrentColumnNumber(reading->parser) + 1;

    switch (code) {
    case XML_ERROR_NO_ELEMENTS:
    case XML_ERROR_UNCLOSED_TOKEN:
    case XML_ERROR_PARTIAL_CHAR:
    case XML_ERROR_UNCLOSED_CDATA_SECTION:
        return error_set(reading->err, ERROR_INVALID, "the XML is cut off at line %lu, column %lu",
                         line, column);
    default:
        return error_set(reading->err, ERROR_INVALID, "not XML: %s at line %lu, column %lu",
                         XML_ErrorString(code), line, column);
    }
}

static int parse(struct reading *reading, const char *bytes, size_t length)
{
    XML_SetUserData(reading->parser, reading);
    XML_SetElementHandler(reading->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading->parser, on_doctype);
    if (XML_Parse(reading->parser, bytes, (int)length, XML_TRUE) == XML_STATUS_OK)
        return 0;
    return reading->refused ? -1 : syntax_error(reading);
}

static bool begins_with(const char *bytes, size_t length, const char *word)
{
    return length >= strlen(word) && strncasecmp(bytes, word, strlen(word)) == 0;
}

/* What it is instead of XML, if that can be seen at once; else NULL. */
static const char *other_format(const char *bytes, size_t length)
{
    while (length > 0 && memchr(" \t\r\n", *bytes, 4)) {
        bytes++;
        length--;
    }
    if (length == 0)
        return "nothing";
    if (*bytes == '{' || *bytes == '[')
        return "JSON";
    if (begins_with(bytes, length, "<!doctype html") || begins_with(bytes, length, "<html"))
        return "an HTML page";
    return *bytes == '<' || (unsigned char)*bytes == 0xEF ? NULL : "plain text";
}

int xml_read(const char *bytes, size_t length, struct xml_field *fields, size_t count,
             struct error *err)
{
    static const XML_Memory_Handling_Suite memory = {mem_alloc, mem_resize, mem_free};
    struct reading reading = {.fields = fields, .count = count, .err = err};

    if (length > XML_DOCUMENT_CAP)
        return error_set(err, ERROR_INVALID, "more than %zu bytes, expected a shorter XML document",
                         XML_DOCUMENT_CAP);
    if (other_format(bytes, length))
        return error_set(err, ERROR_INVALID, "%s, expected XML", other_format(bytes, length));
    reading.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    int done = parse(&reading, bytes, length);
    XML_ParserFree(reading.parser);
    strbuf_release(&reading.text);
    if (done < 0)
        xml_release(fields, count);
    return done;
}

const char *xml_text(const struct xml_field *field)
{
    return field->text ? field->text : "";
}

void xml_release(struct xml_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(fields[i].text);
        fields[i].text = NULL;
    }
}
