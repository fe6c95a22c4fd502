/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/profile_file.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "aws/secret_file.h"
#include "base/mem.h"

#define LINE_CAP ((size_t)16 * 1024)
#define SECTIONS_MOST 1000
#define PROPERTIES_MOST 100
#define BLANK " \t\r\f\v"

/* A stretch of the text. */
struct span {
    const char *start;
    size_t length;
};

struct parser {
    struct profile_files *files;
    enum profile_file_kind kind;
    const char *file_name;
    unsigned line;
    size_t section;  /* the one that lines belong to */
    size_t property; /* the one that a line may go on with */
    bool has_section, has_property;
};

static int refuse(const struct parser *parser, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "%s:%u: %s", parser->file_name, parser->line, what);
}

/* ---- stretches of text ---- */

static bool is_blank(char c)
{
    return c && strchr(BLANK, c);
}

static struct span trim(struct span span)
{
    while (span.length > 0 && is_blank(span.start[0])) {
        span.start++;
        span.length--;
    }
    while (span.length > 0 && is_blank(span.start[span.length - 1]))
        span.length--;
    return span;
}

static struct span rest_of(struct span span, size_t skip)
{
    return (struct span){span.start + skip, span.length - skip};
}

/* Without a comment behind white space. */
static struct span cut_comment(struct span span)
{
    for (size_t i = 1; i < span.length; i++)
        if ((span.start[i] == '#' || span.start[i] == ';') && is_blank(span.start[i - 1]))
            return (struct span){span.start, i};
    return span;
}

static struct span unquote(struct span span)
{
    char first = span.length > 1 ? span.start[0] : '\0';

    if ((first == '"' || first == '\'') && span.start[span.length - 1] == first)
        return (struct span){span.start + 1, span.length - 2};
    return span;
}

static bool is_word(struct span span, const char *word)
{
    return span.length == strlen(word) && memcmp(span.start, word, span.length) == 0;
}

/* ---- sections ---- */

static const char *const prefixes[] = {
    [PROFILE_SECTION_PROFILE] = "profile",
    [PROFILE_SECTION_SSO_SESSION] = "sso-session",
    [PROFILE_SECTION_SERVICES] = "services",
};

/* What "[...]" names in the config file. */
static enum profile_section_kind read_kind(struct span inside, struct span *ret_name)
{
    *ret_name = inside;
    if (is_word(inside, "default"))
        return PROFILE_SECTION_PROFILE;
    for (enum profile_section_kind i = 0; i < PROFILE_SECTION_OTHER; i++) {
        size_t length = strlen(prefixes[i]);

        if (inside.length > length && memcmp(inside.start, prefixes[i], length) == 0 &&
            is_blank(inside.start[length])) {
            *ret_name = trim(rest_of(inside, length));
            return i;
        }
    }
    return PROFILE_SECTION_OTHER;
}

static size_t find_section(const struct profile_files *files, enum profile_section_kind kind,
                           struct span name)
{
    size_t i = 0;

    while (i < files->count &&
           !(files->sections[i].kind == kind && is_word(name, files->sections[i].name)))
        i++;
    return i;
}

static int enter_section(struct parser *parser, enum profile_section_kind kind, struct span name,
                         struct error *err)
{
    struct profile_files *files = parser->files;

    if (name.length == 0)
        return refuse(parser, "expected a name in the brackets", err);
    parser->has_section = true;
    parser->has_property = false;
    parser->section = find_section(files, kind, name);
    if (parser->section < files->count)
        return 0;
    if (files->count >= SECTIONS_MOST)
        return refuse(parser, "expected at most 1000 sections", err);
    MEM_GROW(files->sections, files->count, files->capacity);
    files->sections[files->count++] =
        (struct profile_section){.kind = kind, .name = mem_strndup(name.start, name.length)};
    return 0;
}

static int read_section(struct parser *parser, struct span line, struct error *err)
{
    const char *close = memchr(line.start, ']', line.length);
    enum profile_section_kind kind = PROFILE_SECTION_PROFILE;

    if (!close)
        return refuse(parser, "expected ] at the end of the section's name", err);
    struct span inside = trim((struct span){line.start + 1, (size_t)(close - line.start) - 1});
    struct span behind = trim(rest_of(line, (size_t)(close - line.start) + 1));
    if (behind.length > 0 && behind.start[0] != '#' && behind.start[0] != ';')
        return refuse(parser, "expected nothing but a comment behind ]", err);
    if (parser->kind == PROFILE_FILE_CONFIG)
        kind = read_kind(inside, &inside);
    return enter_section(parser, kind, unquote(inside), err);
}

/* ---- properties ---- */

