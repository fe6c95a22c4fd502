/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "controller/options.h"
#include "tests/unit/options_world.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what is refused ---- */

/* lint: table */
static void wrong_flags_say_what_was_expected(void **state)
{
    static const struct {
        const char *argument, *says;
    } rows[] = {
        {"--cluster-nam=x", "unknown flag --cluster-nam; the nearest known one is --cluster-name"},
        {"-mode=sync", "unknown flag -mode; the nearest known one is --mode"},
        {"--Mode=sync", "unknown flag --Mode; the nearest known one is --mode"},
        {"sync", "unexpected argument \"sync\": settings are written --name=value"},
        {"", "unexpected argument \"\""},
        {"--", "unknown flag --"},
        {"--mode", "--mode needs a value: --mode=MODE"},
        {"--mode=snyc", "--mode: \"snyc\" is not one of sync, no-delete, observe"},
        {"--mode=", "--mode: \"\" is not one of"},
        {"--existence-interval=5", "--existence-interval: \"5\" is not a duration such as 5m, 90s, "
                                   "1h30m or 500ms, from 1s to 24h"},
        {"--existence-interval=25h", "from 1s to 24h"},
        {"--existence-interval=-5m", "is not a duration"},
        {"--existence-interval=5M", "is not a duration"},
        {"--existence-interval=99999999999999999999s", "is not a duration"},
        {"--existence-interval=999999999999999999h", "is not a duration"},
        {"--max-in-flight=0", "\"0\" is not a whole number, from 1 to 256"},
        {"--max-in-flight=1.5", "is not a whole number"},
        {"--max-in-flight=0x10", "is not a whole number"},
        {"--describe-rate=0", "is not a number such as 2 or 0.5, from 0.01 to 100"},
        {"--describe-rate=nan", "is not a number"},
        {"--describe-rate=1e3", "is not a number"},
        {"--listen-address=8080", "is not an IP address and a port"},
        {"--listen-address=localhost:80", "is not an IP address and a port"},
        {"--listen-address=0.0.0.0:65536", "is not an IP address and a port"},
        {"--listen-address=::1:80", "is not an IP address and a port"},
        {"--listen-address=[]:80", "is not an IP address and a port"},
        {"--watch-namespaces=a,,b", "namespaces with commas between"},
        {"--watch-namespaces=a,", "namespaces with commas between"},
        {"--watch-namespaces=a/b", "namespaces with commas between"},
        {"--cluster-name=a/b", "is not the name of an EKS cluster"},
        {"--aws-region=us west", "is not an AWS region such as us-west-2"},
        {"--instance=Podbind", "is not a name of at most 63"},
        {"--instance=\x1b[1m", "\"\\u001b[1m\" is not"},
        {"--lease-name=-x", "is not a name of lower-case"},
        {"--lease-identity=a b", "is not at most 255 visible characters"},
        {"--lease-duration=10s", "--lease-duration must be longer than --lease-renew-deadline"},
        {"--lease-duration=15500ms", "--lease-duration must be whole seconds"},
        {"--lease-retry-period=9s", "longer than 1.2 times --lease-retry-period"},
        {"--context=blue", "--context needs a kubeconfig"},
        {"--config=/no/such/file", "--config: "},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options options = {.max_in_flight = 77};
        struct error err = {0};

        if (read_them(ARGUMENTS(rows[i].argument), enough, &options, &err) == 0)
            fail_msg("%s was taken", rows[i].argument);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: \"%s\", expected \"%s\"", rows[i].argument, err.text, rows[i].says);
        assert_int_equal(err.kind, ERROR_INVALID);
        assert_int_equal(options.max_in_flight, 77);
    }
}

static void more_than_100_namespaces_are_refused(void **state)
{
    CLEANUP(strbuf_release) struct strbuf list = {0};
    struct options options = {0};
    struct error err = {0};

    (void)state;
    strbuf_str(&list, "--watch-namespaces=n");
    for (int i = 1; i < 100; i++)
        strbuf_str(&list, ",n");
    assert_int_equal(read_them(ARGUMENTS(list.text), enough, &options, &err), 0);
    assert_int_equal(options.watch_namespaces.count, 100);
    options_release(&options);
    strbuf_str(&list, ",n");
    assert_int_equal(read_them(ARGUMENTS(list.text), enough, &options, &err), -1);
}

