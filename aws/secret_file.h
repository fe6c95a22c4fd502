/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_file - the small files that the credential sources read: tokens, and the shared config and
 * credentials files.
 *
 * What was read is wiped wherever it is given back. An error names the file and never what is in
 * it. Its kind: ERROR_NOT_FOUND when there is no such file, ERROR_DENIED when it may not be read,
 * ERROR_INVALID for all else.
 */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Appends the bytes of a file. Fails when it can't be read, is neither a regular file nor
 * /dev/null, or is longer than `cap`; never waits. `what` ("token file") begins the error. */
int secret_file_read(const char *what, const char *path, size_t cap, struct strbuf *ret_bytes,
                     struct error *err);

/* Appends the token in a file, without the white space around it. Fails as above, when there is
 * none, and unless it is all printable ASCII without spaces: no line break may reach a header. */
int secret_file_token(const char *path, size_t cap, struct strbuf *ret_token, struct error *err);
/* Fails with ERROR_INVALID unless `token` can be sent: not empty, printable ASCII, no spaces. */
int secret_file_check_token(const char *token, size_t length, struct error *err);

/* Wipes the buffer and releases it. */
void secret_file_release(struct strbuf *bytes);
/* Wipes the text and frees it. NULL is fine. */
void secret_file_wipe(char *owned);
