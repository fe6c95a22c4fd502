/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_file - the parser of the AWS SDKs' shared config and credentials files. It takes bytes
 * and a length, reads no file, and may be fed anything (fuzz profile_file_parse()).
 *
 * The form. A line is a section "[...]", a property "name = value", a comment that begins with #
 * or ;, or blank. White space around names and values does not count. A value ends before a # or ;
 * that stands behind white space. A line that begins with white space goes on with the value above
 * it. CR LF is fine, and so is a byte order mark.
 *
 *     config file         [default], [profile NAME], [sso-session NAME], [services NAME]
 *     credentials file    [NAME]
 *
 * The name may stand in quotes. Of the config file's other sections only the name is kept, so that
 * an error can say what is wrong with it. A section given twice is one section; the later value of
 * a property counts, and a value of the credentials file, parsed last, counts before one of the
 * config file. Property names are compared without regard to case.
 *
 * Caps: PROFILE_FILE_CAP bytes, 16 KiB a line, 1,000 sections, 100 properties a section. An error
 * is ERROR_INVALID, names file and line, and quotes nothing: the text may hold a secret.
 *
 * Sources: SDK reference guide "Shared config and credentials files"; what botocore takes.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define PROFILE_FILE_CAP ((size_t)256 * 1024)

enum profile_file_kind { PROFILE_FILE_CONFIG, PROFILE_FILE_CREDENTIALS };

enum profile_section_kind {
    PROFILE_SECTION_PROFILE,
    PROFILE_SECTION_SSO_SESSION,
    PROFILE_SECTION_SERVICES,
    PROFILE_SECTION_OTHER, /* of the config file; without its properties */
};

struct profile_property {
    char *name;  /* lower case */
    char *value; /* the lines of a value that goes on have "\n" between them */
    enum profile_file_kind file;
};

struct profile_section {
    enum profile_section_kind kind;
    char *name;
    struct profile_property *properties;
    size_t count, capacity;
};

/* Of one file or both. Zeroed is empty. */
struct profile_files {
    struct profile_section *sections;
    size_t count, capacity;
};
/* Wipes the values. */
void profile_files_release(struct profile_files *files);

/* Adds what is in a file of that kind; the config file first. `file_name` is for errors. After a
 * failure `files` holds a part of it, and is good for release only. */
int profile_file_parse(const char *bytes, size_t length, enum profile_file_kind kind,
                       const char *file_name, struct profile_files *files, struct error *err);

/* NULL when there is none. */
const struct profile_section *profile_file_find(const struct profile_files *files,
                                                enum profile_section_kind kind, const char *name);
/* NULL when there is none. */
const struct profile_property *profile_file_property(const struct profile_section *section,
                                                     const char *name);
/* The value, or "" when there is none. */
const char *profile_file_value(const struct profile_section *section, const char *name);
/* The value of `inner` among the lines "inner = value" that go on with a property, such as "eks" in
 * a services section. Owned by the caller; NULL when there is none. */
char *profile_file_nested(const struct profile_section *section, const char *name,
                          const char *inner);
