/* SPDX-License-Identifier: Apache-2.0 */
/* The shared config file, up to the first byte 0xFF, and the credentials file behind it. What is read
 * can be written again, and is the same then; an error quotes nothing. */
#include <string.h>

#include "aws/profile_file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "tests/fuzz/fuzzing.h"

#define MARK "Zq0secretzQ9"

static bool parse(const char *bytes, size_t length, enum profile_file_kind kind,
                  struct profile_files *files)
{
    static const char *const names[] = {"config", "credentials"};
    CLEANUP_FREE char *exact = mem_dup(bytes, length);
    struct error err;

    if (profile_file_parse(exact, length, kind, names[kind], files, &err) == 0)
        return true;
    FUZZ_CHECK(err.kind == ERROR_INVALID, "a file is read or invalid");
    fuzzing_check_error(&err);
    FUZZ_CHECK(strncmp(err.text, names[kind], strlen(names[kind])) == 0,
               "the sentence begins with the file");
    FUZZ_CHECK(!strstr(err.text, MARK), "nothing of the file is quoted");
    return false;
}

static void check_section(const struct profile_files *files, const struct profile_section *section)
{
    FUZZ_CHECK(section->name && *section->name, "a section has a name");
    FUZZ_CHECK(profile_file_find(files, section->kind, section->name) == section,
               "a section is there once");
    FUZZ_CHECK(section->kind != PROFILE_SECTION_OTHER || section->count == 0,
               "of other sections only the name is kept");
    for (size_t i = 0; i < section->count; i++) {
        const struct profile_property *property = &section->properties[i];

        FUZZ_CHECK(property->name && *property->name && property->value, "a property is whole");
        FUZZ_CHECK(profile_file_property(section, property->name) == property,
                   "a property is there once");
        FUZZ_CHECK(strcmp(profile_file_value(section, property->name), property->value) == 0,
                   "a value is found by its name");
        CLEANUP_FREE char *nested = profile_file_nested(section, property->name, "eks");
        FUZZ_CHECK(!nested || strstr(property->value, nested), "what is nested is within it");
    }
}

/* As a credentials file; false when a name or value has a form that is not to be written. */
static bool write_section(const struct profile_section *section, struct strbuf *ret_text)
{
    if (section->kind != PROFILE_SECTION_PROFILE || strpbrk(section->name, "]\"'\r\n"))
        return false;
    strbuf_format(ret_text, "[%s]\n", section->name);
    for (size_t i = 0; i < section->count; i++) {
        if (strpbrk(section->properties[i].value, "\r\n#;"))
            return false;
        strbuf_format(ret_text, "%s = %s\n", section->properties[i].name,
                      section->properties[i].value);
    }
    return true;
}

static void check_written(const struct profile_section *section)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    CLEANUP(profile_files_release) struct profile_files again = {0};

    if (!write_section(section, &text))
        return;
    FUZZ_CHECK(parse(strbuf_text(&text), text.length, PROFILE_FILE_CREDENTIALS, &again),
               "what was read can be written");
    const struct profile_section *same =
        profile_file_find(&again, PROFILE_SECTION_PROFILE, section->name);
    FUZZ_CHECK(same && same->count == section->count, "a section that is written is the same");
    for (size_t i = 0; i < section->count; i++)
        FUZZ_CHECK(strcmp(profile_file_value(same, section->properties[i].name),
                          section->properties[i].value) == 0,
                   "a value that is written is the same");
}

static void check_files(const char *bytes, size_t length)
{
    const char *cut = memchr(bytes, 0xFF, length);
    size_t config = cut ? (size_t)(cut - bytes) : length;
    size_t behind = config + (cut != NULL);
    CLEANUP(profile_files_release) struct profile_files files = {0};

    if (!parse(bytes, config, PROFILE_FILE_CONFIG, &files) ||
        !parse(bytes + behind, length - behind, PROFILE_FILE_CREDENTIALS, &files))
        return;
    for (size_t i = 0; i < files.count; i++) {
        check_section(&files, &files.sections[i]);
        check_written(&files.sections[i]);
    }
}

void fuzz_one(const char *bytes, size_t length)
{
    CLEANUP(strbuf_release) struct strbuf marked = {0};

    check_files(bytes, length);
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n')
            strbuf_str(&marked, MARK);
        strbuf_char(&marked, bytes[i]);
    }
    check_files(strbuf_text(&marked), marked.length);
}
