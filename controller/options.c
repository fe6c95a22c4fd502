/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "aws/region_source.h"
#include "base/mem.h"
#include "controller/flag.h"
#include "kube/file_text.h"
#include "kube/yaml_tree.h"

#define NAMESPACE_FILE "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
#define DEFAULT_NAMESPACE "podbind-system"
#define MAX_FLAGS 64
#define ORIGIN_SIZE 512
#define CA_BUNDLE_CAP ((size_t)8 << 20)

/* ---- one source after the other ---- */

/* The settings as found, before any of them is read. */
struct reading {
    const struct options_source *source;
    const char
        *flags[MAX_FLAGS]; /* values given as flags, by place in the table; NULL: not given */
    bool help;
    char *owned_file_name;
    struct yaml_node *owned_file;
};

static void reading_release(struct reading *reading)
{
    mem_free(reading->owned_file_name);
    yaml_tree_free(reading->owned_file);
}

/* "" and unset are the same. */
static const char *variable(const struct options_source *source, const char *name)
{
    const char *value = source->variable(name);

    return value ? value : "";
}

/* `name` as written, with its dashes if it is a flag. */
static int unknown(const char *what, const char *name, size_t length, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf shown = {0};
    CLEANUP_FREE char *cut = mem_strndup(name, length < 60 ? length : 60);
    size_t dashes = strspn(name, "-");

    strbuf_json(&shown, cut);
    return error_set(err, ERROR_INVALID, "%s %s; the nearest known one is %s%s (see --help)", what,
                     strbuf_text(&shown), dashes > 0 ? "--" : "",
                     flag_nearest(name + dashes, length - dashes)->name);
}

/* Takes one flag, and its value from the next argument unless it stands behind "=". Returns how
 * many arguments that were, or -1. */
static int read_argument(struct reading *reading, char *const *at, int left, struct error *err)
{
    const char *name = *at + strspn(*at, "-");
    size_t length = strcspn(name, "=");
    const struct flag *flag = flag_find(name, length);

    if (name == *at)
        return error_set(err, ERROR_INVALID,
                         "unexpected argument \"%.60s\": settings are written --name=value", *at);
    if (!flag || name - *at != 2)
        return unknown("unknown flag", *at, (size_t)(name - *at) + length, err);
    if (name[length] == '=') {
        reading->flags[flag_index(flag)] = name + length + 1;
        return 1;
    }
    if (left < 2 || strncmp(at[1], "--", 2) == 0)
        return error_set(err, ERROR_INVALID, "--%s needs a value: --%s=%s", flag->name, flag->name,
                         flag->argument);
    reading->flags[flag_index(flag)] = at[1];
    return 2;
}

static int read_arguments(struct reading *reading, struct error *err)
{
    const struct options_source *source = reading->source;

    for (int i = 0; i < source->argc;) {
        if (strcmp(source->argv[i], "--help") == 0 || strcmp(source->argv[i], "-h") == 0) {
            reading->help = true;
            return 0;
        }
        int taken = read_argument(reading, &source->argv[i], source->argc - i, err);
        if (taken < 0)
            return -1;
        i += taken;
    }
    return 0;
}

static int check_keys(const struct reading *reading, struct error *err)
{
    const struct yaml_node *file = reading->owned_file;
    char what[ORIGIN_SIZE];

    if (file->kind != YAML_MAP)
        return error_set(err, ERROR_INVALID, "%s: expected lines of the form name: value, not %s",
                         reading->owned_file_name, yaml_kind_name(file->kind));
    for (size_t i = 0; i < file->count; i++) {
        const char *key = file->items[i].key;

        snprintf(what, sizeof what, "%s:%u: unknown setting", reading->owned_file_name,
                 file->items[i].line);
        if (!flag_find(key, strlen(key)))
            return unknown(what, key, strlen(key), err);
        if (strcmp(key, "config") == 0)
            return error_set(err, ERROR_INVALID, "%s:%u: a file can't name another one with config",
                             reading->owned_file_name, file->items[i].line);
    }
    return 0;
}

static int read_file(struct reading *reading, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(YAML_TREE_MAX_BYTES);
    const char *given = reading->flags[flag_index(flag_find("config", 6))];
    const char *name = given ? given : variable(reading->source, "PODBIND_CONFIG");

    if (!*name)
        return 0;
    reading->owned_file_name = mem_strdup(name);
    if (file_text_read(name, YAML_TREE_MAX_BYTES, &text, err) < 0)
        return error_wrap(err, "%s", given ? "--config" : "PODBIND_CONFIG");
    if (yaml_tree_parse(strbuf_text(&text), text.length, name, &reading->owned_file, err) < 0)
        return -1;
    return check_keys(reading, err);
}

