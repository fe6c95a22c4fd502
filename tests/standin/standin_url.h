/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standin_url - a raw request target taken apart: path segments and query parameters, decoded.
 *
 * Segments are split before they are decoded, so %2F stays inside one, and empty ones are kept
 * ("/clusters//x" has three). A "+" is a plus sign in a query and a space in a form.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STANDIN_SEGMENTS_MAX 8
#define STANDIN_PARAMETERS_MAX 128

struct standin_parameter {
    const char *name;
    const char *value;
};

struct standin_url {
    char *owned;
    const char *segments[STANDIN_SEGMENTS_MAX];
    size_t segment_count;
    struct standin_parameter parameters[STANDIN_PARAMETERS_MAX];
    size_t parameter_count;
};

/* Returns false when an escape is malformed or there are too many parts. */
bool standin_url_parse(const char *target, struct standin_url *ret_url);
/* The same for the body of a form: parameters only. */
bool standin_form_parse(const char *body, size_t length, struct standin_url *ret_url);
/* Whether the path is "clusters/x" for the pattern "clusters/" and a star: a star is any segment.
 */
bool standin_url_matches(const struct standin_url *url, const char *pattern);
/* The first parameter of that name, or NULL. */
const char *standin_parameter(const struct standin_url *url, const char *name);
void standin_url_release(struct standin_url *url);
