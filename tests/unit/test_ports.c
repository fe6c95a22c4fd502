/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/ports.h"
#include "tests/unit/scene.h"
#include "tests/unit/script.h"

/* W3: a call that leaves now is over in time: now + 4 s < the lease's end. */
static void writes_only_while_the_lease_outlasts_a_call(void **state)
{
    CLEANUP(script_release) struct script script;

    (void)state;
    script_init(&script);
    script.lease_until = 0; /* not held */
    assert_false(ports_may_write(&script.ports));
    script.lease_until = script.now + PORT_CALL_TIMEOUT_MS - 1;
    assert_false(ports_may_write(&script.ports));
    script.lease_until = script.now + PORT_CALL_TIMEOUT_MS;
    assert_false(ports_may_write(&script.ports));
    script.lease_until = script.now + PORT_CALL_TIMEOUT_MS + 1;
    assert_true(ports_may_write(&script.ports));
    script.now++;
    assert_false(ports_may_write(&script.ports));
}

static void knows_what_each_call_is(void **state)
{
    static const struct {
        enum call_verb verb;
        bool writes, eks;
    } rows[] = {
        {CALL_LIST_ASSOCIATIONS, false, true}, {CALL_DESCRIBE_ASSOCIATION, false, true},
        {CALL_CREATE_ASSOCIATION, true, true}, {CALL_UPDATE_ASSOCIATION, true, true},
        {CALL_DELETE_ASSOCIATION, true, true}, {CALL_TAG_ASSOCIATION, true, true},
        {CALL_UNTAG_ASSOCIATION, true, true},  {CALL_DESCRIBE_CLUSTER, false, true},
        {CALL_LIST_CLUSTERS, false, true},     {CALL_LIST_OBJECTS, false, false},
        {CALL_GET_BINDING, false, false},      {CALL_GET_SERVICE_ACCOUNT, false, false},
        {CALL_PATCH_FINALIZERS, true, false},  {CALL_PATCH_STATUS, true, false},
        {CALL_WRITE_EVENT, true, false},       {CALL_READ_IDENTITY, false, false},
        {CALL_READ_LEASE, false, false},       {CALL_PATCH_LEASE, true, false},
        {CALL_READ_DEFINITION, false, false},  {CALL_READ_ROLE, false, false},
    };

    (void)state;
    assert_int_equal(sizeof rows / sizeof *rows, CALL_VERB_COUNT);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rows[i].verb, i);
        assert_int_equal(call_writes(rows[i].verb), rows[i].writes);
        assert_int_equal(call_is_eks(rows[i].verb), rows[i].eks);
        assert_non_null(call_name(rows[i].verb));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(call_name(rows[i].verb), call_name(rows[j].verb));
    }
}

/* Every output is freed (the leak check sees the rest), and the call can go out again. */
static void a_released_call_can_be_started_again(void **state)
{
    const struct association association = scene_association("app-sa", "u");
    const struct binding binding = scene_binding("reader");
    const struct service_account account = {.namespace = "app", .name = "sa"};
    struct call call = {.verb = CALL_GET_BINDING, .owner = &call, .in.object.name = "reader"};

    (void)state;
    call.out.association = association_copy(&association);
    call.out.page.items = mem_array(1, sizeof *call.out.page.items);
    call.out.page.items[call.out.page.count++] = association_copy(&association);
    call.out.page.next_token = mem_strdup("next");
    call.out.objects.items = mem_array(2, sizeof *call.out.objects.items);
    call.out.objects.items[call.out.objects.count++] = binding_copy(&binding);
    call.out.objects.items[call.out.objects.count++] = binding_copy(&binding);
    call.out.objects.resource_version = mem_strdup("1");
    call.out.objects.continue_token = mem_strdup("more");
    call.out.cluster = (struct cluster_facts){mem_strdup("arn"), mem_strdup("ACTIVE"),
                                              mem_strdup("issuer"), mem_strdup("ca")};
    call.out.clusters.names = mem_array(2, sizeof *call.out.clusters.names);
    call.out.clusters.names[call.out.clusters.count++] = mem_strdup("blue");
    call.out.clusters.names[call.out.clusters.count++] = mem_strdup("green");
    call.out.clusters.next_token = mem_strdup("further");
    call.out.identity =
        (struct kube_identity){mem_strdup("uid"), mem_strdup("issuer"), mem_strdup("ca")};
    call.out.binding = binding_copy(&binding);
    call.out.service_account = service_account_copy(&account);
    call.out.resource_version = mem_strdup("2");
    call.detail = DETAIL_QUOTA;
    error_set(&call.error, ERROR_DENIED, "no");
    call_release(&call);
    assert_null(call.out.association);
    assert_int_equal(call.out.page.count, 0);
    assert_null(call.out.objects.items);
    assert_int_equal(call.out.clusters.count, 0);
    assert_null(call.out.resource_version);
    assert_int_equal(call.detail, DETAIL_NONE);
    assert_int_equal(call.error.kind, ERROR_NONE);
    assert_string_equal(call.in.object.name, "reader");
    assert_ptr_equal(call.owner, &call);
    call_release(&call);
}

static void changes_are_freed_with_all_they_hold(void **state)
{
    CLEANUP(script_release) struct script script;
    const struct error error = {.kind = ERROR_GONE};
    const struct service_account account = {.namespace = "app", .name = "sa"};

    (void)state;
    script_init(&script);
    script_change(&script, RESOURCE_SERVICE_ACCOUNTS, 1, CHANGE_PUT, service_account_copy(&account),
                  "7", NULL);
    script_change(&script, RESOURCE_SERVICE_ACCOUNTS, 1, CHANGE_CLOSED, NULL, NULL, &error);
    changes_release(&script.queued);
    assert_int_equal(script.queued.count, 0);
    assert_null(script.queued.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_only_while_the_lease_outlasts_a_call),
        cmocka_unit_test(knows_what_each_call_is),
        cmocka_unit_test(a_released_call_can_be_started_again),
        cmocka_unit_test(changes_are_freed_with_all_they_hold),
    };

    return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
