/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xml - reads the texts at a few known paths out of one XML document, as IAM and STS answer in.
 *
 * The caller lists the fields; xml_read() goes through the document once and fills them. Elements
 * that nobody asks for are passed over, attributes and namespaces do not count. Pure: it takes
 * bytes and a length, and keeps nothing.
 *
 * Refused, each with ERROR_INVALID and a sentence that says what was expected: more than
 * XML_DOCUMENT_CAP bytes, deeper than XML_DEPTH_CAP, a text over its cap, a field that is there
 * twice or holds elements, a DOCTYPE (so there are no entities but the five of XML itself), a
 * document that is cut off, and what is no XML: nothing at all, JSON, an HTML page. The sentence
 * quotes nothing of the document, which may hold a secret.
 *
 * The document is read as UTF-8, whatever it declares.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"

#define XML_DOCUMENT_CAP ((size_t)256 * 1024)
#define XML_DEPTH_CAP 16
#define XML_TEXT_CAP ((size_t)16 * 1024)
#define XML_PATH_CAP 512 /* all names of a path with the slashes between them */

/* One field, zeroed but for path and cap. */
struct xml_field {
    const char *path; /* local names from the root: "ErrorResponse/Error/Code" */
    size_t cap;       /* longest text in bytes; 0: XML_TEXT_CAP */
    char *text;       /* owned; NULL when the document has no such element, "" when it is empty */
};

/* Fills the texts of all fields that are there. On failure all stay NULL. */
int xml_read(const char *bytes, size_t length, struct xml_field *fields, size_t count,
             struct error *err);

/* The text, or "" when there is none. Borrowed. */
const char *xml_text(const struct xml_field *field);

/* Frees the texts and sets them to NULL. */
void xml_release(struct xml_field *fields, size_t count);
