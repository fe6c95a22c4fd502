/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/health_request.h"

#include <string.h>

#define METHOD_MAX 32

struct text {
    const char *at;
    size_t length;
};

static bool equals(struct text text, const char *other)
{
    return text.length == strlen(other) && memcmp(text.at, other, text.length) == 0;
}

static bool starts_with(struct text text, const char *start)
{
    return text.length >= strlen(start) && memcmp(text.at, start, strlen(start)) == 0;
}

/* The line without its end; lines may end in LF alone. False when no whole one is there. */
static bool next_line(struct text *rest, struct text *ret_line)
{
    const char *end = memchr(rest->at, '\n', rest->length);

    if (!end)
        return false;
    size_t length = (size_t)(end - rest->at);
    *ret_line = (struct text){rest->at, length - (length > 0 && end[-1] == '\r')};
    *rest = (struct text){end + 1, rest->length - length - 1};
    return true;
}

/* Tabs and ends of lines are well in a header field, and nowhere in a target. */
static bool is_target(struct text word)
{
    for (size_t i = 0; i < word.length; i++)
        if ((unsigned char)word.at[i] <= ' ')
            return false;
    return word.length > 0;
}

static bool has_strange_bytes(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
            return true;
    }
    return false;
}

/* Cuts off what comes before the first space. */
static struct text next_word(struct text *rest)
{
    const char *space = memchr(rest->at, ' ', rest->length);
    size_t length = space ? (size_t)(space - rest->at) : rest->length;
    struct text word = {rest->at, length};

    rest->at += length + (space != NULL);
    rest->length -= length + (space != NULL);
    return word;
}

static bool is_method(struct text word)
{
    for (size_t i = 0; i < word.length; i++)
        if (word.at[i] < 'A' || word.at[i] > 'Z')
            return false;
    return word.length > 0 && word.length <= METHOD_MAX;
}

/* "HTTP/" digit "." digit */
static bool is_version(struct text word)
{
    return word.length == 8 && starts_with(word, "HTTP/") && word.at[5] >= '0' &&
           word.at[5] <= '9' && word.at[6] == '.' && word.at[7] >= '0' && word.at[7] <= '9';
}

/* The path of "/path?query" or "http://host/path?query"; false when it is neither. */
static bool find_path(struct text target, struct text *ret_path)
{
    if (starts_with(target, "http://")) {
        const char *slash = memchr(target.at + 7, '/', target.length - 7);

        if (!slash)
            return false;
        target.length -= (size_t)(slash - target.at);
        target.at = slash;
    }
    const char *query = memchr(target.at, '?', target.length);
    if (query)
        target.length = (size_t)(query - target.at);
    *ret_path = target;
    return target.length > 0 && target.at[0] == '/';
}

static enum health_verdict read_first_line(struct text line, struct health_request *ret_request)
{
    struct text method = next_word(&line), target = next_word(&line), path = {0};

    if (!is_method(method) || !is_target(target) || !is_version(line))
        return HEALTH_BROKEN;
    if (!equals(line, "HTTP/1.1") && !equals(line, "HTTP/1.0"))
        return HEALTH_VERSION;
    *ret_request = (struct health_request){
        .method = equals(method, "GET")    ? HEALTH_GET
                  : equals(method, "HEAD") ? HEALTH_HEAD
                                           : HEALTH_OTHER,
    };
    if (!find_path(target, &path))
        return ret_request->method == HEALTH_OTHER ? HEALTH_WHOLE : HEALTH_BROKEN; /* OPTIONS * */
    if (path.length < HEALTH_PATH_SIZE)
        memcpy(ret_request->path, path.at, path.length);
    return HEALTH_WHOLE;
}

enum health_verdict health_request_parse(const char *bytes, size_t length,
                                         struct health_request *ret_request)
{
    struct text rest = {bytes, length}, line;
    struct health_request request = {0};

    if (has_strange_bytes(bytes, length < HEALTH_REQUEST_MAX ? length : HEALTH_REQUEST_MAX))
        return HEALTH_BROKEN;
    if (next_line(&rest, &line)) {
        enum health_verdict verdict = read_first_line(line, &request);

        if (verdict != HEALTH_WHOLE)
            return verdict;
        while (next_line(&rest, &line)) {
            if (line.length > 0)
                continue;
            if (length - rest.length > HEALTH_REQUEST_MAX)
                break;
            *ret_request = request;
            return HEALTH_WHOLE;
        }
    }
    return length > HEALTH_REQUEST_MAX ? HEALTH_TOO_BIG : HEALTH_PARTIAL;
}
