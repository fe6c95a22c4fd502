/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of EKS: a line with the status, one with x-amzn-ErrorType, one with the content type, then
 * the body. It is a document or an error, whose kind fits whether the call wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/aws_answer.h"
#include "aws/aws_error.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fuzz/fuzzing.h"

static struct http_answer answer_from(struct fuzzing_input *input)
{
    CLEANUP_FREE char *status = fuzzing_line(input);
    CLEANUP_FREE char *name = fuzzing_line(input);
    CLEANUP_FREE char *type = fuzzing_line(input);
    struct http_answer answer = {.status = (int)(strtoul(status, NULL, 10) % 600)};

    snprintf(answer.error_type, sizeof answer.error_type, "%s", name);
    snprintf(answer.content_type, sizeof answer.content_type, "%s", type);
    strbuf_add(&answer.body, input->at, input->left);
    return answer;
}

static void check_document(const json_t *document)
{
    struct error err;
    CLEANUP_FREE char *text = json_canonical(document);
    CLEANUP_FREE char *again = json_canonical_text(text, &err);

    FUZZ_CHECK(json_is_object(document), "a document is an object");
    FUZZ_CHECK(again && strcmp(text, again) == 0, "the canonical text of a canonical text is it");
}

static void check_kind(const struct error *err, const struct http_answer *answer, bool writes)
{
    bool open = answer->status >= 500 || (answer->status >= 200 && answer->status <= 299);

    fuzzing_check_error(err);
    FUZZ_CHECK(writes || err->kind != ERROR_UNKNOWN, "a read has no outcome");
    FUZZ_CHECK(!writes || !open || err->kind == ERROR_UNKNOWN || err->kind == ERROR_THROTTLED,
               "a write that may have been made is not called without effect");
    FUZZ_CHECK(err->kind != ERROR_NOT_FOUND || *err->code, "only what AWS names is not found");
    FUZZ_CHECK(answer->status != 429 || err->kind == ERROR_THROTTLED, "429 is throttling");
    FUZZ_CHECK(err->status == answer->status, "an error keeps its status");
}

static void check_questions(const struct error *err)
{
    struct arn_association_id id, parsed;
    struct error unused;

    FUZZ_CHECK(!aws_error_is_role_missing(err) || !aws_error_is_trust_invalid(err) ||
                   strcasestr(err->text, "trust policy"),
               "one name tells two troubles by their words");
    FUZZ_CHECK(!aws_error_is_signature(err) || !aws_error_is_token_expired(err),
               "a token that expired is not a wrong signature");
    if (aws_error_conflict_id(err, &id))
        FUZZ_CHECK(err->kind == ERROR_CONFLICT &&
                       arn_association_id_parse(id.text, &parsed, &unused) == 0,
                   "the id of a conflict is one");
}

static void check_answer(const struct http_answer *answer, bool writes)
{
    struct error err = {.kind = ERROR_NONE};
    CLEANUP_JSON json_t *document = aws_answer_json(answer, "EKS", writes, &err);

    if (document) {
        FUZZ_CHECK(answer->status >= 200 && answer->status <= 299, "only a 2xx has a document");
        check_document(document);
        return;
    }
    check_kind(&err, answer, writes);
    check_questions(&err);
}

void fuzz_one(const char *bytes, size_t length)
{
    struct fuzzing_input input = {bytes, length};
    CLEANUP(http_answer_release) struct http_answer answer = answer_from(&input);

    check_answer(&answer, false);
    check_answer(&answer, true);
}
