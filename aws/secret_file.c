/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/mem.h"

void secret_file_release(struct strbuf *bytes)
{
    if (bytes->text)
        explicit_bzero(bytes->text, bytes->capacity);
    strbuf_release(bytes);
}

void secret_file_wipe(char *owned)
{
    if (owned)
        explicit_bzero(owned, strlen(owned));
    mem_free(owned);
}

static void close_file(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int refuse_errno(const char *what, const char *path, struct error *err)
{
    enum error_kind kind = errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND
                           : errno == EACCES || errno == EPERM ? ERROR_DENIED
                                                               : ERROR_INVALID;

    return error_set(err, kind, "%s %s: %s", what, path, strerrordesc_np(errno));
}

/* Its errno stays for the message. */
static bool read_whole(int fd, struct strbuf *text)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof bytes)) != 0) {
        if (got > 0)
            strbuf_add(text, bytes, (size_t)got);
        else if (errno != EINTR)
            break;
        if (!strbuf_ok(text))
            break;
    }
    explicit_bzero(bytes, sizeof bytes);
    return got == 0;
}

/* People name it where they want no such file. */
static bool is_dev_null(const struct stat *about)
{
    return S_ISCHR(about->st_mode) && about->st_rdev == makedev(1, 3);
}

int secret_file_read(const char *what, const char *path, size_t cap, struct strbuf *ret_bytes,
                     struct error *err)
{
    CLEANUP(secret_file_release) struct strbuf text = STRBUF_CAPPED(cap);
    CLEANUP(close_file) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;

    if (fd < 0 || fstat(fd, &about) < 0)
        return refuse_errno(what, path, err);
    if (!S_ISREG(about.st_mode) && !is_dev_null(&about))
        return error_set(err, ERROR_INVALID, "%s %s: expected a regular file", what, path);
    if (about.st_size > (off_t)cap)
        return error_set(err, ERROR_INVALID, "%s %s: expected at most %zu bytes", what, path, cap);
    if (!read_whole(fd, &text)) {
        if (strbuf_ok(&text))
            return refuse_errno(what, path, err);
        return error_set(err, ERROR_INVALID, "%s %s: it grew while it was read", what, path);
    }
    strbuf_add(ret_bytes, strbuf_text(&text), text.length);
    return 0;
}

int secret_file_check_token(const char *token, size_t length, struct error *err)
{
    if (length == 0)
        return error_set(err, ERROR_INVALID, "it is empty");
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] >= 0x7F)
            return error_set(err, ERROR_INVALID,
                             "expected printable characters without spaces and line breaks");
    return 0;
}

int secret_file_token(const char *path, size_t cap, struct strbuf *ret_token, struct error *err)
{
    CLEANUP(secret_file_release) struct strbuf text = STRBUF_CAPPED(cap);
    size_t start = 0;

    if (secret_file_read("token file", path, cap, &text, err) < 0)
        return -1;
    while (start < text.length && strchr(" \t\r\n", text.text[start]) && text.text[start])
        start++;
    size_t end = text.length;
    while (end > start && strchr(" \t\r\n", text.text[end - 1]) && text.text[end - 1])
        end--;
    if (secret_file_check_token(strbuf_text(&text) + start, end - start, err) < 0)
        return error_wrap(err, "token file %s", path);
    strbuf_add(ret_token, text.text + start, end - start);
    return 0;
}