/* ---- from texts to the struct ---- */

/* A list of texts is the same as the texts with commas between. */
static int join(const struct yaml_node *list, const char *origin, struct strbuf *ret_text,
                struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *item = &list->items[i];

        if (item->kind != YAML_TEXT || !*item->text || strchr(item->text, ','))
            return error_set(err, ERROR_INVALID, "%s: expected a list of plain names", origin);
        strbuf_str(ret_text, i > 0 ? "," : "");
        strbuf_str(ret_text, item->text);
    }
    return 0;
}

static int take_node(const struct flag *flag, const struct yaml_node *node, const char *origin,
                     struct options *options, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf joined = {0};

    if (node->kind == YAML_TEXT)
        return flag_take(flag, node->text, origin, options, err);
    if (node->kind == YAML_MAP || flag->type != &flag_namespaces)
        return error_set(err, ERROR_INVALID, "%s: expected a single value, not %s", origin,
                         yaml_kind_name(node->kind));
    if (join(node, origin, &joined, err) < 0)
        return -1;
    return flag_take(flag, strbuf_text(&joined), origin, options, err);
}

/* The first source that has the setting counts. */
static int take_setting(const struct reading *reading, const struct flag *flag,
                        struct options *options, struct error *err)
{
    const char *given = reading->flags[flag_index(flag)];
    const struct yaml_node *node = yaml_get(reading->owned_file, flag->name);
    char name[FLAG_VARIABLE_SIZE], origin[ORIGIN_SIZE];

    flag_variable(flag, name);
    if (given) {
        snprintf(origin, sizeof origin, "--%s", flag->name);
        return flag_take(flag, given, origin, options, err);
    }
    if (*variable(reading->source, name))
        return flag_take(flag, variable(reading->source, name), name, options, err);
    if (node && !node->plain_null) {
        snprintf(origin, sizeof origin, "%s:%u: %s", reading->owned_file_name, node->line,
                 flag->name);
        return take_node(flag, node, origin, options, err);
    }
    return flag_take(flag, flag->fallback, flag->name, options, err);
}

/* ---- what follows from the surroundings ---- */

static int retake(const char *name, const char *text, const char *origin, struct options *options,
                  struct error *err)
{
    return flag_take(flag_find(name, strlen(name)), text, origin, options, err);
}

/* As client-go has it: the named file, KUBECONFIG, the pod's mount, ~/.kube/config. */
static int find_cluster(const struct options_source *source, struct options *options,
                        struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf home = {0};
    const char *named = variable(source, "KUBECONFIG");

    options->kubernetes_host = mem_strdup(variable(source, "KUBERNETES_SERVICE_HOST"));
    options->kubernetes_port = mem_strdup(variable(source, "KUBERNETES_SERVICE_PORT"));
    if (*options->kubeconfig)
        return 0;
    if (strchr(named, ':'))
        return error_set(
            err, ERROR_INVALID,
            "KUBECONFIG names several files, and podbind reads one: give --kubeconfig");
    strbuf_format(&home, "%s/.kube/config", variable(source, "HOME"));
    if (!*named && !*options->kubernetes_host && access(strbuf_text(&home), R_OK) == 0)
        named = strbuf_text(&home);
    if (!*named && !*options->kubernetes_host)
        return error_set(err, ERROR_INVALID,
                         "no API server: this is no pod (KUBERNETES_SERVICE_HOST is not set); give "
                         "--kubeconfig, or set KUBECONFIG");
    if (!*named && *options->context)
        return error_set(err, ERROR_INVALID, "--context needs a kubeconfig: give --kubeconfig too");
    return retake("kubeconfig", named, "KUBECONFIG", options, err);
}

static int find_namespace(const struct options_source *source, struct options *options,
                          struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf path = {0};
    CLEANUP(strbuf_release) struct strbuf text = {0};
    const char *origin = "POD_NAMESPACE", *found = variable(source, origin);
    struct error absent = {0};

    if (*options->lease_namespace)
        return 0;
    strbuf_format(&path, "%s" NAMESPACE_FILE, source->root);
    if (!*found && file_text_read(strbuf_text(&path), 256, &text, &absent) == 0 && text.text) {
        origin = NAMESPACE_FILE;
        text.text[strcspn(text.text, " \t\r\n")] = '\0';
        found = text.text;
    }
    return retake("lease-namespace", *found ? found : DEFAULT_NAMESPACE, origin, options, err);
}

static int find_identity(const struct options_source *source, struct options *options,
                         struct error *err)
{
    const char *uid = variable(source, "POD_UID");
    char host[128] = "", text[256];
    uint64_t random = 0;

