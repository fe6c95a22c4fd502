/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "aws/arn.h"
#include "base/mem.h"
#include "controller/flag.h"

#define MAX_NAMESPACES 100
#define SHOWN 60 /* bytes of a wrong value that an error shows */

static bool is_label(const char *text, size_t length, const char *also)
{
    static const char edge[] = "abcdefghijklmnopqrstuvwxyz0123456789";

    for (size_t i = 0; i < length; i++)
        if (!strchr(edge, text[i]) && (i == 0 || i + 1 == length || !strchr(also, text[i])))
            return false;
    return length > 0;
}

/* A default found later replaces an empty text. */
static bool keep(const char *text, void *ret_member)
{
    char **owned = ret_member;

    mem_free(*owned);
    *owned = mem_strdup(text);
    return true;
}

static bool take_text(const struct flag *flag, const char *text, void *ret_member)
{
    (void)flag;
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    return strlen(text) <= 4096 && keep(text, ret_member);
}

static bool take_cluster(const struct flag *flag, const char *text, void *ret_member)
{
    struct arn_cluster_name name;
    struct error err = {0};

    (void)flag;
    return (!*text || arn_cluster_name_parse(text, &name, &err) == 0) && keep(text, ret_member);
}

static bool take_region(const struct flag *flag, const char *text, void *ret_member)
{
    struct arn_region *region = ret_member;
    struct error err = {0};

    (void)flag;
    if (*text)
        return arn_region_parse(text, region, &err) == 0;
    *region = (struct arn_region){""};
    return true;
}

static bool take_object_name(const struct flag *flag, const char *text, void *ret_member)
{
    (void)flag;
    return strlen(text) <= 253 && is_label(text, strlen(text), "-.") && keep(text, ret_member);
}

static bool take_namespace(const struct flag *flag, const char *text, void *ret_member)
{
    (void)flag;
    return (!*text || (strlen(text) <= 63 && is_label(text, strlen(text), "-"))) &&
           keep(text, ret_member);
}

static bool take_instance(const struct flag *flag, const char *text, void *ret_member)
{
    (void)flag;
    return strlen(text) <= 63 && is_label(text, strlen(text), "-._") && keep(text, ret_member);
}

static bool take_identity(const struct flag *flag, const char *text, void *ret_member)
{
    for (const char *at = text; *at; at++)
        if (!isgraph((unsigned char)*at))
            return false;
    return strlen(text) <= 255 && take_text(flag, text, ret_member);
}

static void release_names(struct options_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        mem_free(names->names[i]);
    mem_free(names->names);
    *names = (struct options_names){0};
}

static bool take_names(const struct flag *flag, const char *text, void *ret_member)
{
    CLEANUP(release_names) struct options_names names = {0};

    (void)flag;
    names.names = mem_array(MAX_NAMESPACES, sizeof *names.names);
    while (*text) {
        size_t length = strcspn(text, ",");

        if (names.count == MAX_NAMESPACES || length > 63 || !is_label(text, length, "-"))
            return false;
        names.names[names.count++] = mem_strndup(text, length);
        text += length;
        if (*text == ',' && !*++text)
            return false;
    }
    *(struct options_names *)ret_member = names;
    names = (struct options_names){0};
    return true;
}

static bool take_duration(const struct flag *flag, const char *text, void *ret_member)
{
    int64_t least = 0, most = 0, ms = 0;

    value_duration(flag->least, &least);
    value_duration(flag->most, &most);
    if (!value_duration(text, &ms) || ms < least || ms > most)
        return false;
    *(int64_t *)ret_member = ms;
    return true;
}

static bool take_whole(const struct flag *flag, const char *text, void *ret_member)
{
    int64_t least = 0, most = 0, number = 0;

    value_whole(flag->least, &least);
    value_whole(flag->most, &most);
    if (!value_whole(text, &number) || number < least || number > most)
        return false;
    *(int *)ret_member = (int)number;
    return true;
}

static bool take_decimal(const struct flag *flag, const char *text, void *ret_member)
{
    double least = 0, most = 0, number = 0;

    value_decimal(flag->least, &least);
    value_decimal(flag->most, &most);
    if (!value_decimal(text, &number) || number < least || number > most)
        return false;
    *(double *)ret_member = number;
    return true;
}

static bool take_word(const struct flag *flag, const char *text, void *ret_member)
{
    for (unsigned i = 0; flag->words[i]; i++)
        if (strcmp(text, flag->words[i]) == 0) {
            *(unsigned *)ret_member = i; /* enums without negative values are unsigned */
            return true;
        }
    return false;
}

static bool take_address(const struct flag *flag, const char *text, void *ret_member)
{
    (void)flag;
    return value_address(text, ret_member);
}

const struct flag_type flag_file = {take_text, "a file name"};
const struct flag_type flag_text = {take_text, "a text without control characters"};
const struct flag_type flag_cluster = {
    take_cluster, "the name of an EKS cluster (1 to 100 letters, digits, - and _)"};
const struct flag_type flag_region = {take_region, "an AWS region such as us-west-2"};
const struct flag_type flag_object_name = {take_object_name,
                                           "a name of lower-case letters, digits, - and ."};
const struct flag_type flag_namespace = {
    take_namespace, "a namespace (at most 63 lower-case letters, digits and -)"};
const struct flag_type flag_instance = {
    take_instance, "a name of at most 63 lower-case letters, digits, -, _ and ."};
const struct flag_type flag_identity = {take_identity,
                                        "at most 255 visible characters without spaces"};
const struct flag_type flag_namespaces = {
    take_names, "up to 100 namespaces with commas between, such as app,shop"};
const struct flag_type flag_duration = {take_duration,
                                        "a duration such as 5m, 90s, 1h30m or 500ms"};
const struct flag_type flag_whole = {take_whole, "a whole number"};
const struct flag_type flag_decimal = {take_decimal, "a number such as 2 or 0.5"};
const struct flag_type flag_word = {take_word, NULL};
const struct flag_type flag_address = {
    take_address, "an IP address and a port, such as 0.0.0.0:8080 or [::1]:8080"};

static void add_expected(const struct flag *flag, struct strbuf *text)
{
    if (flag->type->expected)
        strbuf_str(text, flag->type->expected);
    for (size_t i = 0; flag->words[i]; i++)
        strbuf_format(text, "%s%s", i == 0 ? "one of " : ", ", flag->words[i]);
    if (flag->least)
        strbuf_format(text, ", from %s to %s", flag->least, flag->most);
}

int flag_take(const struct flag *flag, const char *text, const char *origin,
              struct options *options, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    CLEANUP(strbuf_release) struct strbuf expected = {0};
    CLEANUP_FREE char *cut = mem_strndup(text, SHOWN);

    if (flag->type->take(flag, text, (char *)options + flag->member))
        return 0;
    strbuf_json(&shown, cut);
    add_expected(flag, &expected);
    return error_set(err, ERROR_INVALID, "%s: \"%s%s\" is not %s", origin, strbuf_text(&shown),
                     strlen(text) > SHOWN ? "..." : "", strbuf_text(&expected));
}
