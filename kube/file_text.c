/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/file_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void close_file(const int *file)
{
    if (*file >= 0)
        close(*file);
}

static ssize_t read_some(int file, char *bytes, size_t size)
{
    ssize_t count;
    do
        count = read(file, bytes, size);
    while (count < 0 && errno == EINTR);
    return count;
}

int file_text_read(const char *path, size_t cap, struct strbuf *ret_text, struct error *err)
{
    CLEANUP(close_file) int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0)
        return error_set(err, ERROR_INVALID, "cannot open %s: %s", path, strerrordesc_np(errno));
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(cap);
    char bytes[4096];
    ssize_t count;
    while ((count = read_some(file, bytes, sizeof bytes)) > 0) {
        if (memchr(bytes, '\0', (size_t)count) != NULL)
            return error_set(err, ERROR_INVALID, "%s holds a NUL byte, expected text", path);
        strbuf_add(&text, bytes, (size_t)count);
        if (!strbuf_ok(&text))
            return error_set(err, ERROR_INVALID, "%s is larger than %zu bytes", path, cap);
    }
    if (count < 0)
        return error_set(err, ERROR_INVALID, "cannot read %s: %s", path, strerrordesc_np(errno));
    strbuf_add(ret_text, strbuf_text(&text), text.length);
    return 0;
}
