/* SPDX-License-Identifier: Apache-2.0 */
/* The method that has a program print the credentials (credential_process of a profile). */
#include "aws/credentials_stage.h"

static int request(struct credentials_stage *stage, const struct credentials_moment *moment,
                   struct credentials_fetch *fetch, struct error *err)
{
    (void)moment;
    (void)err;
    fetch->what = CREDENTIALS_PROGRAM;
    fetch->argv = (const char *const *)stage->argv;
    return 0;
}

static int answer(struct credentials_stage *stage, const struct http_answer *got,
                  struct credentials_set *ret_set, struct error *err)
{
    const struct credentials_json form = {
        .token = "SessionToken", .may_last_forever = true, .has_version = true};

    (void)stage;
    if (credentials_stage_ok(got, "", err) < 0)
        return -1;
    if (credentials_json_read(strbuf_text(&got->body), got->body.length, &form, ret_set, err) < 0)
        return error_wrap(err, "what the program printed");
    return 0;
}

const struct credentials_method credentials_process = {"credential_process", request, answer};
