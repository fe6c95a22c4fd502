/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch_query.h"

#define TIMEOUT_MIN_S 300
#define TIMEOUT_MAX_S 600

void watch_query_write(const struct watch_query *query, struct strbuf *ret_text)
{
    strbuf_format(ret_text, "watch=true&allowWatchBookmarks=true&timeoutSeconds=%d",
                  query->timeout_s);
    if (query->initial)
        strbuf_str(ret_text, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    if (query->version != NULL && *query->version != '\0') {
        strbuf_str(ret_text, "&resourceVersion=");
        strbuf_percent(ret_text, query->version);
    }
    if (query->field_selector != NULL && *query->field_selector != '\0') {
        strbuf_str(ret_text, "&fieldSelector=");
        strbuf_percent(ret_text, query->field_selector);
    }
}

int watch_query_timeout(uint64_t random)
{
    return TIMEOUT_MIN_S + (int)(random % (TIMEOUT_MAX_S - TIMEOUT_MIN_S + 1));
}