static void a_flag_is_no_value(void **state)
{
    struct options options = {0};
    struct error err = {0};

    (void)state;
    assert_int_equal(read_them(ARGUMENTS("--context", "--mode=sync"), enough, &options, &err), -1);
    assert_string_equal(err.text, "--context needs a value: --context=NAME");
}

static void what_is_missing_is_named(void **state)
{
    static const struct {
        const char *environment[10], *says;
    } rows[] = {
        {{"AWS_REGION", "us-west-2", "KUBECONFIG", "/k", NULL}, "no cluster: give --cluster-name"},
        {{"PODBIND_CLUSTER_NAME", "c", "KUBECONFIG", "/k", "AWS_EC2_METADATA_DISABLED", "true",
          NULL},
         "no AWS region: give --aws-region=us-west-2, or set AWS_REGION: the profile names no "
         "region, and AWS_EC2_METADATA_DISABLED is true"},
        {{"PODBIND_CLUSTER_NAME", "c", "AWS_REGION", "mars", "KUBECONFIG", "/k", NULL},
         "AWS_REGION: \"mars\" is not an AWS region"},
        {{"PODBIND_CLUSTER_NAME", "c", "AWS_REGION", "us-west-2", "HOME", "/nowhere", NULL},
         "no API server: this is no pod"},
        {{"PODBIND_CLUSTER_NAME", "c", "AWS_REGION", "us-west-2", "KUBECONFIG", "/a:/b", NULL},
         "KUBECONFIG names several files"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options options = {0};
        struct error err = {0};

        assert_int_equal(read_them(NO_ARGUMENTS, rows[i].environment, &options, &err), -1);
        if (!strstr(err.text, rows[i].says))
            fail_msg("row %zu: \"%s\", expected \"%s\"", i, err.text, rows[i].says);
    }
}

static void expect_no_ca(const char *path, const char *says)
{
    const char *environment[] = {
        "PODBIND_CLUSTER_NAME", "c",  "AWS_REGION", "us-west-2", "KUBERNETES_SERVICE_HOST", "h",
        "AWS_CA_BUNDLE",        path, NULL};
    struct options options = {0};
    struct error err = {0};

    assert_int_equal(read_them(NO_ARGUMENTS, environment, &options, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    if (!strstr(err.text, says) || strncmp(err.text, "AWS_CA_BUNDLE: ", 15) != 0)
        fail_msg("\"%s\", expected \"%s\"", err.text, says);
}

static void a_ca_bundle_that_is_none_is_refused(void **state)
{
    char path[32];

    (void)state;
    expect_no_ca("/no/such/file", "cannot open /no/such/file: No such file or directory");
    expect_no_ca("/", "cannot read /: Is a directory");
    write_file(path, "");
    expect_no_ca(path, "holds no certificate: expected a PEM file");
    unlink(path);
    write_file(path, "-----BEGIN PRIVATE KEY-----\n");
    expect_no_ca(path, "holds no certificate");
    unlink(path);
}

static void wrong_files_say_where(void **state)
{
    static const struct {
        const char *content, *says;
    } rows[] = {
        {"mode: sync\nmod: sync\n", ":2: unknown setting mod; the nearest known one is mode"},
        {"\nmode: [sync]\n", ":2: mode: expected a single value, not a list"},
        {"mode: {a: b}\n", ":1: mode: expected a single value, not a map"},
        {"- mode\n", "expected lines of the form name: value, not a list"},
        {"max-in-flight: many\n", ":1: max-in-flight: \"many\" is not a whole number"},
        {"config: x\n", ":1: a file can't name another one"},
        {"watch-namespaces: [a, [b]]\n", "expected a list of plain names"},
        {"mode:\tsync\n\tx", "/tmp/podbind-test."},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct options options = {0};
        struct error err = {0};
        char path[32];
        const char *arguments[] = {"--config", path, NULL};

        write_file(path, rows[i].content);
        int result = read_them(arguments, enough, &options, &err);
        unlink(path);
        assert_int_equal(result, -1);
        if (!strstr(err.text, rows[i].says))
            fail_msg("%s: \"%s\", expected \"%s\"", rows[i].content, err.text, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_flags_say_what_was_expected),
        cmocka_unit_test(more_than_100_namespaces_are_refused),
        cmocka_unit_test(a_flag_is_no_value),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(a_ca_bundle_that_is_none_is_refused),
        cmocka_unit_test(wrong_files_say_where),
    };

    return cmocka_run_group_tests_name("options_refused", tests, NULL, NULL);
}
