/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What profiles come to. A case is a directory of tests/cases/profile: `config` and `credentials`
 * (each may be absent), `profile` (what AWS_PROFILE says; absent: nothing), and `expected`: the
 * stages of the chain, the region, or the error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/credentials_chain.h"
#include "base/mem.h"
#include "tests/unit/aws_cases.h"

/* ---- a chain in words ---- */

static void say_member(struct strbuf *text, const char *name, const char *value)
{
    if (value && *value)
        strbuf_format(text, " %s=%s", name, value);
}

static void say_stage(const struct credentials_stage *stage, struct strbuf *text)
{
    strbuf_str(text, stage->method->name);
    say_member(text, "key", stage->set.access_key_id);
    say_member(text, "secret", stage->set.secret_key);
    say_member(text, "token", stage->set.session_token);
    say_member(text, "url", stage->url);
    say_member(text, "token_file", stage->token_file);
    say_member(text, "role", stage->role_arn);
    say_member(text, "session", stage->session_name);
    say_member(text, "external_id", stage->external_id);
    say_member(text, "origin", stage->imds.origin);
    if (stage->duration_s > 0)
        strbuf_format(text, " duration=%d", stage->duration_s);
    for (char **word = stage->argv; word && *word; word++)
        strbuf_format(text, " [%s]", *word);
    strbuf_char(text, '\n');
}

static void say_chain(const struct credentials_environment *from, struct strbuf *text)
{
    CLEANUP(credentials_chain_release) struct credentials_chain chain = {.source = NULL};
    struct error err = {0};

    if (credentials_chain_make(from, &chain, &err) < 0) {
        strbuf_format(text, "error: %s\n", err.text);
        assert_int_equal(chain.count, 0);
        return;
    }
    strbuf_format(text, "source: %s\n", chain.source ? chain.name : "none");
    for (size_t i = 0; i < chain.count; i++)
        say_stage(&chain.stages[i], text);
}

static void say_region(const struct credentials_environment *from, struct strbuf *text)
{
    struct arn_region region;
    struct error err = {0};

    if (profile_region(&from->profile, &region, &err) < 0)
        strbuf_format(text, "region error: %s\n", err.text);
    else if (*region.text)
        strbuf_format(text, "region: %s\n", region.text);
}

/* ---- a case ---- */

/* Owned; "" when the case has no such file. */
static char *path_in(const char *folder, const char *file)
{
    CLEANUP_FREE char *there = aws_cases_read(folder, file, NULL);
    struct strbuf path = {0};

    if (there)
        strbuf_format(&path, "%s/%s", folder, file);
    return strbuf_take(&path);
}

static void the_profile_comes_to_this(void **state)
{
    const char *folder = *state;
    CLEANUP_FREE char *config = path_in(folder, "config");
    CLEANUP_FREE char *credentials = path_in(folder, "credentials");
    CLEANUP_FREE char *named = path_in(folder, "profile");
    CLEANUP_FREE char *profile = *named ? aws_cases_line(folder, "profile") : mem_strdup("");
    CLEANUP_FREE char *expected = aws_cases_read(folder, "expected", NULL);
    CLEANUP(strbuf_release) struct strbuf text = {0};
    const struct credentials_environment from = {
        .profile = {.profile = profile,
                    .config_file = config,
                    .credentials_file = credentials,
                    .home = "/nowhere"},
        .imds = {.disabled = "true"},
    };

    say_chain(&from, &text);
    if (strncmp(strbuf_text(&text), "error", 5) != 0)
        say_region(&from, &text);
    assert_non_null(expected);
    assert_string_equal(strbuf_text(&text), expected);
}

/* ---- what is easier said than laid out in files ---- */

static int parse(const char *text, size_t length, struct error *err)
{
    CLEANUP(profile_files_release) struct profile_files files = {.sections = NULL};

    return profile_file_parse(text, length, PROFILE_FILE_CONFIG, "config", &files, err);
}

static void expect_refused(const struct strbuf *text, const char *words)
{
    struct error err = {0};

    assert_int_equal(parse(strbuf_text(text), text->length, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, words))
        fail_msg("%s; expected %s", err.text, words);
    assert_null(strstr(err.text, "HIDDEN"));
}

static void what_is_too_large_is_refused(void **state)
{
    CLEANUP(strbuf_release) struct strbuf huge = {0};
    CLEANUP(strbuf_release) struct strbuf line = {0};
    CLEANUP(strbuf_release) struct strbuf many = {0};
    CLEANUP(strbuf_release) struct strbuf full = {0};

    (void)state;
    for (int i = 0; i < 20000; i++)
        strbuf_str(i < 1700 ? &line : &huge, "HIDDENHIDD");
    strbuf_str(&huge, "\n# ");
    while (huge.length <= PROFILE_FILE_CAP)
        strbuf_str(&huge, "HIDDENHIDD");
    for (int i = 0; i < 1001; i++)
        strbuf_format(&many, "[profile p%d]\n", i);
    strbuf_str(&full, "[default]\n");
    for (int i = 0; i < 101; i++)
        strbuf_format(&full, "p%d = HIDDEN\n", i);
    expect_refused(&huge, "expected at most 262144 bytes");
    expect_refused(&line, "config:1: expected a line of at most 16384 bytes");
    expect_refused(&many, "config:1001: expected at most 1000 sections");
    expect_refused(&full, "config:102: expected at most 100 properties");
}