    if (*options->lease_identity)
        return 0;
    if (gethostname(host, sizeof host - 1) < 0 || getrandom(&random, sizeof random, 0) < 0)
        return error_set(err, ERROR_INVALID, "no name for this replica: give --lease-identity");
    snprintf(text, sizeof text, "%s_%016" PRIx64, host, random);
    return retake("lease-identity", *uid ? uid : text, *uid ? "POD_UID" : "host name", options,
                  err);
}

/* A call that starts in time must end before another replica may take over (kube/lease.h). */
static int check_lease(const struct options *options, struct error *err)
{
    if (options->lease_duration_ms % 1000 != 0)
        return error_set(err, ERROR_INVALID, "--lease-duration must be whole seconds, such as 15s");
    if (options->lease_duration_ms <= options->lease_renew_deadline_ms)
        return error_set(err, ERROR_INVALID,
                         "--lease-duration must be longer than --lease-renew-deadline");
    if (options->lease_renew_deadline_ms * 10 <= options->lease_retry_period_ms * 12)
        return error_set(
            err, ERROR_INVALID,
            "--lease-renew-deadline must be longer than 1.2 times --lease-retry-period");
    return 0;
}

/* ---- what follows for AWS ---- */

static void borrow_aws_environment(const struct options_source *source, struct options *options)
{
    options->aws_credentials = (struct credentials_environment){
        .access_key_id = variable(source, "AWS_ACCESS_KEY_ID"),
        .secret_access_key = variable(source, "AWS_SECRET_ACCESS_KEY"),
        .session_token = variable(source, "AWS_SESSION_TOKEN"),
        .role_arn = variable(source, "AWS_ROLE_ARN"),
        .web_identity_token_file = variable(source, "AWS_WEB_IDENTITY_TOKEN_FILE"),
        .role_session_name = variable(source, "AWS_ROLE_SESSION_NAME"),
        .profile = {.profile = variable(source, "AWS_PROFILE"),
                    .config_file = variable(source, "AWS_CONFIG_FILE"),
                    .credentials_file = variable(source, "AWS_SHARED_CREDENTIALS_FILE"),
                    .home = variable(source, "HOME")},
        .container_relative_uri = variable(source, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        .container_full_uri = variable(source, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        .container_token_file = variable(source, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        .container_token = variable(source, "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        .imds = {.disabled = variable(source, "AWS_EC2_METADATA_DISABLED"),
                 .endpoint = variable(source, "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
                 .endpoint_mode = variable(source, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"),
                 .timeout = variable(source, "AWS_METADATA_SERVICE_TIMEOUT")},
    };
    for (enum endpoint_setting i = 0; i < ENDPOINT_SETTING_COUNT; i++)
        options->aws_endpoints.environment[i] = variable(source, endpoint_setting_variable(i));
}

static int find_region(const struct options_source *source, struct options *options,
                       struct error *err)
{
    static const char *const names[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const struct credentials_environment *from = &options->aws_credentials;

    options->aws_region_from = "--aws-region";
    for (size_t i = 0; i < 2 && !*options->aws_region.text; i++) {
        options->aws_region_from = names[i];
        if (retake("aws-region", variable(source, names[i]), names[i], options, err) < 0)
            return -1;
    }
    if (!*options->aws_region.text &&
        region_source_find(&from->profile, &from->imds, &options->aws_region,
                           &options->aws_region_from, err) < 0)
        return error_wrap(err, "no AWS region: give --aws-region=us-west-2, or set AWS_REGION");
    return 0;
}

/* libcurl would say no more than that a connection failed, and only then. */
static int find_ca_bundle(const struct options_source *source, const struct profile *profile,
                          struct options *options, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(CA_BUNDLE_CAP);
    const char *given = variable(source, "AWS_CA_BUNDLE");
    char origin[ORIGIN_SIZE] = "AWS_CA_BUNDLE";

    options->aws_ca_bundle = mem_strdup(*given ? given : profile_value(profile, "ca_bundle"));
    if (!*options->aws_ca_bundle)
        return 0;
    if (!*given)
        snprintf(origin, sizeof origin, "%s: profile \"%s\": ca_bundle",
                 profile_path(profile, "ca_bundle"), profile->name);
    if (file_text_read(options->aws_ca_bundle, CA_BUNDLE_CAP, &text, err) < 0)
        return error_wrap(err, "%s", origin);
    if (!strstr(strbuf_text(&text), "-----BEGIN CERTIFICATE-----"))
        return error_set(err, ERROR_INVALID, "%s: %s holds no certificate: expected a PEM file",
                         origin, options->aws_ca_bundle);
    return 0;
}

/* "" for what the profile does not say. `services` is its section of that name, or NULL. */
static char *profile_setting(const struct profile *profile, const struct profile_section *services,
                             enum endpoint_setting which)
{
    const char *key = endpoint_setting_key(which);
    char *nested = NULL;

    if (which >= ENDPOINT_SETTING_URL)
        return mem_strdup(profile_value(profile, key));
    if (services)
        nested =
            profile_file_nested(services, endpoint_service_name((enum endpoint_service)which), key);
    return nested ? nested : mem_strdup("");
}

static int take_profile(const struct profile *profile, struct options *options, struct error *err)
{
    const char *name = profile_value(profile, "services");
    const struct profile_section *services =
        profile_file_find(&profile->files, PROFILE_SECTION_SERVICES, name);

    if (*name && !services)
        return error_set(err, ERROR_INVALID,
                         "%s: profile \"%s\": services: expected a section [services %s] in %s",
                         profile_path(profile, "services"), profile->name, name,
                         profile->paths[PROFILE_FILE_CONFIG]);
    for (enum endpoint_setting i = 0; i < ENDPOINT_SETTING_COUNT; i++) {
        options->aws_profile[i] = profile_setting(profile, services, i);
        options->aws_endpoints.profile[i] = options->aws_profile[i];
    }
    return 0;
}

/* What the environment alone has wrong names its variable already, where AWS is first spoken to. */
static int check_endpoints(const struct profile *profile, const struct options *options,
                           struct error *err)
{
    struct endpoint_settings alone = options->aws_endpoints;
    struct endpoint endpoint;
    struct error ignored = {0};

    memset(alone.profile, 0, sizeof alone.profile);
    for (enum endpoint_service i = 0; i < ENDPOINT_SERVICE_COUNT; i++)
        if (endpoint_resolve(i, &options->aws_region, &options->aws_endpoints, &endpoint, err) <
                0 &&
            endpoint_resolve(i, &options->aws_region, &alone, &endpoint, &ignored) == 0)
            return error_wrap(err, "%s: profile \"%s\"", profile_path(profile, "endpoint_url"),
                              profile->name);
    error_clear(err);
    return 0;
}

static int find_aws(const struct options_source *source, struct options *options, struct error *err)
{
    CLEANUP(profile_release) struct profile profile = {.name = NULL};

    borrow_aws_environment(source, options);
    if (profile_load(&options->aws_credentials.profile, &profile, err) == 0 &&
        take_profile(&profile, options, err) == 0 && find_region(source, options, err) == 0 &&
        check_endpoints(&profile, options, err) == 0 &&
        find_ca_bundle(source, &profile, options, err) == 0)
        return 0;
    err->kind = ERROR_INVALID;
    return -1;
}

/* ---- all of it ---- */

static int fill(const struct reading *reading, struct options *options, struct error *err)
{
    const struct options_source *source = reading->source;

    for (size_t i = 0; i < flag_count; i++)
        if (take_setting(reading, &flag_table[i], options, err) < 0)
            return -1;
    if (!options->cluster_name || !*options->cluster_name)
        return error_set(err, ERROR_INVALID,
                         "no cluster: give --cluster-name, the name of the EKS cluster, or auto");
    if (find_aws(source, options, err) < 0 || find_cluster(source, options, err) < 0 ||
        find_namespace(source, options, err) < 0 || find_identity(source, options, err) < 0 ||
        check_lease(options, err) < 0)
        return -1;
    return 0;
}

int options_read(const struct options_source *source, struct options *ret_options,
                 struct error *err)
{
    CLEANUP(reading_release) struct reading reading = {.source = source};
    CLEANUP(options_release) struct options options = {0};

    if (read_arguments(&reading, err) < 0)
        return -1;
    if (reading.help)
        options.help = true;
    else if (read_file(&reading, err) < 0 || fill(&reading, &options, err) < 0)
        return -1;
    *ret_options = options;
    options = (struct options){0};
    return 0;
}

static const char *environment(const char *name)
{
    return getenv(name);
}

struct options_source options_source(int argc, char *const *argv)
{
    return (struct options_source){argc, argv, environment, ""};
}

void options_release(struct options *options)
{
    char *texts[] = {options->config,          options->kubeconfig,      options->context,
                     options->cluster_name,    options->kubernetes_host, options->kubernetes_port,
                     options->instance,        options->lease_name,      options->lease_identity,
                     options->lease_namespace, options->aws_ca_bundle};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mem_free(texts[i]);
    for (size_t i = 0; i < ENDPOINT_SETTING_COUNT; i++)
        mem_free(options->aws_profile[i]);
    for (size_t i = 0; i < options->watch_namespaces.count; i++)
        mem_free(options->watch_namespaces.names[i]);
    mem_free(options->watch_namespaces.names);
    *options = (struct options){0};
}

bool options_watches(const struct options_names *names, const char *namespace)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], namespace) == 0)
            return true;
    return names->count == 0;
}
