/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of the container credentials endpoint. What is taken may go into headers, and what is
 * refused is never quoted. */
#include <string.h>

#include "aws/credentials.h"
#include "aws/credentials_container.h"
#include "base/json.h"
#include "base/mem.h"
#include "tests/fuzz/fuzzing.h"

#define MARK "Zq0+secret/zQ9"

static void check_set(const struct credentials_set *set)
{
    static const char *const names[] = {"key id", "secret", "token"};
    struct error err;

    FUZZ_CHECK(credentials_set_check(set, names, &err) == 0, "what is taken is well-formed");
    FUZZ_CHECK(*set->session_token && set->expires_us > 0, "what is taken has a token and an end");
    fuzzing_check_line(set->access_key_id);
    fuzzing_check_line(set->secret_key);
    fuzzing_check_line(set->session_token);
}

static void check_answer(const char *bytes, size_t length)
{
    CLEANUP(credentials_set_release) struct credentials_set set = {0};
    struct error err;

    if (credentials_container_parse(bytes, length, &set, &err) == 0) {
        check_set(&set);
        return;
    }
    FUZZ_CHECK(err.kind == ERROR_INVALID, "an answer is taken or invalid");
    fuzzing_check_error(&err);
    FUZZ_CHECK(!strstr(err.text, MARK), "no value is quoted");
}

/* The same answer with a mark in each member, after what it holds. */
static void check_marked(const char *bytes, size_t length)
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"};
    struct error unused;
    CLEANUP_JSON json_t *document = json_parse(bytes, length, &unused);

    for (size_t i = 0; json_is_object(document) && i < sizeof names / sizeof *names; i++) {
        CLEANUP(strbuf_release) struct strbuf value = {0};
        CLEANUP_JSON json_t *copy = json_copy(document);

        strbuf_format(&value, "%s%s", json_text(document, names[i]), MARK);
        json_object_set_new(copy, names[i], json_string(strbuf_text(&value)));
        CLEANUP_FREE char *text = json_canonical(copy);
        check_answer(text, strlen(text));
    }
}

void fuzz_one(const char *bytes, size_t length)
{
    check_answer(bytes, length);
    check_marked(bytes, length);
}
