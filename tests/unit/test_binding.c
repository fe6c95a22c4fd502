/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crds/binding.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- copies ---- */

/* A copy must not point into what it was made from: the original is overwritten after copying. */
static struct binding *copy_of_a_dying_original(void)
{
    char name[] = "reader", key[] = "tier", one[] = "front", two[] = "back", other[] = "team";
    const char *tier[] = {one, two, ""};
    struct selector_requirement selector[] = {
        {.key = key, .operation = SELECTOR_IN, .values = tier, .value_count = COUNT(tier)},
        {.key = other, .operation = SELECTOR_EXISTS},
    };
    struct binding from = {
        .namespace = "app",
        .name = name,
        .generation = 7,
        .selector = selector,
        .selector_count = COUNT(selector),
        .tags = "a\t1\n",
        .status = {.observed_generation = -1, .ready_reason = "KeyTaken"},
    };
    struct binding *copy = binding_copy(&from);

    memset(name, 'x', sizeof name - 1);
    memset(key, 'x', sizeof key - 1);
    memset(one, 'x', sizeof one - 1);
    memset(two, 'x', sizeof two - 1);
    memset(other, 'x', sizeof other - 1);
    memset(selector, 0, sizeof selector);
    memset(tier, 0, sizeof tier);
    return copy;
}

static void copy_holds_everything_itself(void **state)
{
    CLEANUP_FREE struct binding *copy = copy_of_a_dying_original();

    (void)state;
    assert_string_equal(copy->namespace, "app");
    assert_string_equal(copy->name, "reader");
    assert_int_equal(copy->generation, 7);
    assert_string_equal(copy->tags, "a\t1\n");
    assert_string_equal(copy->status.ready_reason, "KeyTaken");
    assert_int_equal(copy->status.observed_generation, -1);
    assert_int_equal(copy->selector_count, 2);
    assert_string_equal(copy->selector[0].key, "tier");
    assert_int_equal(copy->selector[0].value_count, 3);
    assert_string_equal(copy->selector[0].values[0], "front");
    assert_string_equal(copy->selector[0].values[1], "back");
    assert_string_equal(copy->selector[0].values[2], "");
    assert_string_equal(copy->selector[1].key, "team");
    assert_int_equal(copy->selector[1].operation, SELECTOR_EXISTS);
}

static void copy_has_no_null_strings(void **state)
{
    struct binding empty = {0};
    struct service_account nobody = {0};
    CLEANUP_FREE struct binding *copy = binding_copy(&empty);
    CLEANUP_FREE struct service_account *account = service_account_copy(&nobody);
    const char *texts[] = {
        copy->namespace,
        copy->name,
        copy->uid,
        copy->finalizers,
        copy->reconcile_at,
        copy->service_account,
        copy->role_arn,
        copy->role_name,
        copy->target_role_arn,
        copy->session_policy,
        copy->policy_defect,
        copy->tags,
        copy->defect,
        copy->resource_version,
        copy->status.ready_reason,
        copy->status.associations,
        account->namespace,
        account->name,
        account->resource_version,
        account->labels,
    };

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_string_equal(texts[i], "");
}

static void copy_of_a_copy_is_equal(void **state)
{
    CLEANUP_FREE struct binding *first = copy_of_a_dying_original();
    CLEANUP_FREE struct binding *second = binding_copy(first);

    (void)state;
    assert_string_equal(second->name, first->name);
    assert_ptr_not_equal(second->name, first->name);
    assert_string_equal(second->selector[0].values[1], "back");
    assert_ptr_not_equal(second->selector[0].values[1], first->selector[0].values[1]);
}

static void copies_a_service_account(void **state)
{
    char labels[] = "app\tweb\n";
    struct service_account from = {.name = "app-sa", .labels = labels, .has_irsa_role = true};
    CLEANUP_FREE struct service_account *copy = service_account_copy(&from);

    (void)state;
    labels[0] = 'x';
    assert_string_equal(copy->name, "app-sa");
    assert_string_equal(copy->labels, "app\tweb\n");
    assert_true(copy->has_irsa_role);
}

/* ---- selectors ---- */

static const char *const front_or_back[] = {"front", "back"};
static const char *const nothing[] = {""};

