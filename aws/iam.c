/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/iam.h"

#include <string.h>
#include <strings.h>

#include "aws/aws_answer.h"
#include "aws/policy.h"
#include "aws/xml.h"
#include "base/mem.h"

void iam_get_role(const struct arn_role_name *role, struct aws_request *ret_request)
{
    ret_request->service = ENDPOINT_IAM;
    ret_request->method = "POST";
    ret_request->content_type = "application/x-www-form-urlencoded; charset=utf-8";
    aws_request_segment(ret_request, "");
    strbuf_str(&ret_request->body, "Action=GetRole&Version=2010-05-08&RoleName=");
    strbuf_percent(&ret_request->body, role->name);
}

#define ROLE "GetRoleResponse/GetRoleResult/Role/"
enum { ROLE_ARN, ROLE_TRUST, ROLE_FIELDS };

static int unreadable(struct error *err, const char *what)
{
    return aws_answer_unreadable(err, "IAM", false, what);
}

static int read_arn(const char *text, const struct arn_role_name *asked, struct arn_role *ret_arn,
                    struct error *err)
{
    struct error why;

    if (arn_role_parse(text, ret_arn, &why) < 0) {
        unreadable(err, why.text);
        if (*text != '\0')
            err->kind = ERROR_INVALID; /* IAM's own answer, and the same each time */
        return -1;
    }
    if (strcasecmp(ret_arn->role.name, asked->name) != 0)
        return unreadable(err, "it is about another role");
    return 0;
}

int iam_read_role(const struct http_answer *answer, const struct arn_role_name *asked,
                  struct iam_role *ret_role, struct error *err)
{
    struct xml_field fields[ROLE_FIELDS] = {
        [ROLE_ARN] = {.path = ROLE "Arn"},
        [ROLE_TRUST] = {.path = ROLE "AssumeRolePolicyDocument", .cap = XML_DOCUMENT_CAP},
    };
    struct iam_role role = {.trust = {.count = 0}};

    if (aws_answer_xml(answer, "IAM", false, fields, ROLE_FIELDS, err) < 0)
        return -1;
    const char *document = xml_text(&fields[ROLE_TRUST]);
    int done = read_arn(xml_text(&fields[ROLE_ARN]), asked, &role.arn, err);

    if (done == 0) {
        policy_read(document, strlen(document), &role.trust, &role.unreadable);
        *ret_role = role;
    }
    xml_release(fields, ROLE_FIELDS);
    return done;
}

void iam_role_release(struct iam_role *role)
{
    policy_release(&role->trust);
    *role = (struct iam_role){.trust = {.count = 0}};
}
