/* SPDX-License-Identifier: Apache-2.0 */
#include "crds/syntax.h"

#include <string.h>
#include <strings.h>

#include "crds/binding.h"

#define LABEL_MAX 63
#define ROLE_MAX 64
#define ACCOUNT_DIGITS 12

static const char lower_digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char letters_digits[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool is_in(const char *set, char c)
{
    return c != '\0' && strchr(set, c) != NULL;
}

bool syntax_has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

size_t syntax_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Only bytes of `inner`, and one of `edge` at both ends. */
static bool is_bounded(const char *text, size_t length, const char *edge, const char *inner)
{
    if (length == 0 || !is_in(edge, text[0]) || !is_in(edge, text[length - 1]))
        return false;
    for (size_t i = 1; i + 1 < length; i++)
        if (!is_in(edge, text[i]) && !is_in(inner, text[i]))
            return false;
    return true;
}

static bool is_dns_name(const char *text, size_t length)
{
    for (size_t start = 0, i = 0; i <= length; i++) {
        if (i < length && text[i] != '.')
            continue;
        if (!is_bounded(text + start, i - start, lower_digits, "-"))
            return false;
        start = i + 1;
    }
    return length <= SYNTAX_NAME_MAX;
}

bool syntax_is_object_name(const char *text)
{
    return is_dns_name(text, strlen(text));
}

static bool is_label_word(const char *text)
{
    size_t length = strlen(text);

    return length <= LABEL_MAX && is_bounded(text, length, letters_digits, "-_.");
}

bool syntax_is_label_key(const char *text)
{
    const char *slash = strchr(text, '/');

    if (!slash)
        return is_label_word(text);
    return is_dns_name(text, (size_t)(slash - text)) && is_label_word(slash + 1);
}

bool syntax_is_label_value(const char *text)
{
    return *text == '\0' || is_label_word(text);
}

static bool is_path_byte(char c)
{
    return c > ' ' && c < 0x7f && c != '*' && c != '/' && c != '?';
}

bool syntax_is_role_name(const char *text)
{
    const char *slash = strrchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    size_t length = strspn(name, letters_digits);

    while (is_in(letters_digits, name[length]) || is_in("_+=,.@-", name[length]))
        length++;
    if (length == 0 || length > ROLE_MAX || name[length] != '\0')
        return false;
    for (const char *at = text; at < name; at++)
        if (*at == '/' ? at == text || at[-1] == '/' : !is_path_byte(*at))
            return false;
    return true;
}

/* "aws", "aws-cn", "aws-us-gov": returns what follows, or NULL. */
static const char *skip_partition(const char *text)
{
    if (strncmp(text, "aws", 3) != 0)
        return NULL;
    for (text += 3; *text == '-';) {
        size_t length = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz");

        if (length == 0)
            return NULL;
        text += 1 + length;
    }
    return text;
}

bool syntax_is_role_arn(const char *text)
{
    static const char service[] = ":iam::", kind[] = ":role/";
    const char *at = strncmp(text, "arn:", 4) == 0 ? skip_partition(text + 4) : NULL;

    if (!at || strlen(text) > SYNTAX_ARN_MAX || strncmp(at, service, sizeof service - 1) != 0)
        return false;
    at += sizeof service - 1;
    if (strspn(at, "0123456789") != ACCOUNT_DIGITS ||
        strncmp(at + ACCOUNT_DIGITS, kind, sizeof kind - 1) != 0)
        return false;
    return syntax_is_role_name(at + ACCOUNT_DIGITS + sizeof kind - 1);
}

bool syntax_is_tag_text(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x80 && !is_in(letters_digits, *text) &&
            !is_in(" _.:/=+-@", *text))
            return false;
    return true;
}

bool syntax_is_reserved_tag(const char *key)
{
    return strncmp(key, BINDING_GROUP "/", sizeof BINDING_GROUP) == 0 ||
           strncasecmp(key, "aws:", 4) == 0;
}
