/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "crds/binding.h"
#include "informers/store.h"

static void *account(const char *namespace, const char *name, const char *version,
                     const char *labels)
{
    const struct service_account record = {
        .namespace = namespace, .name = name, .resource_version = version, .labels = labels};

    return service_account_copy(&record);
}

static const char *version_of(const struct store *store, const char *namespace, const char *name)
{
    const struct service_account *found = store_find(store, namespace, name);

    return found ? found->resource_version : "absent";
}

static void records_are_sorted_whatever_came_first(void **state)
{
    static const char *const keys[][2] = {{"b", "a"},   {"a", "b"},   {"a", "a"}, {"c", "a"},
                                          {"a-b", "a"}, {"a", "a.b"}, {"a", "c"}};
    CLEANUP(store_release) struct store store = {.kind = &STORE_SERVICE_ACCOUNTS};

    (void)state;
    assert_null(store_find(&store, "a", "a"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_true(store_put(&store, account(keys[i][0], keys[i][1], "1", "")));
    assert_int_equal(store.count, 7);
    for (size_t i = 1; i < store.count; i++) {
        const struct service_account *a = store.records[i - 1], *b = store.records[i];
        int order = strcmp(a->namespace, b->namespace);

        assert_true(order < 0 || (order == 0 && strcmp(a->name, b->name) < 0));
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_string_equal(version_of(&store, keys[i][0], keys[i][1]), "1");
    assert_string_equal(version_of(&store, "a", "d"), "absent");
}

static void never_goes_back_in_time(void **state)
{
    CLEANUP(store_release) struct store store = {.kind = &STORE_SERVICE_ACCOUNTS};

    (void)state;
    assert_true(store_put(&store, account("app", "sa", "9", "")));
    assert_true(store_put(&store, account("app", "sa", "10", "")));
    assert_false(store_put(&store, account("app", "sa", "9", "old\t\n")));
    assert_string_equal(version_of(&store, "app", "sa"), "10");
    assert_true(store_put(&store, account("app", "sa", "10", "same\t\n"))); /* equal is no older */
    assert_int_equal(store.count, 1);
}

/* Longer than any C number: 2^64 and more. */
static void versions_are_numbers_of_any_length(void **state)
{
    CLEANUP(store_release) struct store store = {.kind = &STORE_SERVICE_ACCOUNTS};

    (void)state;
    assert_true(store_put(&store, account("app", "sa", "18446744073709551615", "")));
    assert_true(store_put(&store, account("app", "sa", "18446744073709551616", "")));
    assert_true(store_put(&store, account("app", "sa", "99999999999999999999999999999999", "")));
    assert_false(store_put(&store, account("app", "sa", "18446744073709551617", "")));
    assert_string_equal(version_of(&store, "app", "sa"), "99999999999999999999999999999999");
}

static void removes_unless_the_one_held_is_newer(void **state)
{
    CLEANUP(store_release) struct store store = {.kind = &STORE_SERVICE_ACCOUNTS};

    (void)state;
    store_put(&store, account("app", "a", "5", ""));
    store_put(&store, account("app", "b", "5", ""));
    store_put(&store, account("app", "c", "5", ""));
    store_remove(&store, "app", "b", "4");
    assert_string_equal(version_of(&store, "app", "b"), "5");
    store_remove(&store, "app", "b", "5");
    assert_string_equal(version_of(&store, "app", "b"), "absent");
    store_remove(&store, "app", "c", "10");
    store_remove(&store, "app", "nobody", "10");
    assert_int_equal(store.count, 1);
    assert_string_equal(version_of(&store, "app", "a"), "5");
}

static void a_complete_list_may_go_back_in_time(void **state)
{
    CLEANUP(store_release) struct store store = {.kind = &STORE_SERVICE_ACCOUNTS};
    CLEANUP(store_release) struct store staged = {.kind = &STORE_SERVICE_ACCOUNTS};

    (void)state;
    store_put(&store, account("app", "a", "50", ""));
    store_put(&store, account("app", "b", "50", ""));
    store_put(&staged, account("app", "a", "7", ""));
    store_put(&staged, account("app", "c", "8", ""));
    store_replace(&store, &staged);
    assert_string_equal(version_of(&store, "app", "a"), "7");
    assert_string_equal(version_of(&store, "app", "b"), "absent");
    assert_string_equal(version_of(&store, "app", "c"), "8");
    assert_int_equal(staged.count, 0);
    assert_true(store_put(&staged, account("app", "d", "1", ""))); /* it can be used again */
    store_release(&staged);
    store_replace(&store, &staged);
    assert_int_equal(store.count, 0);
    assert_ptr_equal(store.kind, &STORE_SERVICE_ACCOUNTS);
}

static void bindings_are_found_by_their_own_names(void **state)
{
    CLEANUP(store_release) struct store store = {.kind = &STORE_BINDINGS};
    const struct binding record = {
        .namespace = "app", .name = "reader", .uid = "u", .resource_version = "3"};

    (void)state;
    store_put(&store, binding_copy(&record));
    assert_string_equal(((const struct binding *)store_find(&store, "app", "reader"))->uid, "u");
    store_remove(&store, "app", "reader", "3");
    assert_null(store_find(&store, "app", "reader"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_sorted_whatever_came_first),
        cmocka_unit_test(never_goes_back_in_time),
        cmocka_unit_test(versions_are_numbers_of_any_length),
        cmocka_unit_test(removes_unless_the_one_held_is_newer),
        cmocka_unit_test(a_complete_list_may_go_back_in_time),
        cmocka_unit_test(bindings_are_found_by_their_own_names),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
