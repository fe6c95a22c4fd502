/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/aws_request.h"

#define PATH_CAP ((size_t)4 * 1024)
#define QUERY_CAP ((size_t)48 * 1024) /* a next token, or 50 tag keys, percent-encoded */

void aws_request_release(struct aws_request *request)
{
    strbuf_release(&request->path);
    strbuf_release(&request->query);
    strbuf_release(&request->body);
    *request = (struct aws_request){.method = NULL};
}

void aws_request_segment(struct aws_request *request, const char *text)
{
    request->path.cap = PATH_CAP;
    strbuf_char(&request->path, '/');
    strbuf_str(&request->path, text);
}

void aws_request_label(struct aws_request *request, const char *label)
{
    request->path.cap = PATH_CAP;
    strbuf_char(&request->path, '/');
    strbuf_percent(&request->path, label);
}

void aws_request_query(struct aws_request *request, const char *name, const char *value)
{
    if (!*value)
        return;
    request->query.cap = QUERY_CAP;
    if (request->query.length > 0)
        strbuf_char(&request->query, '&');
    strbuf_str(&request->query, name);
    strbuf_char(&request->query, '=');
    strbuf_percent(&request->query, value);
}

bool aws_request_ok(const struct aws_request *request)
{
    return strbuf_ok(&request->path) && strbuf_ok(&request->query) && strbuf_ok(&request->body);
}
