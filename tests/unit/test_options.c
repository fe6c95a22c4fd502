/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "controller/flag.h"
#include "controller/options.h"
#include "tests/unit/options_world.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- what comes out ---- */

static void defaults_are_those_of_the_help(void **state)
{
    CLEANUP(options_release) struct options options = read_good(NO_ARGUMENTS, enough);

    (void)state;
    assert_false(options.help);
    assert_string_equal(options.cluster_name, "eks-blue");
    assert_string_equal(options.aws_region.text, "us-west-2");
    assert_string_equal(options.instance, "podbind");
    assert_int_equal(options.mode, PLAN_SYNC);
    assert_int_equal(options.watch_namespaces.count, 0);
    assert_int_equal(options.existence_interval_ms, 300000);
    assert_int_equal(options.describe_interval_ms, 600000);
    assert_true(options.describe_rate == 1.0);
    assert_int_equal(options.absence_grace_ms, 300000);
    assert_int_equal(options.max_in_flight, 32);
    assert_string_equal(options.lease_name, "podbind");
    assert_string_equal(options.lease_namespace, "podbind-system");
    assert_int_equal(options.lease_duration_ms, 15000);
    assert_int_equal(options.lease_renew_deadline_ms, 10000);
    assert_int_equal(options.lease_retry_period_ms, 2000);
    assert_string_equal(options.listen.host, "0.0.0.0");
    assert_int_equal(options.listen.port, 8080);
    assert_int_equal(options.log_format, LOG_JSON);
    assert_int_equal(options.log_level, LOG_INFO);
    assert_string_equal(options.kubeconfig, "");
    assert_string_equal(options.kubernetes_host, "10.0.0.1");
    assert_string_equal(options.kubernetes_port, "");
}

static void every_flag_reaches_its_member(void **state)
{
    CLEANUP(options_release)
    struct options options =
        read_good(ARGUMENTS("--kubeconfig=/k", "--context", "blue", "--cluster-name=c",
                            "--aws-region", "cn-north-1", "--instance=two", "--mode=no-delete",
                            "--watch-namespaces=a,b-c", "--existence-interval=1h30m",
                            "--describe-interval=90s", "--describe-rate=0.5", "--absence-grace=0"),
                  enough);
    CLEANUP(options_release)
    struct options more =
        read_good(ARGUMENTS("--mode=observe", "--max-in-flight=1", "--lease-name=l",
                            "--lease-namespace=n", "--lease-identity=i", "--lease-duration=20s",
                            "--lease-renew-deadline=6500ms", "--lease-retry-period=500ms",
                            "--listen-address=[::1]:0", "--log-format=text", "--log-level=debug"),
                  enough);

    (void)state;
    assert_string_equal(options.kubeconfig, "/k");
    assert_string_equal(options.context, "blue");
    assert_string_equal(options.cluster_name, "c");
    assert_string_equal(options.aws_region.text, "cn-north-1");
    assert_string_equal(options.instance, "two");
    assert_int_equal(options.mode, PLAN_NO_DELETE);
    assert_int_equal(options.watch_namespaces.count, 2);
    assert_string_equal(options.watch_namespaces.names[0], "a");
    assert_string_equal(options.watch_namespaces.names[1], "b-c");
    assert_int_equal(options.existence_interval_ms, 5400000);
    assert_int_equal(options.describe_interval_ms, 90000);
    assert_true(options.describe_rate == 0.5);
    assert_int_equal(options.absence_grace_ms, 0);
    assert_int_equal(more.mode, PLAN_OBSERVE);
    assert_int_equal(more.max_in_flight, 1);
    assert_string_equal(more.lease_name, "l");
    assert_string_equal(more.lease_namespace, "n");
    assert_string_equal(more.lease_identity, "i");
    assert_int_equal(more.lease_duration_ms, 20000);
    assert_int_equal(more.lease_renew_deadline_ms, 6500);
    assert_int_equal(more.lease_retry_period_ms, 500);
    assert_string_equal(more.listen.host, "::1");
    assert_int_equal(more.listen.port, 0);
    assert_int_equal(more.log_format, LOG_TEXT);
    assert_int_equal(more.log_level, LOG_DEBUG);
}

