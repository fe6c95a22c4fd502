/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile's properties mean for the chain. The order and the rules are botocore's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/command_words.h"
#include "aws/credentials_chain.h"
#include "base/mem.h"

#define LEAST_S 900
#define MOST_S 43200

/* On the way from the profile in use to the one that has credentials of its own. */
struct walk {
    const struct credentials_environment *from;
    const struct profile_files *files;
    struct credentials_chain *chain;
    const struct profile_section *seen[CREDENTIALS_STAGES_MOST];
    size_t seen_count;
};

static bool has(const struct profile_section *section, const char *name)
{
    return *profile_file_value(section, name) != '\0';
}

static int refuse(const struct profile_section *section, const char *what, struct error *err)
{
    return error_set(err, ERROR_INVALID, "profile \"%s\": %s", section->name, what);
}

/* ---- what a profile has of its own ---- */

static int plan_keys(const struct walk *walk, const struct profile_section *section,
                     struct error *err)
{
    static const char *const names[] = {"aws_access_key_id", "aws_secret_access_key",
                                        "aws_session_token"};
    CLEANUP(credentials_set_release)
    struct credentials_set set = {
        .access_key_id = mem_strdup(profile_file_value(section, names[0])),
        .secret_key = mem_strdup(profile_file_value(section, names[1])),
        .session_token = mem_strdup(profile_file_value(section, names[2])),
    };

    if (credentials_set_check(&set, names, err) < 0)
        return error_wrap(err, "profile \"%s\"", section->name);
    struct credentials_stage *stage = credentials_stage_add(walk->chain, &credentials_static, err);
    if (!stage)
        return -1;
    stage->set = set;
    set = (struct credentials_set){.expires_us = 0};
    return 0;
}

static int plan_program(const struct walk *walk, const struct profile_section *section,
                        struct error *err)
{
    char **words = NULL;

    if (command_words_split(profile_file_value(section, "credential_process"), &words, err) < 0)
        return error_wrap(err, "profile \"%s\": credential_process", section->name);
    struct credentials_stage *stage = credentials_stage_add(walk->chain, &credentials_process, err);
    if (!stage) {
        command_words_free(words);
        return -1;
    }
    stage->argv = words;
    return 0;
}

/* With the role's settings that both ways of assuming it have. */
static struct credentials_stage *add_role(const struct walk *walk,
                                          const struct profile_section *section,
                                          const struct credentials_method *method,
                                          struct error *err)
{
    const char *name = profile_file_value(section, "role_session_name");
    struct arn_role role;

    if (arn_role_parse(profile_file_value(section, "role_arn"), &role, err) < 0) {
        error_wrap(err, "profile \"%s\": role_arn", section->name);
        return NULL;
    }
    if (*name && credentials_session_name_check(name, err) < 0) {
        error_wrap(err, "profile \"%s\": role_session_name", section->name);
        return NULL;
    }
    struct credentials_stage *stage = credentials_stage_add(walk->chain, method, err);
    if (stage) {
        stage->role_arn = mem_strdup(role.text);
        stage->session_name = mem_strdup(name);
    }
    return stage;
}

static int plan_web_identity(const struct walk *walk, const struct profile_section *section,
                             struct error *err)
{
    if (!has(section, "role_arn"))
        return refuse(section, "web_identity_token_file is set: expected role_arn beside it", err);
    struct credentials_stage *stage = add_role(walk, section, &credentials_web_identity, err);
    if (!stage)
        return -1;
    stage->token_file = mem_strdup(profile_file_value(section, "web_identity_token_file"));
    return 0;
}

static bool keys_are_in(const struct profile_section *section, enum profile_file_kind file)
{
    const struct profile_property *id = profile_file_property(section, "aws_access_key_id");

    return id && *id->value && id->file == file;
}

static int plan_own(const struct walk *walk, const struct profile_section *section,
                    struct error *err)
{
    if (has(section, "web_identity_token_file"))
        return plan_web_identity(walk, section, err);
    if (has(section, "sso_session") || has(section, "sso_start_url"))
        return refuse(section, "sso_* settings need a person at a browser; podbind can't use them",
                      err);
    if (keys_are_in(section, PROFILE_FILE_CREDENTIALS))
        return plan_keys(walk, section, err);
    if (has(section, "login_session"))
        return refuse(section, "login_session needs a person at a browser; podbind can't use it",
                      err);
    if (has(section, "credential_process"))
        return plan_program(walk, section, err);
    return keys_are_in(section, PROFILE_FILE_CONFIG) ? plan_keys(walk, section, err) : 1;
}

/* ---- roles ---- */

static int plan_profile(struct walk *walk, const struct profile_section *section,
                        struct error *err);

static bool has_keys(const struct profile_section *section)
{
    return has(section, "aws_access_key_id") || has(section, "aws_secret_access_key");
}

static bool was_seen(const struct walk *walk, const struct profile_section *section)
{
    for (size_t i = 0; i < walk->seen_count; i++)
        if (walk->seen[i] == section)
            return true;
    return false;
}

