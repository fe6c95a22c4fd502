/* SPDX-License-Identifier: Apache-2.0 */
/* The body of an answer of IAM or STS: as XML alone, as GetRole's answer, and as an error's. */
#include <string.h>

#include "aws/iam.h"
#include "aws/xml.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzzing.h"

#define MARK "Zq0secretzQ9"
#define CAP 4096

static const char *const paths[] = {
    "GetRoleResponse/GetRoleResult/Role/Arn",
    "GetRoleResponse/GetRoleResult/Role/AssumeRolePolicyDocument",
    "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/SecretAccessKey",
    "ErrorResponse/Error/Code",
    "ErrorResponse/Error/Message",
};
#define PATHS (sizeof paths / sizeof *paths)

static void check_text(const char *text)
{
    size_t length = strlen(text), taken;
    uint32_t point;

    FUZZ_CHECK(length <= CAP, "a text is within its cap");
    for (size_t at = 0; at < length; at += taken) {
        taken = utf8_read(text + at, length - at, &point);
        FUZZ_CHECK(taken > 0, "a text is UTF-8");
    }
}

/* What one field alone gives is what it gives among others. */
static void check_alone(const char *bytes, size_t length, const struct xml_field *among)
{
    struct xml_field field = {.path = among->path, .cap = CAP};
    struct error err;

    FUZZ_CHECK(xml_read(bytes, length, &field, 1, &err) == 0,
               "what can be read for many fields can be read for one");
    FUZZ_CHECK(!field.text == !among->text && strcmp(xml_text(&field), xml_text(among)) == 0,
               "a field does not depend on the others");
    xml_release(&field, 1);
}

static void check_xml(const char *bytes, size_t length)
{
    struct xml_field fields[PATHS] = {{.path = NULL}};
    struct error err;

    for (size_t i = 0; i < PATHS; i++)
        fields[i] = (struct xml_field){.path = paths[i], .cap = CAP};
    if (xml_read(bytes, length, fields, PATHS, &err) < 0) {
        FUZZ_CHECK(err.kind == ERROR_INVALID, "a document is read or invalid");
        fuzzing_check_error(&err);
        FUZZ_CHECK(!strstr(err.text, MARK), "nothing of the document is quoted");
        for (size_t i = 0; i < PATHS; i++)
            FUZZ_CHECK(!fields[i].text, "a failure leaves nothing");
        return;
    }
    FUZZ_CHECK(!memmem(bytes, length, "<!DOCTYPE", 9) || memmem(bytes, length, "<!--", 4) ||
                   memmem(bytes, length, "<![CDATA[", 9) || memmem(bytes, length, "<?", 2),
               "a DOCTYPE is refused");
    for (size_t i = 0; i < PATHS; i++) {
        check_text(xml_text(&fields[i]));
        check_alone(bytes, length, &fields[i]);
    }
    xml_release(fields, PATHS);
}

/* With a mark before each tag, so within each text. */
static void check_marked(const char *bytes, size_t length)
{
    CLEANUP(strbuf_release) struct strbuf marked = {0};

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '<' && i > 0)
            strbuf_str(&marked, MARK);
        strbuf_char(&marked, bytes[i]);
    }
    check_xml(strbuf_text(&marked), marked.length);
}

static void check_role(const char *bytes, size_t length, int status)
{
    static const struct arn_role_name asked = {.path = "/", .name = "reader"};
    CLEANUP(http_answer_release)
    struct http_answer answer = {.status = status, .content_type = "text/xml"};
    CLEANUP(iam_role_release) struct iam_role role = {.unreadable = {.kind = ERROR_NONE}};
    struct error err;

    strbuf_add(&answer.body, bytes, length);
    if (iam_read_role(&answer, &asked, &role, &err) < 0) {
        fuzzing_check_error(&err);
        FUZZ_CHECK(err.kind != ERROR_UNKNOWN, "a read has no outcome");
        FUZZ_CHECK(err.kind != ERROR_NOT_FOUND || *err.code, "only what IAM names is not found");
        return;
    }
    FUZZ_CHECK(status == 200, "only a 2xx has a role");
    FUZZ_CHECK(strcasecmp(role.arn.role.name, asked.name) == 0, "it is the role asked for");
    if (role.unreadable.kind != ERROR_NONE)
        fuzzing_check_error(&role.unreadable);
    FUZZ_CHECK(role.unreadable.kind == ERROR_NONE || role.trust.count == 0,
               "a policy is understood or empty");
}

void fuzz_one(const char *bytes, size_t length)
{
    check_xml(bytes, length);
    check_marked(bytes, length);
    check_role(bytes, length, 200);
    check_role(bytes, length, 404);
}