/* All four at once; then the strongest one taken away, step by step. */
static void flag_before_variable_before_file_before_default(void **state)
{
    const char *environment[] = {"PODBIND_CLUSTER_NAME",
                                 "c",
                                 "AWS_REGION",
                                 "us-west-2",
                                 "KUBERNETES_SERVICE_HOST",
                                 "h",
                                 "PODBIND_CONFIG",
                                 NULL,
                                 "PODBIND_INSTANCE",
                                 "variable",
                                 NULL};
    char path[32];

    (void)state;
    write_file(path, "instance: file\n");
    environment[7] = path;
    CLEANUP(options_release)
    struct options flag = read_good(ARGUMENTS("--instance=flag"), environment);
    CLEANUP(options_release) struct options by_variable = read_good(NO_ARGUMENTS, environment);
    environment[9] = "";
    CLEANUP(options_release) struct options file = read_good(NO_ARGUMENTS, environment);
    CLEANUP(options_release) struct options none = read_good(NO_ARGUMENTS, enough);
    unlink(path);
    assert_string_equal(flag.instance, "flag");
    assert_string_equal(by_variable.instance, "variable");
    assert_string_equal(file.instance, "file");
    assert_string_equal(none.instance, "podbind");
}

static void a_file_gives_scalars_and_lists(void **state)
{
    char path[32];
    const char *arguments[] = {"--config", path, NULL};

    (void)state;
    write_file(path, "# comment\nmode: \"observe\"\nwatch-namespaces: [app, shop]\n"
                     "describe-rate: 2.5\naws-region: eu-west-1\ninstance: ~\nabsence-grace: 0\n");
    CLEANUP(options_release) struct options options = read_good(arguments, enough);
    unlink(path);
    assert_int_equal(options.mode, PLAN_OBSERVE);
    assert_int_equal(options.watch_namespaces.count, 2);
    assert_string_equal(options.watch_namespaces.names[1], "shop");
    assert_true(options.describe_rate == 2.5);
    assert_string_equal(options.aws_region.text, "eu-west-1");
    assert_string_equal(options.instance, "podbind");
}

static void the_last_of_two_flags_counts(void **state)
{
    CLEANUP(options_release)
    struct options options = read_good(ARGUMENTS("--instance=one", "--instance=two"), enough);

    (void)state;
    assert_string_equal(options.instance, "two");
}

static void an_empty_flag_takes_a_list_back(void **state)
{
    const char *const environment[] = {"PODBIND_CLUSTER_NAME",
                                       "c",
                                       "AWS_REGION",
                                       "us-west-2",
                                       "KUBERNETES_SERVICE_HOST",
                                       "h",
                                       "PODBIND_WATCH_NAMESPACES",
                                       "app",
                                       NULL};
    CLEANUP(options_release) struct options one = read_good(NO_ARGUMENTS, environment);
    CLEANUP(options_release)
    struct options none = read_good(ARGUMENTS("--watch-namespaces="), environment);

    (void)state;
    assert_int_equal(one.watch_namespaces.count, 1);
    assert_int_equal(none.watch_namespaces.count, 0);
}

static void surroundings_fill_the_gaps(void **state)
{
    const char *const environment[] = {"PODBIND_CLUSTER_NAME",
                                       "c",
                                       "AWS_DEFAULT_REGION",
                                       "us-gov-west-1",
                                       "KUBECONFIG",
                                       "/my/config",
                                       "POD_NAMESPACE",
                                       "tools",
                                       "POD_UID",
                                       "0b1c-22",
                                       "AWS_ACCESS_KEY_ID",
                                       "AKID",
                                       "AWS_ENDPOINT_URL_EKS",
                                       "http://127.0.0.1:1",
                                       NULL};
    CLEANUP(options_release) struct options options = read_good(NO_ARGUMENTS, environment);

    (void)state;
    assert_string_equal(options.aws_region.text, "us-gov-west-1");
    assert_string_equal(options.kubeconfig, "/my/config");
    assert_string_equal(options.lease_namespace, "tools");
    assert_string_equal(options.lease_identity, "0b1c-22");
    assert_string_equal(options.aws_credentials.access_key_id, "AKID");
    assert_string_equal(options.aws_credentials.session_token, "");
    assert_string_equal(options.aws_endpoints.environment[ENDPOINT_SETTING_URL_EKS],
                        "http://127.0.0.1:1");
    assert_string_equal(options.aws_endpoints.environment[ENDPOINT_SETTING_URL], "");
}

