/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials_chain - inside aws/credentials: which source is used, and the stages that it takes.
 * Reads the shared files; sends nothing.
 *
 * Inside a profile the order is botocore's: role_arn with source_profile or credential_source,
 * role_arn with web_identity_token_file, keys of the credentials file, credential_process, keys of
 * the config file. A profile without any of them is passed over. Not supported, and said so:
 * sso_*, login_session, mfa_serial.
 */
#pragma once

#include "aws/credentials_stage.h"

/* 0 also when no source is configured: `source` is NULL then. After a failure `source` and `name`
 * say which one was at fault. ret_chain must be zeroed. */
int credentials_chain_make(const struct credentials_environment *from,
                           struct credentials_chain *ret_chain, struct error *err);
void credentials_chain_release(struct credentials_chain *chain);
/* True when a file may mend what is wrong with this source. */
bool credentials_chain_reads_files(const struct credentials_chain *chain);

/* The rows that are more than a line: what they add to a chain. 0: added; 1: not configured. */
int credentials_container_plan(const struct credentials_environment *from,
                               struct credentials_chain *chain, struct error *err);
int credentials_imds_plan(const struct credentials_environment *from,
                          struct credentials_chain *chain, struct error *err);
int credentials_web_identity_plan(const struct credentials_environment *from,
                                  struct credentials_chain *chain, struct error *err);
int credentials_environment_plan(const struct credentials_environment *from,
                                 struct credentials_chain *chain, struct error *err);
int credentials_profile_plan(const struct credentials_environment *from,
                             struct credentials_chain *chain, struct error *err);

/* Fails with ERROR_INVALID unless STS takes it as RoleSessionName. */
int credentials_session_name_check(const char *name, struct error *err);
