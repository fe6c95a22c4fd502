/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_url.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Decodes in place. */
static bool decode(char *text, bool plus_is_space)
{
    char *out = text;

    for (const char *in = text; *in; in++) {
        char c = *in;

        if (c == '+' && plus_is_space)
            c = ' ';
        if (c == '%') {
            if (!isxdigit((unsigned char)in[1]) || !isxdigit((unsigned char)in[2]))
                return false;
            c = (char)(hex_value(in[1]) << 4 | hex_value(in[2]));
            in += 2;
        }
        if (!c)
            return false;
        *out++ = c;
    }
    *out = '\0';
    return true;
}

/* Cuts `text` at the next `separator` and returns what follows, or NULL at the end. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);

    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static bool add_parameter(struct standin_url *url, char *text, bool plus_is_space)
{
    char *value = cut(text, '=');

    if (url->parameter_count == STANDIN_PARAMETERS_MAX || !decode(text, plus_is_space) ||
        (value && !decode(value, plus_is_space)))
        return false;
    url->parameters[url->parameter_count++] = (struct standin_parameter){text, value ? value : ""};
    return true;
}

static bool parse_parameters(struct standin_url *url, char *text, bool plus_is_space)
{
    while (text) {
        char *next = cut(text, '&');

        if (*text && !add_parameter(url, text, plus_is_space))
            return false;
        text = next;
    }
    return true;
}

static bool parse_path(struct standin_url *url, char *text)
{
    if (*text++ != '/')
        return false;
    while (text) {
        char *next = cut(text, '/');

        if (url->segment_count == STANDIN_SEGMENTS_MAX || !decode(text, false))
            return false;
        url->segments[url->segment_count++] = text;
        text = next;
    }
    return true;
}

bool standin_url_parse(const char *target, struct standin_url *ret_url)
{
    struct standin_url url = {.owned = mem_strdup(target)};
    char *query = cut(url.owned, '?');

    if (parse_path(&url, url.owned) && parse_parameters(&url, query, false)) {
        *ret_url = url;
        return true;
    }
    standin_url_release(&url);
    return false;
}

bool standin_form_parse(const char *body, size_t length, struct standin_url *ret_url)
{
    struct standin_url url = {.owned = mem_strndup(body, length)};

    if (parse_parameters(&url, url.owned, true)) {
        *ret_url = url;
        return true;
    }
    standin_url_release(&url);
    return false;
}

bool standin_url_matches(const struct standin_url *url, const char *pattern)
{
    size_t i = 0;

    for (; *pattern && i < url->segment_count; i++) {
        size_t length = strcspn(pattern, "/");

        if (*pattern != '*' &&
            (strlen(url->segments[i]) != length || strncmp(url->segments[i], pattern, length) != 0))
            return false;
        pattern += length + (pattern[length] == '/');
    }
    return !*pattern && i == url->segment_count;
}

const char *standin_parameter(const struct standin_url *url, const char *name)
{
    for (size_t i = 0; i < url->parameter_count; i++)
        if (strcmp(url->parameters[i].name, name) == 0)
            return url->parameters[i].value;
    return NULL;
}

void standin_url_release(struct standin_url *url)
{
    mem_free(url->owned);
    *url = (struct standin_url){0};
}
