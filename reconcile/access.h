/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access - a short fingerprint of what EKS gives to a binding's keys, equal on blue and green when
 * both give the same. Ids, tags and external ids are not in it. Pure.
 */
#pragma once

#include <stddef.h>

#include "reconcile/association.h"

#define ACCESS_TEXT_SIZE 9

/* SHA-256 over the rows "namespace\0serviceAccount\0roleARN\0targetRoleARN\0E|D\0policy\n", given
 * in key order; its first 8 hex digits. "none" for no rows. */
void access_fingerprint(const struct association *const *rows, size_t count,
                        char ret_text[ACCESS_TEXT_SIZE]);
