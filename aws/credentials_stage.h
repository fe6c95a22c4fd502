/* SPDX-License-Identifier: Apache-2.0 */
/*
 * credentials_stage - inside aws/credentials: one step on the way to credentials, and the methods
 * there are. A method is a row of functions; it makes one request at a time and reads its answer.
 */
#pragma once

#include <stdbool.h>

#include "aws/credentials.h"

/* What a request is made with besides its stage. */
struct credentials_moment {
    int64_t wall_us;
    const struct endpoint *sts;
    struct credentials_set *source; /* what the stage before gave; NULL: it is the first */
};

struct credentials_method {
    const char *name; /* for logs and errors */
    /* Fills the fetch; http.headers follows owned_headers. NULL: the stage has its set from the
     * start. */
    int (*request)(struct credentials_stage *stage, const struct credentials_moment *moment,
                   struct credentials_fetch *fetch, struct error *err);
    /* Reads an answer that arrived, whatever its status. 0: ret_set is filled; 1: it takes another
     * request; -1: failed. */
    int (*answer)(struct credentials_stage *stage, const struct http_answer *answer,
                  struct credentials_set *ret_set, struct error *err);
};

/* Zeroed but for the method is a valid stage. What is owned is wiped. */
struct credentials_stage {
    const struct credentials_method *method;
    struct credentials_set set; /* what it gave last */
    bool drop_source;           /* after a failure: what the stage before gave is of no use */

    char *url; /* of the container endpoint */
    char *token_file;
    char *token;

    struct imds imds;
    int asked; /* exchanges of instance metadata that are done */
    char imds_token[IMDS_TOKEN_SIZE];
    char *imds_role;

    char *role_arn; /* for STS */
    char *session_name;
    char *external_id;
    int duration_s; /* 0: what STS takes by itself */

    char **argv; /* of the program; ended by NULL */
};
void credentials_stage_release(struct credentials_stage *stage);

extern const struct credentials_method credentials_static, credentials_container, credentials_imds,
    credentials_process, credentials_web_identity, credentials_assume_role;

/* Adds a stage at the chain's end. Fails with ERROR_INVALID when there are too many. Borrowed. */
struct credentials_stage *credentials_stage_add(struct credentials_chain *chain,
                                                const struct credentials_method *method,
                                                struct error *err);

/* Reads the JSON of a container endpoint, of instance metadata and of a program, which differ in
 * how the session token is called and in whether it and the time may be absent. Takes bytes: may be
 * fed anything. ERROR_INVALID quotes nothing. */
struct credentials_json {
    const char *token;     /* "Token" or "SessionToken" */
    bool may_last_forever; /* token and Expiration may be absent */
    bool has_version;      /* "Version": 1 must be there */
    bool has_code;         /* "Code": "Success" when it is there */
};
int credentials_json_read(const char *bytes, size_t length, const struct credentials_json *form,
                          struct credentials_set *ret_set, struct error *err);

/* What HTTP itself says of an answer that should be a 200: ERROR_NONE's failure, or `says` behind
 * the status. */
int credentials_stage_ok(const struct http_answer *answer, const char *says, struct error *err);
