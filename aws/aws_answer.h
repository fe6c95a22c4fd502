/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aws_answer - an HTTP answer of a rest-json service (EKS) or an awsQuery service (IAM, STS) → its
 * document, or an error.
 *
 * The error's name comes from the header x-amzn-ErrorType, else from the body: code, Code or
 * __type in JSON, ErrorResponse/Error/Code in XML; the message from message or Message. HTML, cut
 * or empty bodies, and JSON where XML is due, give a clear text with the first words of what came.
 * What the answer asks to wait for is five minutes at most.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "aws/xml.h"
#include "base/error.h"
#include "base/http.h"

struct json_t;

/* The document of a 2xx answer, owned by the caller (json_release), or NULL with err. `writes`: the
 * call changes something, so an answer that cannot be read leaves its outcome unknown. */
struct json_t *aws_answer_json(const struct http_answer *answer, const char *service, bool writes,
                               struct error *err);

/* The fields of a 2xx answer in XML, released by the caller (xml_release) unless it fails. */
int aws_answer_xml(const struct http_answer *answer, const char *service, bool writes,
                   struct xml_field *fields, size_t count, struct error *err);

/* A 2xx answer whose document is not as it should be: `what` says what is wrong. ERROR_UNKNOWN for
 * a write, ERROR_TRANSIENT for a read. Returns -1. */
int aws_answer_unreadable(struct error *err, const char *service, bool writes, const char *what);
