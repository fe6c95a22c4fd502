/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "aws/arn.h"

#define ROLE "arn:aws:iam::111122223333:role/"
#define ID "a-abcdefghijklmnop1"

/* Fills `text` with n letters behind what stands in it. */
static char *lengthened(char *text, size_t n)
{
    size_t length = strlen(text);

    memset(text + length, 'x', n);
    text[length + n] = '\0';
    return text;
}

static void regions_are_words_and_a_number(void **state)
{
    static const char *const good[] = {"us-west-2", "us-gov-east-1", "ap-southeast-12",
                                       "eusc-de-east-1", "us-isob-east-1"};
    static const char *const bad[] = {
        "",           "us",         "us-west",    "us-west-",    "us-west-123",
        "-us-west-2", "us--west-2", "US-west-2",  "us_west-2",   "west-2.x",
        "us-west-2/", "us2-west-2", "us-west-2 ", "us-west\n-2", "us-2-west-2"};
    struct arn_region region;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(arn_region_parse(good[i], &region, &err), 0);
        assert_string_equal(region.text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_region_parse(bad[i], &region, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
    assert_string_equal(region.text, good[4]);
}

static void an_availability_zone_gets_its_own_sentence(void **state)
{
    struct arn_region region;
    struct error err;

    (void)state;
    assert_int_equal(arn_region_parse("us-west-2a", &region, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_non_null(strstr(err.text, "availability zone"));
}

static void cluster_names_are_as_EKS_takes_them(void **state)
{
    static const char *const bad[] = {"", "-a", "_a", "a b", "a/b", "a.b", "a\n", "\xC3\xA4"};
    char longest[128] = "", too_long[128] = "";
    struct arn_cluster_name name;
    struct error err;

    (void)state;
    assert_int_equal(arn_cluster_name_parse("0-Prod_1", &name, &err), 0);
    assert_string_equal(name.text, "0-Prod_1");
    assert_int_equal(arn_cluster_name_parse(lengthened(longest, 100), &name, &err), 0);
    assert_int_equal(arn_cluster_name_parse(lengthened(too_long, 101), &name, &err), -1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_cluster_name_parse(bad[i], &name, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
}

static void association_ids_have_19_characters(void **state)
{
    static const char *const bad[] = {"",
                                      "a-",
                                      "a-abcdefghijklmnop",
                                      "a-abcdefghijklmnop12",
                                      "b-abcdefghijklmnop1",
                                      "a-abcdefghijklmnoP1",
                                      "a-abcdefghijklmno/1"};
    struct arn_association_id id;
    struct error err;

    (void)state;
    assert_int_equal(arn_association_id_parse(ID, &id, &err), 0);
    assert_string_equal(id.text, ID);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_association_id_parse(bad[i], &id, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
}

static void an_id_is_found_in_a_sentence(void **state)
{
    struct arn_association_id id;

    (void)state;
    assert_true(arn_association_id_find("Association already exists: " ID, &id));
    assert_string_equal(id.text, ID);
    assert_true(arn_association_id_find("a-data, a-" ID ", not (" ID ").", &id));
    assert_string_equal(id.text, ID);
    assert_false(arn_association_id_find("Association already exists", &id));
    assert_false(arn_association_id_find("data-abcdefghijklmnop1 " ID "2", &id));
}

static void a_role_name_splits_into_path_and_name(void **state)
{
    struct arn_role_name name;
    struct error err;

    (void)state;
    assert_int_equal(arn_role_name_parse("reader", &name, &err), 0);
    assert_string_equal(name.path, "/");
    assert_string_equal(name.name, "reader");
    assert_int_equal(arn_role_name_parse("team/a:b/r+=,.@-_9", &name, &err), 0);
    assert_string_equal(name.path, "/team/a:b/");
    assert_string_equal(name.name, "r+=,.@-_9");
}

static void role_names_that_AWS_would_refuse(void **state)
{
    static const char *const bad[] = {"",     "/reader",  "a/",  "a//b", "rea der", "reader*",
                                      "a?/b", "team/*/r", "a:b", "r\n",  "\xC3\xA4"};
    char longest[70] = "", too_long[70] = "", longest_path[600] = "", long_path[600] = "";
    struct arn_role_name name;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_role_name_parse(bad[i], &name, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
    assert_int_equal(arn_role_name_parse(lengthened(longest, 64), &name, &err), 0);
    assert_int_equal(arn_role_name_parse(lengthened(too_long, 65), &name, &err), -1);
    snprintf(longest_path, sizeof longest_path, "%0510d/r", 7);
    assert_int_equal(arn_role_name_parse(longest_path, &name, &err), 0);
    assert_int_equal(strlen(name.path), 512);
    snprintf(long_path, sizeof long_path, "%0511d/r", 7);
    assert_int_equal(arn_role_name_parse(long_path, &name, &err), -1);
}

static void a_role_arn_is_cut_into_its_parts(void **state)
{
    struct arn_role role;
    struct error err;

    (void)state;
    assert_int_equal(
        arn_role_parse("arn:aws-us-gov:iam::012345678901:role/team/reader", &role, &err), 0);
    assert_string_equal(role.text, "arn:aws-us-gov:iam::012345678901:role/team/reader");
    assert_string_equal(role.partition, "aws-us-gov");
    assert_string_equal(role.account, "012345678901");
    assert_string_equal(role.role.path, "/team/");
    assert_string_equal(role.role.name, "reader");
}

static void arns_of_other_things_are_no_role_arns(void **state)
{
    static const char *const bad[] = {
        "",
        "reader",
        "arn:aws:iam::111122223333:role",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::111122223333:role/a/",
        "arn:aws:iam::11112222333:role/reader",
        "arn:aws:iam::11112222333x:role/reader",
        "arn:aws:iam:us-west-2:111122223333:role/reader",
        "arn:aws:iam::111122223333:user/reader",
        "arn:aws:sts::111122223333:role/reader",
        "arn:awsx:iam::111122223333:role/reader",
        "arn:aws-:iam::111122223333:role/reader",
        "arn:aws-1:iam::111122223333:role/reader",
        "arn:AWS:iam::111122223333:role/reader",
        "ARN:aws:iam::111122223333:role/reader",
        "arn:aws:iam::111122223333:role/reader\n",
    };
    struct arn_role role;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_role_parse(bad[i], &role, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
}

static void a_role_arn_is_made_from_text_alone(void **state)
{
    struct arn_role role;
    struct error err;

    (void)state;
    assert_int_equal(arn_role_make("aws-cn", "111122223333", "team/a/reader", &role, &err), 0);
    assert_string_equal(role.text, "arn:aws-cn:iam::111122223333:role/team/a/reader");
    assert_int_equal(arn_role_make("aws", "111122223333", "reader", &role, &err), 0);
    assert_string_equal(role.text, ROLE "reader");
    assert_int_equal(arn_role_make("aws", "1111", "reader", &role, &err), -1);
    assert_int_equal(arn_role_make("aws:x", "111122223333", "reader", &role, &err), -1);
    assert_string_equal(role.text, ROLE "reader");
}

static void cluster_and_association_arns_are_cut_into_their_parts(void **state)
{
    struct arn_cluster cluster;
    struct arn_association association;
    struct error err;

    (void)state;
    assert_int_equal(
        arn_cluster_parse("arn:aws:eks:us-west-2:111122223333:cluster/prod_1", &cluster, &err), 0);
    assert_string_equal(cluster.partition, "aws");
    assert_string_equal(cluster.region.text, "us-west-2");
    assert_string_equal(cluster.account, "111122223333");
    assert_string_equal(cluster.name.text, "prod_1");
    assert_int_equal(
        arn_association_parse("arn:aws-cn:eks:cn-north-1:111122223333:podidentityassociation/"
                              "prod/" ID,
                              &association, &err),
        0);
    assert_string_equal(association.partition, "aws-cn");
    assert_string_equal(association.region.text, "cn-north-1");
    assert_string_equal(association.cluster.text, "prod");
    assert_string_equal(association.id.text, ID);
}

static void other_arns_of_eks_are_refused(void **state)
{
    static const char *const bad[] = {
        "arn:aws:eks:us-west-2:111122223333:cluster/",
        "arn:aws:eks:us-west-2:111122223333:cluster/a/b",
        "arn:aws:eks::111122223333:cluster/prod",
        "arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod",
        "arn:aws:eks:us-west-2:111122223333:podidentityassociation//" ID,
        "arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/a-1",
        "arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/" ID "/",
        "arn:aws:eks:us-west-2:111122223333:nodegroup/prod/" ID,
    };
    struct arn_cluster cluster;
    struct arn_association association;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (arn_cluster_parse(bad[i], &cluster, &err) == 0 ||
            arn_association_parse(bad[i], &association, &err) == 0)
            fail_msg("took \"%s\"", bad[i]);
}

static void errors_show_a_long_text_cut(void **state)
{
    char text[400] = "\x1B[31m";
    struct arn_role role;
    struct error err;

    (void)state;
    assert_int_equal(arn_role_parse(lengthened(text, 300), &role, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(strchr(err.text, 0x1B));
    assert_non_null(strstr(err.text, "...\" is not a role ARN such as"));
    assert_true(strlen(err.text) < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_words_and_a_number),
        cmocka_unit_test(an_availability_zone_gets_its_own_sentence),
        cmocka_unit_test(cluster_names_are_as_EKS_takes_them),
        cmocka_unit_test(association_ids_have_19_characters),
        cmocka_unit_test(an_id_is_found_in_a_sentence),
        cmocka_unit_test(a_role_name_splits_into_path_and_name),
        cmocka_unit_test(role_names_that_AWS_would_refuse),
        cmocka_unit_test(a_role_arn_is_cut_into_its_parts),
        cmocka_unit_test(arns_of_other_things_are_no_role_arns),
        cmocka_unit_test(a_role_arn_is_made_from_text_alone),
        cmocka_unit_test(cluster_and_association_arns_are_cut_into_their_parts),
        cmocka_unit_test(other_arns_of_eks_are_refused),
        cmocka_unit_test(errors_show_a_long_text_cut),
    };

    return cmocka_run_group_tests_name("arn", tests, NULL, NULL);
}
