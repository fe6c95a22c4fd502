/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/lease_json.h"

#define TIME INT64_C(1795375689000007)

static const char stored[] =
    "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{"
    "\"name\":\"podbind\",\"namespace\":\"podbind-system\",\"uid\":\"u-1\","
    "\"resourceVersion\":\"41\",\"annotations\":{\"podbind.dev/deletions\":\"[1,2]\"},"
    "\"labels\":{\"a\":\"b\"},\"managedFields\":[{\"manager\":\"podbind\"}]},"
    "\"spec\":{\"holderIdentity\":\"pod-1\",\"leaseDurationSeconds\":15,"
    "\"acquireTime\":\"2026-11-22T19:28:00.000001Z\",\"renewTime\":\"2026-11-22T19:28:09.000007Z\","
    "\"leaseTransitions\":3,\"strategy\":\"OldestEmulationVersion\"}}";

static json_t *parse(const char *text)
{
    struct error err;
    json_t *document = json_parse(text, strlen(text), &err);
    if (document == NULL)
        fail_msg("%s", err.text);
    return document;
}

static struct lease_record sample(void)
{
    struct lease_record record = {.holder = "pod-2",
                                  .duration_s = 15,
                                  .acquire_us = TIME,
                                  .renew_us = TIME + 1,
                                  .transitions = 4,
                                  .version = "41"};
    return record;
}

static void reads_a_lease(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *object = parse(stored);
    struct lease_record record;
    struct error err;
    assert_int_equal(lease_json_read(object, &record, &err), 0);
    assert_string_equal(record.holder, "pod-1");
    assert_string_equal(record.version, "41");
    assert_int_equal(record.duration_s, 15);
    assert_int_equal(record.acquire_us, INT64_C(1795375680000001));
    assert_int_equal(record.renew_us, TIME);
    assert_int_equal(record.transitions, 3);
}

static void reads_a_lease_that_nobody_ever_held(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *object =
        parse("{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{"
              "\"holderIdentity\":null}}");
    struct lease_record record;
    struct error err;
    assert_int_equal(lease_json_read(object, &record, &err), 0);
    assert_string_equal(record.holder, "");
    assert_int_equal(record.duration_s, 0);
    assert_int_equal(record.renew_us, 0);
}

static void refuses_what_is_no_lease(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"kind\":\"Pod\",\"metadata\":{\"resourceVersion\":\"1\"}}",
        "{\"kind\":\"Lease\",\"metadata\":{}}",
        "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"x\"}}",
        "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{\"renewTime\":\"now\"}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP_JSON json_t *object = parse(texts[i]);
        struct lease_record record;
        struct error err;
        assert_int_equal(lease_json_read(object, &record, &err), -1);
        assert_int_equal(err.kind, ERROR_TRANSIENT);
    }
}

/* A cut holder could be taken for ours. */
static void refuses_names_that_do_not_fit(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf text = {0};
    char holder[LEASE_IDENTITY_SIZE + 1];
    memset(holder, 'a', sizeof holder);
    holder[LEASE_IDENTITY_SIZE] = '\0';
    strbuf_format(&text,
                  "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
                  "\"spec\":{\"holderIdentity\":\"%s\"}}",
                  holder);
    CLEANUP_JSON json_t *object = parse(strbuf_text(&text));
    struct lease_record record;
    struct error err;
    assert_int_equal(lease_json_read(object, &record, &err), -1);
}

static void an_update_keeps_what_is_not_ours(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *object = parse(stored);
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct lease_record record = sample();
    lease_json_update(object, &record, &body);
    CLEANUP_JSON json_t *written = parse(strbuf_text(&body));
    CLEANUP_JSON json_t *expected = parse(stored);
    json_t *spec = json_object_get(expected, "spec");
    json_object_del(json_object_get(expected, "metadata"), "managedFields");
    json_object_set_new(spec, "holderIdentity", json_string("pod-2"));
    json_object_set_new(spec, "acquireTime", json_string("2026-11-22T19:28:09.000007Z"));
    json_object_set_new(spec, "renewTime", json_string("2026-11-22T19:28:09.000008Z"));
    json_object_set_new(spec, "leaseTransitions", json_integer(4));
    CLEANUP_FREE char *left = json_canonical(written), *right = json_canonical(expected);
    assert_string_equal(left, right);
    CLEANUP_JSON json_t *before = parse(stored);
    assert_true(json_equal(object, before)); /* the object itself is untouched */
}

static void a_create_says_all(void **state)
{
    (void)state;
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct lease_record record = sample();
    record.renew_us = INT64_C(1795375689000000); /* six digits even so */
    lease_json_create("podbind-system", "podbind", &record, &body);
    assert_string_equal(
        strbuf_text(&body),
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":"
        "\"podbind\",\"namespace\":\"podbind-system\"},\"spec\":{\"acquireTime\":"
        "\"2026-11-22T19:28:09.000007Z\",\"holderIdentity\":\"pod-2\",\"leaseDurationSeconds\":15,"
        "\"leaseTransitions\":4,\"renewTime\":\"2026-11-22T19:28:09.000000Z\"}}");
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    CLEANUP_JSON json_t *object = parse(stored);
    CLEANUP(strbuf_release) struct strbuf body = {0};
    struct lease_record record = sample(), back;
    struct error err;
    lease_json_update(object, &record, &body);
    CLEANUP_JSON json_t *written = parse(strbuf_text(&body));
    assert_int_equal(lease_json_read(written, &back, &err), 0);
    assert_string_equal(back.holder, record.holder);
    assert_string_equal(back.version, record.version);
    assert_int_equal(back.acquire_us, record.acquire_us);
    assert_int_equal(back.renew_us, record.renew_us);
    assert_int_equal(back.transitions, record.transitions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_lease),
        cmocka_unit_test(reads_a_lease_that_nobody_ever_held),
        cmocka_unit_test(refuses_what_is_no_lease),
        cmocka_unit_test(refuses_names_that_do_not_fit),
        cmocka_unit_test(an_update_keeps_what_is_not_ours),
        cmocka_unit_test(a_create_says_all),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