#define ENDPOINT_VARIABLE(name)                                                                    \
    offsetof(struct options, aws_endpoints.environment[ENDPOINT_SETTING_##name])

static void fill_file(const char *name, const char *content)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

/* In a folder that has the files of that name. */
static struct options read_among_profiles(const char *const *environment)
{
    char folder[] = "/tmp/podbind-test.XXXXXX", before[4096];

    assert_non_null(getcwd(before, sizeof before));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    fill_file("AWS_CONFIG_FILE", "[profile AWS_PROFILE]\n");
    fill_file("AWS_SHARED_CREDENTIALS_FILE", "");
    struct options options = read_good(NO_ARGUMENTS, environment);
    unlink("AWS_CONFIG_FILE");
    unlink("AWS_SHARED_CREDENTIALS_FILE");
    assert_int_equal(chdir(before), 0);
    rmdir(folder);
    return options;
}

/* Each variable holds its own name, so that mixing up two of them shows. */
static void every_variable_of_the_aws_sdks_is_handed_on(void **state)
{
    static const struct {
        const char *name;
        size_t member;
    } rows[] = {
        {"AWS_ACCESS_KEY_ID", offsetof(struct options, aws_credentials.access_key_id)},
        {"AWS_SECRET_ACCESS_KEY", offsetof(struct options, aws_credentials.secret_access_key)},
        {"AWS_SESSION_TOKEN", offsetof(struct options, aws_credentials.session_token)},
        {"AWS_ROLE_ARN", offsetof(struct options, aws_credentials.role_arn)},
        {"AWS_WEB_IDENTITY_TOKEN_FILE",
         offsetof(struct options, aws_credentials.web_identity_token_file)},
        {"AWS_ROLE_SESSION_NAME", offsetof(struct options, aws_credentials.role_session_name)},
        {"AWS_PROFILE", offsetof(struct options, aws_credentials.profile.profile)},
        {"AWS_CONFIG_FILE", offsetof(struct options, aws_credentials.profile.config_file)},
        {"AWS_SHARED_CREDENTIALS_FILE",
         offsetof(struct options, aws_credentials.profile.credentials_file)},
        {"HOME", offsetof(struct options, aws_credentials.profile.home)},
        {"AWS_EC2_METADATA_DISABLED", offsetof(struct options, aws_credentials.imds.disabled)},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT",
         offsetof(struct options, aws_credentials.imds.endpoint)},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
         offsetof(struct options, aws_credentials.imds.endpoint_mode)},
        {"AWS_METADATA_SERVICE_TIMEOUT", offsetof(struct options, aws_credentials.imds.timeout)},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
         offsetof(struct options, aws_credentials.container_relative_uri)},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI",
         offsetof(struct options, aws_credentials.container_full_uri)},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
         offsetof(struct options, aws_credentials.container_token_file)},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN",
         offsetof(struct options, aws_credentials.container_token)},
        {"AWS_ENDPOINT_URL_EKS", ENDPOINT_VARIABLE(URL_EKS)},
        {"AWS_ENDPOINT_URL_IAM", ENDPOINT_VARIABLE(URL_IAM)},
        {"AWS_ENDPOINT_URL_STS", ENDPOINT_VARIABLE(URL_STS)},
        {"AWS_ENDPOINT_URL", ENDPOINT_VARIABLE(URL)},
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ENDPOINT_VARIABLE(IGNORE_URLS)},
        {"AWS_USE_FIPS_ENDPOINT", ENDPOINT_VARIABLE(FIPS)},
        {"AWS_USE_DUALSTACK_ENDPOINT", ENDPOINT_VARIABLE(DUAL_STACK)},
        {"AWS_STS_REGIONAL_ENDPOINTS", ENDPOINT_VARIABLE(STS_REGIONAL)},
    };
    const char *environment[2 * COUNT(rows) + 9] = {
        "PODBIND_CLUSTER_NAME",    "c",   "AWS_REGION", "us-west-2", "KUBERNETES_SERVICE_HOST", "h",
        "KUBERNETES_SERVICE_PORT", "6443"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        environment[8 + 2 * i] = environment[9 + 2 * i] = rows[i].name;
    CLEANUP(options_release) struct options options = read_among_profiles(environment);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *found;

        memcpy(&found, (const char *)&options + rows[i].member, sizeof found);
        assert_string_equal(found, rows[i].name);
    }
    assert_string_equal(options.kubernetes_port, "6443");
}