static void a_nul_byte_is_refused(void **state)
{
    struct error err = {0};

    (void)state;
    assert_int_equal(parse("[default]\na = b\0c\n", 18, &err), -1);
    assert_string_equal(err.text, "config:2: expected text, without NUL bytes");
}

/* No byte behind the length is looked at. */
static void the_length_counts(void **state)
{
    CLEANUP(profile_files_release) struct profile_files files = {.sections = NULL};
    struct error err;

    (void)state;
    assert_int_equal(profile_file_parse("[default]\nregion = us-west-2", 15, PROFILE_FILE_CONFIG,
                                        "c", &files, &err),
                     -1);
    assert_string_equal(err.text, "c:2: expected name = value, or a section such as [default]");
    assert_int_equal(parse("", 0, &err), 0);
}

static void what_is_nested_in_a_property_can_be_had(void **state)
{
    static const char text[] = "[services mine]\neks =\n  endpoint_url = http://127.0.0.1:1\n"
                               "  other = x\nsts = \n\tendpoint_url=http://127.0.0.1:2\n";
    CLEANUP(profile_files_release) struct profile_files files = {.sections = NULL};
    struct error err;

    (void)state;
    assert_int_equal(profile_file_parse(text, strlen(text), PROFILE_FILE_CONFIG, "c", &files, &err),
                     0);
    const struct profile_section *section =
        profile_file_find(&files, PROFILE_SECTION_SERVICES, "mine");
    assert_non_null(section);
    CLEANUP_FREE char *eks = profile_file_nested(section, "eks", "Endpoint_URL");
    CLEANUP_FREE char *sts = profile_file_nested(section, "sts", "endpoint_url");
    assert_string_equal(eks, "http://127.0.0.1:1");
    assert_string_equal(sts, "http://127.0.0.1:2");
    assert_null(profile_file_nested(section, "iam", "endpoint_url"));
    assert_null(profile_file_nested(section, "eks", "endpoint"));
}

/* ---- where the files lie ---- */

static void expect_load(const struct profile_environment *from, enum error_kind kind,
                        const char *words)
{
    CLEANUP(profile_release) struct profile profile = {.name = NULL};
    struct error err = {0};
    int loaded = profile_load(from, &profile, &err);

    assert_int_equal(loaded, kind == ERROR_NONE ? 0 : -1);
    if (err.kind != kind || !strstr(err.text, words))
        fail_msg("%s: %s; expected %s", error_kind_name(err.kind), err.text, words);
}

static void only_a_file_that_is_named_must_be_there(void **state)
{
    (void)state;
    expect_load(&(struct profile_environment){.home = "/nowhere"}, ERROR_NONE, "");
    expect_load(&(struct profile_environment){.home = NULL}, ERROR_NONE, "");
    expect_load(&(struct profile_environment){.config_file = "/dev/null"}, ERROR_NONE, "");
    expect_load(&(struct profile_environment){.config_file = "/nowhere/config"}, ERROR_NOT_FOUND,
                "config file /nowhere/config: No such file");
    expect_load(&(struct profile_environment){.credentials_file = "~/c", .home = "/nowhere"},
                ERROR_NOT_FOUND, "credentials file /nowhere/c: No such file");
    expect_load(&(struct profile_environment){.credentials_file = "/tmp"}, ERROR_INVALID,
                "credentials file /tmp: expected a regular file");
    expect_load(&(struct profile_environment){.profile = "x", .home = "/nowhere"}, ERROR_INVALID,
                "AWS_PROFILE: there is no profile \"x\" in /nowhere/.aws/config or "
                "/nowhere/.aws/credentials");
}

static void the_files_of_the_home_are_found(void **state)
{
    CLEANUP(profile_release) struct profile profile = {.name = NULL};
    struct error err;

    (void)state;
    if (profile_load(&(struct profile_environment){.home = "tests/cases/profile/at-home"}, &profile,
                     &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(profile_value(&profile, "region"), "eu-central-1");
    assert_string_equal(profile_value(&profile, "aws_access_key_id"), "AKIDHOME");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(the_length_counts),
        cmocka_unit_test(what_is_nested_in_a_property_can_be_had),
        cmocka_unit_test(only_a_file_that_is_named_must_be_there),
        cmocka_unit_test(the_files_of_the_home_are_found),
    };

    return aws_cases_run("profile", tests, sizeof tests / sizeof *tests, the_profile_comes_to_this);
}
