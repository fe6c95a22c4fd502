/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - which cluster is this? The OIDC issuer of the API server, and the UID of the namespace
 * kube-system. Pure.
 *
 * An issuer is taken as written (it is compared byte by byte with what EKS says): an https URL of
 * at most 512 bytes without blanks and control bytes. Nothing is verified: the token is our own.
 */
#pragma once

#include <jansson.h>

#include "base/error.h"

#define IDENTITY_DISCOVERY_PATH "/.well-known/openid-configuration"

/* `iss` of the payload of a JWT. Heap text, mem_free(). ERROR_INVALID when this is no such token.
 */
int identity_issuer_from_token(const char *token, char **ret_issuer, struct error *err);
/* `issuer` of the discovery document. */
int identity_issuer_from_discovery(const json_t *document, char **ret_issuer, struct error *err);
/* metadata.uid of the Namespace kube-system: 1 to 64 of A-Z a-z 0-9 and -. ERROR_TRANSIENT when
 * this is another object. */
int identity_kube_system_uid(const json_t *object, char **ret_uid, struct error *err);