static void operators_hold_as_in_kubernetes(void **state)
{
    static const struct {
        enum selector_operator operation;
        const char *const *values;
        size_t value_count;
        const char *labels;
        bool matches;
    } rows[] = {
        {SELECTOR_IN, front_or_back, 2, "tier\tback\n", true},
        {SELECTOR_IN, front_or_back, 2, "tier\tbac\n", false},
        {SELECTOR_IN, front_or_back, 2, "tier\t\n", false},
        {SELECTOR_IN, nothing, 1, "tier\t\n", true},
        {SELECTOR_IN, nothing, 1, "", false},
        {SELECTOR_IN, front_or_back, 2, "tiers\tback\n", false},
        {SELECTOR_NOT_IN, front_or_back, 2, "tier\tback\n", false},
        {SELECTOR_NOT_IN, front_or_back, 2, "tier\tbacks\n", true},
        {SELECTOR_NOT_IN, front_or_back, 2, "team\tback\n", true}, /* the key is absent */
        {SELECTOR_NOT_IN, front_or_back, 2, "", true},
        {SELECTOR_EXISTS, NULL, 0, "tier\t\n", true},
        {SELECTOR_EXISTS, NULL, 0, "team\ttier\n", false},
        {SELECTOR_DOES_NOT_EXIST, NULL, 0, "tier\t\n", false},
        {SELECTOR_DOES_NOT_EXIST, NULL, 0, "team\ttier\n", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct selector_requirement requirement = {"tier", rows[i].operation, rows[i].values,
                                                   rows[i].value_count};

        if (selector_matches(&requirement, 1, rows[i].labels) != rows[i].matches)
            fail_msg("row %zu, labels \"%s\"", i, rows[i].labels);
    }
}

static void every_requirement_must_hold(void **state)
{
    const struct selector_requirement selector[] = {
        {"tier", SELECTOR_IN, front_or_back, 2},
        {"team", SELECTOR_EXISTS, NULL, 0},
    };

    (void)state;
    assert_true(selector_matches(selector, 2, "team\tx\ntier\tback\n"));
    assert_false(selector_matches(selector, 2, "tier\tback\n"));
    assert_false(selector_matches(selector, 2, "team\tx\n"));
}

static void no_requirement_matches_nothing(void **state)
{
    (void)state;
    assert_false(selector_matches(NULL, 0, ""));
    assert_false(selector_matches(NULL, 0, "tier\tback\n"));
}

/* ---- the hash of a status ---- */

static struct binding_row sample_rows[] = {
    {"app-sa", "a-1", "Associated", "", 1700000000000000},
    {"web", "a-2", "Creating", "ext", 0},
};

static struct binding_status sample(void)
{
    return (struct binding_status){
        .observed_generation = 3,
        .conditions = {[CONDITION_READY] = {CONDITION_TRUE, "Associated", "all in place", 5}},
        .cluster_name = "eks-green",
        .role = "reader",
        .role_arn = "arn:aws:iam::111122223333:role/reader",
        .service_accounts = "app-sa",
        .access = "5f0c9a1e",
        .bound = "1/2",
        .wanted = 2,
        .in_place = 1,
        .rows = sample_rows,
        .row_count = 2,
    };
}

#define MAX_VARIANTS 32

/* The sample, and the sample with one thing changed. */
static size_t make_variants(struct binding_status variants[MAX_VARIANTS])
{
    static const struct binding_row changed[][2] = {
        {{"app-sb", "a-1", "Associated", "", 1700000000000000},
         {"web", "a-2", "Creating", "ext", 0}},
        {{"app-sa", "a-3", "Associated", "", 1700000000000000},
         {"web", "a-2", "Creating", "ext", 0}},
        {{"app-sa", "a-1", "Deleting", "", 1700000000000000}, {"web", "a-2", "Creating", "ext", 0}},
        {{"app-sa", "a-1", "Associated", "e", 1700000000000000},
         {"web", "a-2", "Creating", "ext", 0}},
        {{"app-sa", "a-1", "Associated", "", 1700000001000000},
         {"web", "a-2", "Creating", "ext", 0}},
        {{"app-sa", "a-1A", "ssociated", "", 1700000000000000},
         {"web", "a-2", "Creating", "ext", 0}},
        {{"web", "a-2", "Creating", "ext", 0},
         {"app-sa", "a-1", "Associated", "", 1700000000000000}},
    };
    size_t count = 0;

    variants[count++] = sample();
#define VARIANT(...)                                                                               \
    variants[count] = sample();                                                                    \
    variants[count++].__VA_ARGS__
    VARIANT(observed_generation = 4);
    VARIANT(conditions[CONDITION_READY].status = CONDITION_UNKNOWN);
    VARIANT(conditions[CONDITION_READY].reason = "KeyTaken");
    VARIANT(conditions[CONDITION_READY].message = "");
    VARIANT(conditions[CONDITION_READY].message = "associatedall in place");
    VARIANT(conditions[CONDITION_STALLED] = sample().conditions[CONDITION_READY]);
    VARIANT(cluster_name = "eks-blue");
    VARIANT(role = "reader2");
    VARIANT(role = "readera");
    VARIANT(role_arn = "rn:aws:iam::111122223333:role/reader");
    VARIANT(role = ""); /* these two have the same texts in the same order */
    variants[count - 1].role_arn = "reader";
    VARIANT(role_arn = "");
    VARIANT(service_accounts = "app-sb");
    VARIANT(access = "");
    VARIANT(bound = "2/2");
    VARIANT(wanted = 1);
    VARIANT(in_place = 2);
    VARIANT(row_count = 1);
    VARIANT(omitted = 1);
    for (size_t i = 0; i < COUNT(changed); i++) {
        VARIANT(rows = changed[i]);
    }
#undef VARIANT
    return count;
}

static void every_part_of_a_status_is_in_its_hash(void **state)
{
    struct binding_status variants[MAX_VARIANTS];
    size_t count = make_variants(variants);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (binding_status_hash(&variants[i]) == binding_status_hash(&variants[j]))
                fail_msg("variants %zu and %zu give the same hash", i, j);
}

/* Until IAM has been asked it can't be told whether what is said of a role still holds. */
static void trust_has_a_hash_of_its_own(void **state)
{
    struct binding_status one = sample(), other = sample();

    (void)state;
    other.conditions[CONDITION_ROLE_TRUSTED] =
        (struct binding_condition){CONDITION_TRUE, "Trusted", "", 0};
    assert_int_equal(binding_status_hash(&one), binding_status_hash(&other));
    assert_int_not_equal(binding_trust_hash(&one), binding_trust_hash(&other));
    one.conditions[CONDITION_ROLE_TRUSTED] =
        (struct binding_condition){CONDITION_FALSE, "RoleNotTrusted", "pinned", 0};
    assert_int_not_equal(binding_trust_hash(&one), binding_trust_hash(&other));
}

static void times_of_transition_are_not_in_the_hash(void **state)
{
    struct binding_status one = sample(), other = sample();

    (void)state;
    other.conditions[CONDITION_READY].since_us = 99;
    other.conditions[CONDITION_STALLED].since_us = 99;
    other.conditions[CONDITION_STALLED].reason = "absent conditions have no content";
    assert_int_equal(binding_status_hash(&one), binding_status_hash(&other));
}

/* Both texts come back from the API server as the same one, so they must hash the same. */
static void broken_unicode_hashes_like_its_replacement(void **state)
{
    static const struct {
        const char *one, *other;
        bool equal;
    } rows[] = {
        {"cut \xe2\x82", "cut \xef\xbf\xbd", true},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd", true},
        {"\xff\xfe x", "\xef\xbf\xbd x", true},
        {"\xed\xa0\x80", "\xef\xbf\xbd", true},
        {"caf\xc3\xa9", "caf\xc3\xa9", true},
        {"caf\xc3\xa9", "caf\xc3\xa8", false},
        {"caf\xc3", "caf", false},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct binding_status one = sample(), other = sample();

        one.conditions[CONDITION_READY].message = rows[i].one;
        other.conditions[CONDITION_READY].message = rows[i].other;
        if ((binding_status_hash(&one) == binding_status_hash(&other)) != rows[i].equal)
            fail_msg("row %zu", i);
    }
}

static int bits_set(uint64_t word)
{
    int count = 0;

    for (; word; word &= word - 1)
        count++;
    return count;
}

static void one_changed_letter_turns_half_of_the_bits(void **state)
{
    int total = 0, least = 64;

    (void)state;
    for (int letter = 'a'; letter <= 'z'; letter++) {
        struct binding_status one = sample(), other = sample();
        char message[] = "message of some length ?";
        int turned;

        one.conditions[CONDITION_READY].message = "message of some length ?";
        message[sizeof message - 2] = (char)letter;
        other.conditions[CONDITION_READY].message = message;
        turned = bits_set(binding_status_hash(&one) ^ binding_status_hash(&other));
        total += turned;
        least = turned < least ? turned : least;
    }
    assert_in_range(total / 26, 28, 36);
    assert_true(least > 12);
}

static void conditions_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(condition_type_name(CONDITION_ACCEPTED), "Accepted");
    assert_string_equal(condition_type_name(CONDITION_STALLED), "Stalled");
    assert_string_equal(condition_status_name(CONDITION_TRUE), "True");
    assert_string_equal(condition_status_name(CONDITION_FALSE), "False");
    assert_string_equal(condition_status_name(CONDITION_UNKNOWN), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_holds_everything_itself),
        cmocka_unit_test(copy_has_no_null_strings),
        cmocka_unit_test(copy_of_a_copy_is_equal),
        cmocka_unit_test(copies_a_service_account),
        cmocka_unit_test(operators_hold_as_in_kubernetes),
        cmocka_unit_test(every_requirement_must_hold),
        cmocka_unit_test(no_requirement_matches_nothing),
        cmocka_unit_test(every_part_of_a_status_is_in_its_hash),
        cmocka_unit_test(trust_has_a_hash_of_its_own),
        cmocka_unit_test(times_of_transition_are_not_in_the_hash),
        cmocka_unit_test(broken_unicode_hashes_like_its_replacement),
        cmocka_unit_test(one_changed_letter_turns_half_of_the_bits),
        cmocka_unit_test(conditions_have_their_names),
    };

    return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
