/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/aws_error.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ERROR_NONE stands for "the outcome is open": unknown for a write, transient for a read. */
#define OPEN ERROR_NONE

struct row {
    const char *name;
    enum error_kind kind;
};

/* Names count whatever the status, but for a 5xx that is no throttling. */
static const struct row by_name[] = {
    {"ThrottlingException", ERROR_THROTTLED},
    {"Throttling", ERROR_THROTTLED},
    {"ThrottledException", ERROR_THROTTLED},
    {"RequestThrottled", ERROR_THROTTLED},
    {"RequestThrottledException", ERROR_THROTTLED},
    {"TooManyRequestsException", ERROR_THROTTLED},
    {"RequestLimitExceeded", ERROR_THROTTLED},
    {"LimitExceededException", ERROR_THROTTLED},
    {"BandwidthLimitExceeded", ERROR_THROTTLED},
    {"ProvisionedThroughputExceededException", ERROR_THROTTLED},
    {"TransactionInProgressException", ERROR_THROTTLED},
    {"PriorRequestNotComplete", ERROR_THROTTLED},
    {"EC2ThrottledException", ERROR_THROTTLED},
    {"SlowDown", ERROR_THROTTLED},

    {"ResourceNotFoundException", ERROR_NOT_FOUND},
    {"NotFoundException", ERROR_NOT_FOUND}, /* of the tag operations */
    {"NoSuchEntity", ERROR_NOT_FOUND},      /* of IAM */
    {"ResourceInUseException", ERROR_CONFLICT},

    {"InvalidParameterException", ERROR_INVALID},
    {"InvalidRequestException", ERROR_INVALID},
    {"ResourceLimitExceededException", ERROR_INVALID},
    {"ClientException", ERROR_INVALID},
    {"BadRequestException", ERROR_INVALID}, /* of the tag operations */
    {"ValidationException", ERROR_INVALID},
    {"ValidationError", ERROR_INVALID},
    {"UnknownOperationException", ERROR_INVALID},

    {"AccessDeniedException", ERROR_DENIED},
    {"AccessDenied", ERROR_DENIED},
    {"UnauthorizedOperation", ERROR_DENIED},
    {"UnrecognizedClientException", ERROR_DENIED},
    {"InvalidClientTokenId", ERROR_DENIED},
    {"MissingAuthenticationToken", ERROR_DENIED},
    {"MissingAuthenticationTokenException", ERROR_DENIED},
    {"IncompleteSignature", ERROR_DENIED},
    {"IncompleteSignatureException", ERROR_DENIED},
    {"InvalidSignatureException", ERROR_DENIED},
    {"SignatureDoesNotMatch", ERROR_DENIED},
    {"RequestExpired", ERROR_DENIED},
    {"RequestTimeTooSkewed", ERROR_DENIED},
    {"RequestInTheFuture", ERROR_DENIED},
    {"ExpiredToken", ERROR_DENIED},
    {"ExpiredTokenException", ERROR_DENIED},
    {"OptInRequired", ERROR_DENIED},
    {"RegionDisabledException", ERROR_DENIED},

    {"RequestTimeout", OPEN},
    {"RequestTimeoutException", OPEN},
    {"IDPCommunicationError", OPEN},
    {"ServerException", OPEN},
    {"ServiceUnavailableException", OPEN},
    {"ServiceUnavailable", OPEN}, /* of the query services: IAM, STS */
    {"ServiceFailure", OPEN},
    {"InternalFailure", OPEN},
};

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (strcmp(by_name[i].name, name) == 0)
            return &by_name[i];
    return NULL;
}

/* For names that the table lacks. `named`: there is one, so AWS itself has spoken. */
static enum error_kind kind_of_status(int status, bool named)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return ERROR_DENIED;
    case 408:
        return OPEN;
    case 409:
        return ERROR_CONFLICT;
    case 429:
        return ERROR_THROTTLED;
    case 404:
    case 410:
        return named ? ERROR_INVALID : OPEN;
    default:
        return status >= 400 && status < 500 ? ERROR_INVALID : OPEN;
    }
}

