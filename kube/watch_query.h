/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_query - the query of a watch, the same for every transport. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct watch_query {
    const char *version;        /* resume after this resourceVersion; "" or NULL: from now, or with
                                   `initial` the newest */
    const char *field_selector; /* "metadata.name=podbind"; "" or NULL: none */
    bool initial;               /* send the state first (sendInitialEvents) */
    int timeout_s;              /* the server ends the watch after so long: watch_query_timeout() */
};

/* Appends "watch=true&allowWatchBookmarks=true&timeoutSeconds=...". */
void watch_query_write(const struct watch_query *query, struct strbuf *ret_text);
/* 300 to 600 s by `random`, as client-go chooses: so that watches do not all end at once. */
int watch_query_timeout(uint64_t random);
