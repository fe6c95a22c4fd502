/* SPDX-License-Identifier: Apache-2.0 */
/* records - a Kubernetes object, which may be anything, as the records of crds/. */
#pragma once

#include <jansson.h>

/* Reads it as a binding and as a service account. What comes out holds no control byte where a text is
 * to be used, and can be written to a status again. */
void records_check(const json_t *object);