static void a_ca_bundle_is_read_once_for_a_look(void **state)
{
    char path[32];

    (void)state;
    write_file(path, "# ours\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    const char *environment[] = {
        "PODBIND_CLUSTER_NAME", "c",  "AWS_REGION", "us-west-2", "KUBERNETES_SERVICE_HOST", "h",
        "AWS_CA_BUNDLE",        path, NULL};
    CLEANUP(options_release) struct options options = read_good(NO_ARGUMENTS, environment);
    unlink(path);
    assert_string_equal(options.aws_ca_bundle, path);
    CLEANUP(options_release) struct options none = read_good(NO_ARGUMENTS, enough);
    assert_string_equal(none.aws_ca_bundle, "");
}

static void outside_a_pod_the_home_has_the_kubeconfig(void **state)
{
    char home[] = "/tmp/podbind-test.XXXXXX", folder[64], path[80];
    const char *environment[] = {
        "PODBIND_CLUSTER_NAME", "c", "AWS_REGION", "us-west-2", "HOME", home, NULL};
    struct options options = {0};
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(home));
    snprintf(folder, sizeof folder, "%s/.kube", home);
    snprintf(path, sizeof path, "%s/config", folder);
    mkdir(folder, 0700);
    int without = read_them(NO_ARGUMENTS, environment, &options, &err);
    fclose(fopen(path, "w"));
    int with = read_them(NO_ARGUMENTS, environment, &options, &err);
    unlink(path);
    rmdir(folder);
    rmdir(home);
    assert_int_equal(without, -1);
    assert_int_equal(with, 0);
    assert_string_equal(options.kubeconfig, path);
    options_release(&options);
}

static void two_replicas_on_one_host_have_two_names(void **state)
{
    CLEANUP(options_release) struct options one = read_good(NO_ARGUMENTS, enough);
    CLEANUP(options_release) struct options two = read_good(NO_ARGUMENTS, enough);

    (void)state;
    assert_string_not_equal(one.lease_identity, two.lease_identity);
}