static char *lower(struct span span)
{
    char *text = mem_strndup(span.start, span.length);

    for (char *c = text; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    return text;
}

static size_t find_property(const struct profile_section *section, const char *name)
{
    size_t i = 0;

    while (i < section->count && strcasecmp(section->properties[i].name, name) != 0)
        i++;
    return i;
}

static int set_property(struct parser *parser, struct span name, struct span value,
                        struct error *err)
{
    struct profile_section *section = &parser->files->sections[parser->section];
    CLEANUP_FREE char *key = lower(name);
    size_t at = find_property(section, key);

    if (at == PROPERTIES_MOST)
        return refuse(parser, "expected at most 100 properties in a section", err);
    if (at == section->count) {
        MEM_GROW(section->properties, section->count, section->capacity);
        section->properties[section->count++] = (struct profile_property){.name = mem_strdup(key)};
    }
    secret_file_wipe(section->properties[at].value);
    section->properties[at].value = mem_strndup(value.start, value.length);
    section->properties[at].file = parser->kind;
    parser->property = at;
    parser->has_property = true;
    return 0;
}

static bool is_kept(const struct parser *parser)
{
    return parser->files->sections[parser->section].kind != PROFILE_SECTION_OTHER;
}

static int read_property(struct parser *parser, struct span line, struct error *err)
{
    const char *equals = memchr(line.start, '=', line.length);

    if (!equals)
        return refuse(parser, "expected name = value, or a section such as [default]", err);
    if (!parser->has_section)
        return refuse(parser, "expected a section such as [default] before the first property",
                      err);
    size_t before = (size_t)(equals - line.start);
    struct span name = trim((struct span){line.start, before});
    if (name.length == 0)
        return refuse(parser, "expected a name before =", err);
    if (!is_kept(parser))
        return 0;
    return set_property(parser, name, trim(cut_comment(rest_of(line, before + 1))), err);
}

static char *join_lines(const char *first, struct span more)
{
    size_t length = strlen(first);
    char *text = mem_alloc(length + 1 + more.length + 1);

    memcpy(text, first, length);
    text[length] = '\n';
    memcpy(text + length + 1, more.start, more.length);
    return text;
}

static int continue_value(struct parser *parser, struct span line, struct error *err)
{
    if (parser->has_section && !is_kept(parser))
        return 0;
    if (!parser->has_property)
        return refuse(parser, "expected no white space at the start of this line", err);
    struct profile_property *property =
        &parser->files->sections[parser->section].properties[parser->property];
    if (strlen(property->value) + line.length > LINE_CAP)
        return refuse(parser, "expected a value of at most 16384 bytes", err);
    char *joined = join_lines(property->value, trim(cut_comment(line)));
    secret_file_wipe(property->value);
    property->value = joined;
    return 0;
}

/* ---- lines ---- */

static int read_line(struct parser *parser, struct span line, struct error *err)
{
    struct span bare = trim(line);

    if (line.length > LINE_CAP)
        return refuse(parser, "expected a line of at most 16384 bytes", err);
    if (memchr(line.start, '\0', line.length))
        return refuse(parser, "expected text, without NUL bytes", err);
    if (bare.length == 0 || bare.start[0] == '#' || bare.start[0] == ';')
        return 0;
    if (is_blank(line.start[0]))
        return continue_value(parser, line, err);
    return bare.start[0] == '[' ? read_section(parser, bare, err)
                                : read_property(parser, bare, err);
}

int profile_file_parse(const char *bytes, size_t length, enum profile_file_kind kind,
                       const char *file_name, struct profile_files *files, struct error *err)
{
    struct parser parser = {.files = files, .kind = kind, .file_name = file_name};
    size_t at = length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    if (length > PROFILE_FILE_CAP)
        return error_set(err, ERROR_INVALID, "%s: expected at most %zu bytes", file_name,
                         PROFILE_FILE_CAP);
    while (at < length) {
        const char *end = memchr(bytes + at, '\n', length - at);
        struct span line = {bytes + at, end ? (size_t)(end - bytes) - at : length - at};

        parser.line++;
        if (read_line(&parser, line, err) < 0)
            return -1;
        at += line.length + 1;
    }
    return 0;
}

/* ---- what was found ---- */

static void section_release(struct profile_section *section)
{
    for (size_t i = 0; i < section->count; i++) {
        mem_free(section->properties[i].name);
        secret_file_wipe(section->properties[i].value);
    }
    mem_free(section->properties);
    mem_free(section->name);
}

void profile_files_release(struct profile_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        section_release(&files->sections[i]);
    mem_free(files->sections);
    *files = (struct profile_files){.sections = NULL};
}

const struct profile_section *profile_file_find(const struct profile_files *files,
                                                enum profile_section_kind kind, const char *name)
{
    size_t i = find_section(files, kind, (struct span){name, strlen(name)});

    return i < files->count ? &files->sections[i] : NULL;
}

const struct profile_property *profile_file_property(const struct profile_section *section,
                                                     const char *name)
{
    size_t i = find_property(section, name);

    return i < section->count ? &section->properties[i] : NULL;
}

const char *profile_file_value(const struct profile_section *section, const char *name)
{
    const struct profile_property *property = profile_file_property(section, name);

    return property ? property->value : "";
}

char *profile_file_nested(const struct profile_section *section, const char *name,
                          const char *inner)
{
    for (const char *at = strchr(profile_file_value(section, name), '\n'); at;
         at = strchr(at, '\n')) {
        at++;
        struct span line = {at, strcspn(at, "\n")};
        const char *equals = memchr(at, '=', line.length);
        if (!equals)
            continue;
        size_t before = (size_t)(equals - at);
        struct span found = trim((struct span){at, before});
        if (found.length != strlen(inner) || strncasecmp(found.start, inner, found.length) != 0)
            continue;
        struct span value = trim(rest_of(line, before + 1));
        return mem_strndup(value.start, value.length);
    }
    return NULL;
}
