/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - the profile in use, out of the shared config and credentials files. Reads these two
 * files and nothing else.
 *
 * The files are those that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name ("~/" is the home),
 * else ~/.aws/config and ~/.aws/credentials; the profile is AWS_PROFILE's, else "default". A file
 * or profile that a variable names must be there; one that none names may be missing, and a file of
 * the home may be unreadable.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/arn.h"
#include "aws/profile_file.h"
#include "base/digest.h"
#include "base/error.h"

/* Values of the environment variables; NULL or "" when unset. Borrowed for the call. */
struct profile_environment {
    const char *profile;          /* AWS_PROFILE */
    const char *config_file;      /* AWS_CONFIG_FILE */
    const char *credentials_file; /* AWS_SHARED_CREDENTIALS_FILE */
    const char *home;             /* HOME */
};

/* Zeroed is empty. */
struct profile {
    struct profile_files files;
    const struct profile_section *section; /* the profile in use; NULL: there is none */
    char *name;                            /* its name; never NULL after a success */
    char *paths[2];                        /* of the files, by enum profile_file_kind; or "" */
    uint8_t digest[DIGEST_SIZE];           /* of all that was read: changes when a file does */
};

/* Fails with the kinds of aws/secret_file for a file, and with ERROR_INVALID for what is in it, or
 * when AWS_PROFILE names a profile that neither has. */
int profile_load(const struct profile_environment *from, struct profile *ret_profile,
                 struct error *err);
void profile_release(struct profile *profile);

/* A property of the profile in use, or "". */
const char *profile_value(const struct profile *profile, const char *name);
/* The file that has the property, for errors; the config file where none has it. */
const char *profile_path(const struct profile *profile, const char *name);

/* The region of the profile in use: 0 with ret_region->text "" when it names none. Fails as
 * profile_load(), and with ERROR_INVALID for a malformed one, which names the file. */
int profile_region(const struct profile_environment *from, struct arn_region *ret_region,
                   struct error *err);
