/* SPDX-License-Identifier: Apache-2.0 */
/* The method that asks the instance's metadata: a session token, the role's name, its credentials.
 * Never version 1. */
#include <ctype.h>
#include <string.h>

#include "aws/credentials_chain.h"
#include "base/mem.h"

#define ROLE_PATH "iam/security-credentials/"
#define ROLE_MOST 128

int credentials_imds_plan(const struct credentials_environment *from,
                          struct credentials_chain *chain, struct error *err)
{
    struct imds imds;

    if (imds_is_disabled(&from->imds))
        return 1;
    if (imds_init(&imds, &from->imds, err) < 0)
        return -1;
    struct credentials_stage *stage = credentials_stage_add(chain, &credentials_imds, err);
    if (!stage)
        return -1;
    stage->imds = imds;
    return 0;
}

/* The request as the fetch's own. */
static void hand_over(struct imds_request *made, struct credentials_fetch *fetch)
{
    fetch->what = CREDENTIALS_LOCAL;
    fetch->owned_url = mem_strdup(made->url);
    fetch->owned_headers[0] = mem_strdup(made->token_header);
    fetch->http = made->http;
    fetch->http.url = fetch->owned_url;
    imds_request_clear(made);
}

static int request(struct credentials_stage *stage, const struct credentials_moment *moment,
                   struct credentials_fetch *fetch, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    struct imds_request made;

    (void)moment;
    (void)err;
    strbuf_str(&path, ROLE_PATH);
    if (stage->asked == 2)
        strbuf_percent(&path, stage->imds_role);
    if (stage->asked == 0)
        imds_ask_token(&stage->imds, &made);
    else
        imds_ask(&stage->imds, stage->imds_token, strbuf_text(&path), &made);
    hand_over(&made, fetch);
    return 0;
}

/* The answer is a list of one line. */
static int read_role(struct credentials_stage *stage, const struct http_answer *answer,
                     struct error *err)
{
    const char *text = strbuf_text(&answer->body);
    size_t length = strcspn(text, "\r\n");

    if (credentials_stage_ok(answer, "; has the instance a role?", err) < 0)
        return -1;
    if (length == 0 || length > ROLE_MOST)
        return error_set(err, ERROR_INVALID, "expected the name of the instance's role");
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("+=,.@_-", text[i]))
            return error_set(err, ERROR_INVALID, "expected the name of the instance's role");
    mem_free(stage->imds_role);
    stage->imds_role = mem_strndup(text, length);
    return 1;
}

static int read_credentials(const struct http_answer *answer, struct credentials_set *ret_set,
                            struct error *err)
{
    const struct credentials_json form = {.token = "Token", .has_code = true};

    if (credentials_stage_ok(answer, " with the credentials of the instance's role", err) < 0)
        return -1;
    return credentials_json_read(strbuf_text(&answer->body), answer->body.length, &form, ret_set,
                                 err);
}

static int answer(struct credentials_stage *stage, const struct http_answer *got,
                  struct credentials_set *ret_set, struct error *err)
{
    switch (stage->asked++) {
    case 0:
        return imds_read_token(got, stage->imds_token, err) < 0 ? -1 : 1;
    case 1:
        return read_role(stage, got, err);
    default:
        return read_credentials(got, ret_set, err);
    }
}

const struct credentials_method credentials_imds = {"instance metadata", request, answer};
