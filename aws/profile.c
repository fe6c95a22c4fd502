/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/profile.h"

#include <string.h>

#include "aws/secret_file.h"
#include "base/mem.h"

static bool is_set(const char *text)
{
    return text && *text;
}

/* Where a file lies; "" when nothing says so. */
static char *locate(const char *named, const char *home, const char *at_home)
{
    struct strbuf path = {0};

    if (is_set(named) && strncmp(named, "~/", 2) != 0)
        return mem_strdup(named);
    if (is_set(home))
        strbuf_format(&path, "%s/%s", home, is_set(named) ? named + 2 : at_home);
    return strbuf_take(&path);
}

static int read_file(enum profile_file_kind kind, const char *named, const char *path,
                     struct profile *profile, struct error *err)
{
    const char *what = kind == PROFILE_FILE_CONFIG ? "config file" : "credentials file";
    CLEANUP(secret_file_release) struct strbuf bytes = STRBUF_CAPPED(PROFILE_FILE_CAP);
    uint8_t both[2 * DIGEST_SIZE];

    if (!*path && !is_set(named))
        return 0;
    if (secret_file_read(what, path, PROFILE_FILE_CAP, &bytes, err) < 0) {
        if (!is_set(named) && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_DENIED)) {
            error_clear(err);
            return 0;
        }
        return -1;
    }
    memcpy(both, profile->digest, DIGEST_SIZE);
    digest_sha256(strbuf_text(&bytes), bytes.length, both + DIGEST_SIZE);
    digest_sha256(both, sizeof both, profile->digest);
    return profile_file_parse(strbuf_text(&bytes), bytes.length, kind, path, &profile->files, err);
}

/* In the config file it is easily written without "profile ". */
static int refuse_name(const struct profile *profile, struct error *err)
{
    const char *config = profile->paths[PROFILE_FILE_CONFIG];

    if (profile_file_find(&profile->files, PROFILE_SECTION_OTHER, profile->name))
        return error_set(err, ERROR_INVALID,
                         "AWS_PROFILE: profile \"%s\": in %s it is to be written [profile %s]",
                         profile->name, config, profile->name);
    return error_set(err, ERROR_INVALID, "AWS_PROFILE: there is no profile \"%s\" in %s or %s",
                     profile->name, config, profile->paths[PROFILE_FILE_CREDENTIALS]);
}

int profile_load(const struct profile_environment *from, struct profile *ret_profile,
                 struct error *err)
{
    const char *named[] = {[PROFILE_FILE_CONFIG] = from->config_file,
                           [PROFILE_FILE_CREDENTIALS] = from->credentials_file};
    CLEANUP(profile_release)
    struct profile profile = {
        .name = mem_strdup(is_set(from->profile) ? from->profile : "default"),
        .paths = {[PROFILE_FILE_CONFIG] = locate(named[0], from->home, ".aws/config"),
                  [PROFILE_FILE_CREDENTIALS] = locate(named[1], from->home, ".aws/credentials")}};

    for (enum profile_file_kind i = PROFILE_FILE_CONFIG; i <= PROFILE_FILE_CREDENTIALS; i++)
        if (read_file(i, named[i], profile.paths[i], &profile, err) < 0)
            return -1;
    profile.section = profile_file_find(&profile.files, PROFILE_SECTION_PROFILE, profile.name);
    if (!profile.section && is_set(from->profile))
        return refuse_name(&profile, err);
    *ret_profile = profile;
    profile = (struct profile){.name = NULL};
    return 0;
}

void profile_release(struct profile *profile)
{
    profile_files_release(&profile->files);
    mem_free(profile->name);
    mem_free(profile->paths[PROFILE_FILE_CONFIG]);
    mem_free(profile->paths[PROFILE_FILE_CREDENTIALS]);
    *profile = (struct profile){.name = NULL};
}

const char *profile_value(const struct profile *profile, const char *name)
{
    return profile->section ? profile_file_value(profile->section, name) : "";
}

const char *profile_path(const struct profile *profile, const char *name)
{
    const struct profile_property *property =
        profile->section ? profile_file_property(profile->section, name) : NULL;

    return profile->paths[property ? property->file : PROFILE_FILE_CONFIG];
}

int profile_region(const struct profile_environment *from, struct arn_region *ret_region,
                   struct error *err)
{
    CLEANUP(profile_release) struct profile profile = {.name = NULL};
    struct arn_region region = {.text = ""};

    if (profile_load(from, &profile, err) < 0)
        return -1;
    const char *text = profile_value(&profile, "region");
    if (*text && arn_region_parse(text, &region, err) < 0)
        return error_wrap(err, "%s: profile \"%s\": region", profile_path(&profile, "region"),
                          profile.name);
    *ret_region = region;
    return 0;
}