static int plan_source_profile(struct walk *walk, const struct profile_section *section,
                               struct error *err)
{
    const char *name = profile_file_value(section, "source_profile");
    const struct profile_section *source =
        profile_file_find(walk->files, PROFILE_SECTION_PROFILE, name);

    if (!source)
        return error_set(err, ERROR_INVALID,
                         "profile \"%s\": source_profile: there is no profile \"%.64s\"",
                         section->name, name);
    if (was_seen(walk, source) && !(source == section && has_keys(source)))
        return error_set(err, ERROR_INVALID,
                         "profile \"%s\": source_profile \"%.64s\" leads back to itself",
                         section->name, name);
    int planned = has_keys(source) ? plan_own(walk, source, err) : plan_profile(walk, source, err);
    if (planned > 0)
        return error_set(err, ERROR_INVALID,
                         "profile \"%s\": source_profile \"%.64s\" has no credentials",
                         section->name, name);
    return planned;
}

static int plan_credential_source(const struct walk *walk, const struct profile_section *section,
                                  struct error *err)
{
    static const struct {
        const char *name;
        int (*plan)(const struct credentials_environment *from, struct credentials_chain *chain,
                    struct error *err);
    } rows[] = {
        {"Environment", credentials_environment_plan},
        {"Ec2InstanceMetadata", credentials_imds_plan},
        {"EcsContainer", credentials_container_plan},
    };
    const char *name = profile_file_value(section, "credential_source");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(name, rows[i].name) != 0)
            continue;
        int planned = rows[i].plan(walk->from, walk->chain, err);
        if (planned > 0)
            return error_set(err, ERROR_INVALID,
                             "profile \"%s\": credential_source %s: its variables are not set",
                             section->name, name);
        return planned < 0 ? error_wrap(err, "profile \"%s\": credential_source", section->name)
                           : 0;
    }
    return refuse(section,
                  "credential_source: expected Environment, Ec2InstanceMetadata or EcsContainer",
                  err);
}

static int read_duration(const struct profile_section *section, int *ret_s, struct error *err)
{
    const char *text = profile_file_value(section, "duration_seconds");
    char *end;

    if (!*text)
        return 0;
    long seconds = strtol(text, &end, 10);
    if (*end || seconds < LEAST_S || seconds > MOST_S)
        return refuse(section, "duration_seconds: expected a whole number from 900 to 43200", err);
    *ret_s = (int)seconds;
    return 0;
}

static int plan_role(struct walk *walk, const struct profile_section *section, struct error *err)
{
    bool profile = has(section, "source_profile"), source = has(section, "credential_source");
    int duration = 0;

    if (profile == source)
        return refuse(section, "role_arn: expected one of source_profile and credential_source",
                      err);
    if (has(section, "mfa_serial"))
        return refuse(section, "mfa_serial needs a person with a code; podbind can't use it", err);
    if (read_duration(section, &duration, err) < 0)
        return -1;
    int planned = profile ? plan_source_profile(walk, section, err)
                          : plan_credential_source(walk, section, err);
    if (planned != 0)
        return planned;
    struct credentials_stage *stage = add_role(walk, section, &credentials_assume_role, err);
    if (!stage)
        return -1;
    stage->external_id = mem_strdup(profile_file_value(section, "external_id"));
    stage->duration_s = duration;
    return 0;
}

static int plan_profile(struct walk *walk, const struct profile_section *section, struct error *err)
{
    if (walk->seen_count >= CREDENTIALS_STAGES_MOST)
        return refuse(section, "expected fewer profiles one upon the other", err);
    walk->seen[walk->seen_count++] = section;
    if (has(section, "role_arn") && !has(section, "web_identity_token_file"))
        return plan_role(walk, section, err);
    return plan_own(walk, section, err);
}

/* ---- the row ---- */

/* "profile "prod": static keys, then assumed role" */
static void name_chain(const char *profile, struct credentials_chain *chain)
{
    CLEANUP(strbuf_release) struct strbuf name = {0};

    strbuf_format(&name, "profile \"%.64s\"", profile);
    for (size_t i = 0; i < chain->count; i++)
        strbuf_format(&name, "%s%s", i == 0 ? ": " : ", then ", chain->stages[i].method->name);
    snprintf(chain->name, sizeof chain->name, "%s", strbuf_text(&name));
}

int credentials_profile_plan(const struct credentials_environment *from,
                             struct credentials_chain *chain, struct error *err)
{
    CLEANUP(profile_release) struct profile profile = {.name = NULL};

    if (profile_load(&from->profile, &profile, err) < 0)
        return -1;
    memcpy(chain->digest, profile.digest, sizeof chain->digest);
    if (!profile.section)
        return 1;
    struct walk walk = {.from = from, .files = &profile.files, .chain = chain};
    int planned = plan_profile(&walk, profile.section, err);
    if (planned == 0)
        name_chain(profile.name, chain);
    return planned;
}
