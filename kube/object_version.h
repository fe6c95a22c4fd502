/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_version - resourceVersions. Pure.
 *
 * A resourceVersion is a decimal number of any length, kept as text (comparable within one resource
 * since Kubernetes 1.35, KEP-5504). It is never persisted and never made a C number.
 */
#pragma once

#include <stdbool.h>

/* True for one or more digits and nothing else. */
bool object_version_valid(const char *version);
/* Less than, equal to or greater than 0, as numbers. Both must be valid. */
int object_version_compare(const char *a, const char *b);
