/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imds - requests to EC2's instance metadata service, version 2 only: a PUT for a session token,
 * then GETs that show it. No I/O. What the answers hold is read in aws/credentials_imds.
 *
 * Where: AWS_EC2_METADATA_SERVICE_ENDPOINT, else http://169.254.169.254, or
 * http://[fd00:ec2::254] with AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv6. Each exchange may take
 * AWS_METADATA_SERVICE_TIMEOUT seconds (1 to 10; 1). No proxy and no redirect is ever followed.
 *
 * Sources: EC2 user guide "Use the Instance Metadata Service"; SDK reference guide "IMDS credential
 * provider"; botocore.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "aws/arn.h"
#include "base/error.h"
#include "base/http.h"

/* Values of the environment variables; NULL or "" when unset. */
struct imds_environment {
    const char *disabled;      /* AWS_EC2_METADATA_DISABLED: "true" switches it off */
    const char *endpoint;      /* AWS_EC2_METADATA_SERVICE_ENDPOINT */
    const char *endpoint_mode; /* AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: IPv4 or IPv6 */
    const char *timeout;       /* AWS_METADATA_SERVICE_TIMEOUT */
};

#define IMDS_ANSWER_CAP ((size_t)64 * 1024)
#define IMDS_URL_SIZE 1024
#define IMDS_TOKEN_SIZE 512

/* Fixed once the environment is read. */
struct imds {
    char origin[IMDS_URL_SIZE]; /* without a slash at its end */
    int64_t timeout_ms;
};

bool imds_is_disabled(const struct imds_environment *from);
/* Fails with ERROR_INVALID that names the variable. */
int imds_init(struct imds *imds, const struct imds_environment *from, struct error *err);

/* A request, and what it points to. It must stay where it is. */
struct imds_request {
    struct http_request http;
    char url[IMDS_URL_SIZE + 256];
    char token_header[IMDS_TOKEN_SIZE + 32];
    const char *headers[2];
};
/* Wipes the token. */
void imds_request_clear(struct imds_request *request);

void imds_ask_token(const struct imds *imds, struct imds_request *ret_request);
/* `path` as in "placement/region", below latest/meta-data/. */
void imds_ask(const struct imds *imds, const char *token, const char *path,
              struct imds_request *ret_request);

/* The token in an answer to imds_ask_token(). Fails with ERROR_DENIED or what the exchange failed
 * with; the text says what to do. */
int imds_read_token(const struct http_answer *answer, char ret_token[IMDS_TOKEN_SIZE],
                    struct error *err);
/* The region in an answer to imds_ask("placement/region"). */
int imds_read_region(const struct http_answer *answer, struct arn_region *ret_region,
                     struct error *err);