static void the_mounted_namespace_is_ours(void **state)
{
    static const char *const folders[] = {"",
                                          "/var",
                                          "/var/run",
                                          "/var/run/secrets",
                                          "/var/run/secrets/kubernetes.io",
                                          "/var/run/secrets/kubernetes.io/serviceaccount"};
    char root[] = "/tmp/podbind-test.XXXXXX", path[128];
    struct options_source source = make_source(enough, root);
    CLEANUP(options_release) struct options options = {0};
    struct error err = {0};

    (void)state;
    assert_non_null(mkdtemp(root));
    for (size_t i = 1; i < COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s%s/namespace", root, folders[COUNT(folders) - 1]);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("mounted\n", file);
    fclose(file);
    int result = options_read(&source, &options, &err);
    unlink(path);
    for (size_t i = COUNT(folders); i-- > 0;) {
        snprintf(path, sizeof path, "%s%s", root, folders[i]);
        rmdir(path);
    }
    assert_int_equal(result, 0);
    assert_string_equal(options.lease_namespace, "mounted");
}

static void variables_of_kubernetes_are_left_alone(void **state)
{
    const char *const environment[] = {"PODBIND_CLUSTER_NAME",
                                       "c",
                                       "AWS_REGION",
                                       "us-west-2",
                                       "KUBERNETES_SERVICE_HOST",
                                       "h",
                                       "PODBIND_SERVICE_HOST",
                                       "10.0.0.2",
                                       "PODBIND_PORT",
                                       "tcp://10.0.0.2:80",
                                       NULL};
    CLEANUP(options_release) struct options options = read_good(NO_ARGUMENTS, environment);

    (void)state;
    assert_string_equal(options.cluster_name, "c");
}

/* ---- help ---- */

static void help_needs_nothing_else(void **state)
{
    const char *const none[] = {NULL};
    CLEANUP(options_release) struct options long_form = read_good(ARGUMENTS("--help"), none);
    CLEANUP(options_release)
    struct options short_form = read_good(ARGUMENTS("--mode=sync", "-h", "--nonsense"), none);

    (void)state;
    assert_true(long_form.help);
    assert_true(short_form.help);
}

/* Line breaks and what follows them count as one space. */
static void unwrap(const char *text, struct strbuf *ret_line)
{
    for (; *text; text++)
        if (*text != '\n' && (*text != ' ' || text[1] != ' '))
            strbuf_char(ret_line, *text);
}

static void help_names_every_variable_of_the_aws_sdks(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    (void)state;
    options_help(&text);
    assert_non_null(strstr(text.text, "AWS_CA_BUNDLE"));
    for (enum endpoint_setting i = 0; i < ENDPOINT_SETTING_COUNT; i++)
        if (!strstr(text.text, endpoint_setting_variable(i)))
            fail_msg("no %s in the help", endpoint_setting_variable(i));
}

static void help_names_every_flag_and_fits_100_columns(void **state)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};
    CLEANUP(strbuf_release) struct strbuf line = {0};
    char name[64];

    (void)state;
    options_help(&text);
    unwrap(text.text, &line);
    for (size_t i = 0; i < flag_count; i++) {
        snprintf(name, sizeof name, "\n  --%s %s ", flag_table[i].name, flag_table[i].argument);
        if (!strstr(text.text, name))
            fail_msg("no %s in the help", flag_table[i].name);
        snprintf(name, sizeof name, "(default: %s)", flag_table[i].fallback);
        if (*flag_table[i].fallback && !strstr(line.text, name))
            fail_msg("no %s in the help", name);
    }
    for (const char *at = text.text; *at; at += strcspn(at, "\n") + 1)
        assert_true(strcspn(at, "\n") <= 100);
}

/* ---- forms ---- */

static void distances_are_those_of_levenshtein(void **state)
{
    (void)state;
    assert_int_equal(value_distance("", ""), 0);
    assert_int_equal(value_distance("abc", ""), 3);
    assert_int_equal(value_distance("", "abc"), 3);
    assert_int_equal(value_distance("kitten", "sitting"), 3);
    assert_int_equal(value_distance("mode", "mdoe"), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_help),
        cmocka_unit_test(every_flag_reaches_its_member),
        cmocka_unit_test(flag_before_variable_before_file_before_default),
        cmocka_unit_test(a_file_gives_scalars_and_lists),
        cmocka_unit_test(the_last_of_two_flags_counts),
        cmocka_unit_test(an_empty_flag_takes_a_list_back),
        cmocka_unit_test(surroundings_fill_the_gaps),
        cmocka_unit_test(every_variable_of_the_aws_sdks_is_handed_on),
        cmocka_unit_test(a_ca_bundle_is_read_once_for_a_look),
        cmocka_unit_test(outside_a_pod_the_home_has_the_kubeconfig),
        cmocka_unit_test(two_replicas_on_one_host_have_two_names),
        cmocka_unit_test(the_mounted_namespace_is_ours),
        cmocka_unit_test(variables_of_kubernetes_are_left_alone),
        cmocka_unit_test(help_needs_nothing_else),
        cmocka_unit_test(help_names_every_variable_of_the_aws_sdks),
        cmocka_unit_test(help_names_every_flag_and_fits_100_columns),
        cmocka_unit_test(distances_are_those_of_levenshtein),
    };

    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
