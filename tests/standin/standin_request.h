/* SPDX-License-Identifier: Apache-2.0 */
/* standin_request - an HTTP request as it came, nothing decoded. Borrows everything. */
#pragma once

#include <stddef.h>

struct standin_header {
    const char *name;
    const char *value;
};

struct standin_request {
    const char *method;
    const char *target; /* the path and, after "?", the query */
    const struct standin_header *headers;
    size_t header_count;
    const char *body;
    size_t body_length;
};

/* The first header of that name (case does not matter), or NULL. */
const char *standin_header(const struct standin_request *request, const char *name);
