/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_status.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define RETRY_AFTER_MAX_S 3600

static void copy_member(const json_t *object, const char *name, char *text, size_t size)
{
    snprintf(text, size, "%s", json_text(object, name));
}

/* A reason is one word; what is none is left out, so that it can be told as it is. */
static void keep_a_word(char *reason)
{
    for (const unsigned char *c = (const unsigned char *)reason; *c; c++)
        if (*c <= ' ' || *c >= 0x7F) {
            *reason = '\0';
            return;
        }
}

static bool has_cause(const json_t *details, const char *reason)
{
    const json_t *causes = json_at(details, "causes", NULL);
    for (size_t i = 0; i < json_array_size(causes); i++) {
        if (strcmp(json_text(json_array_get(causes, i), "reason"), reason) == 0)
            return true;
    }
    return false;
}

static int64_t retry_after_ms(const json_t *details)
{
    int64_t seconds = json_whole(details, "retryAfterSeconds", 0);
    if (seconds < 0)
        return 0;
    return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
}

bool kube_status_read(const json_t *object, struct kube_status *ret_status)
{
    if (strcmp(json_text(object, "kind"), "Status") != 0)
        return false;
    const json_t *details = json_at(object, "details", NULL);
    int64_t code = json_whole(object, "code", 0);
    struct kube_status status = {
        .code = code >= 100 && code <= 599 ? (int)code : 0,
        .retry_after_ms = retry_after_ms(details),
        .version_too_large = has_cause(details, "ResourceVersionTooLarge"),
    };
    copy_member(object, "reason", status.reason, sizeof status.reason);
    keep_a_word(status.reason);
    copy_member(object, "message", status.message, sizeof status.message);
    copy_member(details, "group", status.group, sizeof status.group);
    copy_member(details, "kind", status.kind, sizeof status.kind);
    copy_member(details, "name", status.name, sizeof status.name);
    *ret_status = status;
    return true;
}

bool kube_status_denies(const struct kube_status *status, const char *group, const char *resource,
                        const char *name)
{
    return strcmp(status->reason, "NotFound") == 0 && strcmp(status->group, group) == 0 &&
           strcmp(status->kind, resource) == 0 && strcmp(status->name, name) == 0;
}

static bool is_gone(const struct kube_status *status)
{
    return status != NULL &&
           (strcmp(status->reason, "Expired") == 0 || strcmp(status->reason, "Gone") == 0);
}

enum error_kind kube_status_kind(int http_status, const struct kube_status *status, bool denied,
                                 bool write)
{
    if (http_status == 410 || is_gone(status))
        return ERROR_GONE;
    if (!write && status != NULL && status->version_too_large)
        return ERROR_GONE;
    switch (http_status) {
    case 401:
    case 403:
        return ERROR_DENIED;
    case 404:
        return denied ? ERROR_NOT_FOUND : ERROR_TRANSIENT;
    case 409:
        return ERROR_CONFLICT;
    case 429:
        return ERROR_THROTTLED;
    default:
        break;
    }
    if (http_status >= 400 && http_status < 500 && http_status != 408)
        return ERROR_INVALID;
    return write ? ERROR_UNKNOWN : ERROR_TRANSIENT;
}

int kube_status_error(const struct kube_status *status, struct error *err)
{
    error_set(err, kube_status_kind(status->code, status, false, false), "%s (%d %s)",
              *status->message != '\0' ? status->message : "no message", status->code,
              *status->reason != '\0' ? status->reason : "without a reason");
    err->status = status->code;
    err->retry_after_ms = status->retry_after_ms;
    snprintf(err->code, sizeof err->code, "%s", status->reason);
    return -1;
}
