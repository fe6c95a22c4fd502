/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a list of the API server, read as the operator reads it. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/kube_status.h"
#include "kube/object.h"
#include "tests/fuzz/fuzzing.h"
#include "tests/fuzz/records.h"

static void check_page(const json_t *document, const char *kind)
{
    struct object_page page;
    struct error err;

    if (object_page_read(document, kind, &page, &err) < 0) {
        FUZZ_CHECK(err.kind == ERROR_TRANSIENT, "a page that can't be read says nothing");
        fuzzing_check_error(&err);
        return;
    }
    FUZZ_CHECK(object_version_valid(page.version), "a list has a version in digits");
    FUZZ_CHECK(page.continue_token, "no text is NULL");
    for (size_t i = 0; i < page.count; i++) {
        FUZZ_CHECK(json_is_object(object_page_item(&page, i)), "an item is an object");
        records_check(object_page_item(&page, i));
    }
}

static void check_status(const json_t *document)
{
    struct kube_status status;
    struct error err = {.kind = ERROR_NONE};

    if (!kube_status_read(document, &status))
        return;
    kube_status_error(&status, &err);
    fuzzing_check_error(&err);
}

/* What is left out is only what has the name: the rest says the same. */
static void check_left_out(const char *bytes, size_t length, const json_t *excerpt)
{
    struct error err;
    CLEANUP_JSON json_t *whole = json_parse(bytes, length, &err);

    FUZZ_CHECK(!whole || excerpt, "what can be read whole can be read in part");
    FUZZ_CHECK(!whole || memmem(bytes, length, OBJECT_UNREAD, strlen(OBJECT_UNREAD)) ||
                   json_equal(whole, excerpt),
               "nothing is left out of what has nothing to leave out");
}

void fuzz_one(const char *bytes, size_t length)
{
    struct error err;
    CLEANUP_JSON json_t *document = json_parse_without(bytes, length, OBJECT_UNREAD, &err);

    check_left_out(bytes, length, document);
    if (!document) {
        fuzzing_check_error(&err);
        return;
    }
    check_page(document, "PodIdentityBinding");
    check_page(document, "ServiceAccount");
    check_status(document);
}