static enum error_kind kind_of(int status, const char *name, bool writes)
{
    const struct row *row = find_row(name);
    enum error_kind kind = row ? row->kind : kind_of_status(status, *name);

    if (status == 429)
        kind = ERROR_THROTTLED;
    if (status >= 500 && kind != ERROR_THROTTLED)
        kind = OPEN;
    if (kind == OPEN)
        kind = writes ? ERROR_UNKNOWN : ERROR_TRANSIENT;
    return kind;
}

/* What may be shown of a message. When a signature is wrong, AWS shows the canonical request, and
 * the session token in it. When it, or a web identity token, is not of now, AWS says the times, each
 * call another: a status would be written anew for each. */
static int public_length(const char *message)
{
    static const char *const of_times[] = {
        "Signature expired: ", "Signature not yet current: ", "Token expired: ", "Token too old: "};
    const char *canonical = strcasestr(message, "the canonical string");

    for (size_t i = 0; i < sizeof of_times / sizeof *of_times; i++)
        if (strncmp(message, of_times[i], strlen(of_times[i])) == 0)
            return (int)strlen(of_times[i]) - 2;
    return (int)(canonical ? (size_t)(canonical - message) : strnlen(message, 4096));
}

int aws_error_set(struct error *err, const char *service, int status, const char *name,
                  const char *message, bool writes)
{
    enum error_kind kind = kind_of(status, name, writes);

    if (!*message)
        message = "no message";
    error_set(err, kind, "%s answered %d%s%s: %.*s", service, status, *name ? " " : "", name,
              public_length(message), message);
    err->status = status;
    snprintf(err->code, sizeof err->code, "%s", name);
    return -1;
}

void aws_error_name(const char *raw, char ret_name[AWS_ERROR_NAME_SIZE])
{
    size_t length = strcspn(raw, ":");
    const char *hash = memrchr(raw, '#', length);
    const char *start = hash ? hash + 1 : raw;

    length -= (size_t)(start - raw);
    ret_name[0] = '\0';
    if (length >= AWS_ERROR_NAME_SIZE ||
        strspn(start, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._") < length)
        return;
    memcpy(ret_name, start, length);
    ret_name[length] = '\0';
}

/* ---- questions ---- */

static bool is(const struct error *err, const char *code, const char *words)
{
    return strcmp(err->code, code) == 0 && strcasestr(err->text, words);
}

bool aws_error_is_role_missing(const struct error *err)
{
    return is(err, "InvalidParameterException", "role provided in the request does not exist");
}

bool aws_error_is_trust_invalid(const struct error *err)
{
    return is(err, "InvalidParameterException", "trust policy of the role provided is invalid");
}

bool aws_error_is_pass_role_denied(const struct error *err)
{
    return is(err, "AccessDeniedException", "iam:PassRole") ||
           (*err->code && strcasestr(err->text, "cross-account pass role is not allowed"));
}

bool aws_error_is_cluster_missing(const struct error *err)
{
    return is(err, "ResourceNotFoundException", "no cluster found");
}

bool aws_error_is_quota(const struct error *err)
{
    return strcmp(err->code, "ResourceLimitExceededException") == 0;
}

static bool is_one_of(const char *code, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(code, *names) == 0)
            return true;
    return false;
}

bool aws_error_is_signature(const struct error *err)
{
    static const char *const names[] = {
        "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired",
        "RequestTimeTooSkewed",      "RequestInTheFuture",    NULL};

    return is_one_of(err->code, names);
}

bool aws_error_is_token_expired(const struct error *err)
{
    static const char *const names[] = {"ExpiredToken", "ExpiredTokenException",
                                        "InvalidClientTokenId", "UnrecognizedClientException",
                                        NULL};

    return is_one_of(err->code, names);
}

bool aws_error_conflict_id(const struct error *err, struct arn_association_id *ret_id)
{
    return err->kind == ERROR_CONFLICT && arn_association_id_find(err->text, ret_id);
}
