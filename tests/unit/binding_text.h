/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding_text - bindings for tests, from JSON that is written with ' for ", so that it can be read
 * within C.
 */
#pragma once

#include <jansson.h>

#include "crds/binding.h"

#define METADATA                                                                                   \
    "'metadata':{'name':'reader','namespace':'app','uid':'0b1c-22','resourceVersion':'18446744073" \
    "709551616','generation':3,'creationTimestamp':'2026-11-22T19:28:09Z'}"
#define KIND "'apiVersion':'podbind.dev/v1alpha1','kind':'PodIdentityBinding'"
#define SPEC "'serviceAccount':{'name':'app-sa'},'role':{'name':'team/a/reader'}"

/* Fails the test when the text is no JSON. The reference is owned. */
json_t *parse_quoted(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Fails the test when it is no binding. Free with mem_free(). */
struct binding *read_binding(const json_t *document);
/* A binding with this inside of its spec. */
struct binding *with_spec(const char *spec);
