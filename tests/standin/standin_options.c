/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/standin/standin_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "tests/standin/standin_duration.h"

const char standin_usage[] =
    "podbind-standin: EKS pod identity associations, IAM GetRole and STS sessions on a port of\n"
    "127.0.0.1, for tests. Nothing is kept when it ends.\n"
    "\n"
    "  --port N                   0 (the default) takes a free one; the first line on stdout is\n"
    "                             'listening on 127.0.0.1:PORT'\n"
    "  --cluster NAME[,issuer=URL][,ca=FILE][,account=ID][,region=REGION][,status=STATUS]\n"
    "            [,version=V]     a cluster; repeat for more. ca is a PEM file\n"
    "  --credentials ID:SECRET[:TOKEN]\n"
    "                             who may sign; repeat for more. Without any: AKIDEXAMPLE with\n"
    "                             wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
    "  --account ID               of the caller, clusters and roles (111122223333)\n"
    "  --region REGION            of clusters that name none (us-west-2)\n"
    "  --partition NAME           in ARNs (aws)\n"
    "  --propagation DURATION     a write shows in List and Describe only after it (0s)\n"
    "  --latency DURATION         of every answer (0s)\n"
    "  --rate N, --burst N        EKS mutations per second, and at once (0: no limit)\n"
    "  --read-rate N, --read-burst N\n"
    "                             EKS reads likewise\n"
    "  --quota N                  associations per cluster (5000)\n"
    "  --role [PATH/]NAME         only roles named so exist; repeat for more\n"
    "  --any-role                 every role of the account exists (the default without --role)\n"
    "  --container-token TOKEN    serves credentials at /_standin/credentials to whoever sends it\n"
    "  --credentials-lifetime DURATION\n"
    "                             of those credentials and of STS's sessions, at most (1h)\n"
    "  --policy [ID=]FILE         an IAM policy for the key ID, or for all keys without one; repeat for\n"
    "                             more. Without any, everything is allowed\n"
    "  --threads N                that serve (4)\n"
    "  --seed N                   of ids and chances (random)\n"
    "  --help\n"
    "\n"
    "Durations are 100ms, 2s, 5m or plain seconds. The world behind it is at /_standin/:\n"
    "tests/standin/README.md.\n";

#define SPECS_MAX 256
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

struct reading {
    struct standin *standin;
    struct standin_options options;
    const char *clusters[SPECS_MAX]; /* put last, when the defaults are known */
    size_t cluster_count;
    const char *roles[SPECS_MAX];
    size_t role_count;
    bool any_role;
    const char *policies[STANDIN_GRANTS_MAX];
    size_t policy_count;
};

static struct model_settings *settings(struct reading *reading)
{
    return model_settings(reading->standin->model);
}

static bool number(const char *text, double most, double *ret_number)
{
    char *end = NULL;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0 && value <= most))
        return false;
    *ret_number = value;
    return true;
}

static bool fits(char *ret_text, size_t size, const char *text)
{
    int length = snprintf(ret_text, size, "%s", text);

    return *text && length >= 0 && (size_t)length < size;
}

/* ---- one function an option: false when the value is no good ---- */

static bool read_port(struct reading *reading, const char *text)
{
    double port = 0;

    if (!number(text, 65535, &port))
        return false;
    reading->options.port = (uint16_t)port;
    return true;
}

static bool read_threads(struct reading *reading, const char *text)
{
    double threads = 0;

    if (!number(text, 64, &threads) || threads < 2)
        return false;
    reading->options.threads = (unsigned)threads;
    return true;
}

static bool read_cluster(struct reading *reading, const char *text)
{
    if (reading->cluster_count == SPECS_MAX)
        return false;
    reading->clusters[reading->cluster_count++] = text;
    return true;
}

static bool read_role(struct reading *reading, const char *text)
{
    if (reading->role_count == SPECS_MAX || !*text)
        return false;
    reading->roles[reading->role_count++] = text;
    return true;
}

static bool read_any_role(struct reading *reading, const char *text)
{
    (void)text;
    reading->any_role = true;
    return true;
}

static bool read_credentials(struct reading *reading, const char *text)
{
    CLEANUP_FREE char *id = mem_strdup(text);
    char *secret = strchr(id, ':'), *token = NULL;

    if (!secret)
        return false;
    *secret++ = '\0';
    token = strchr(secret, ':');
    if (token)
        *token++ = '\0';
    return *id && *secret && standin_add_key(reading->standin, id, secret, token ? token : "");
}

static bool read_account(struct reading *reading, const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12 &&
           fits(settings(reading)->account, MODEL_ACCOUNT_SIZE, text);
}

static bool read_region(struct reading *reading, const char *text)
{
    return fits(settings(reading)->region, MODEL_REGION_SIZE, text);
}

static bool read_partition(struct reading *reading, const char *text)
{
    return fits(settings(reading)->partition, MODEL_PARTITION_SIZE, text);
}

static bool read_propagation(struct reading *reading, const char *text)
{
    return standin_duration_parse(text, &settings(reading)->propagation_ms);
}

static bool read_latency(struct reading *reading, const char *text)
{
    return standin_duration_parse(text, &settings(reading)->latency_ms);
}

static bool read_rate(struct reading *reading, const char *text)
{
    return number(text, 1e6, &settings(reading)->rate);
}

static bool read_burst(struct reading *reading, const char *text)
{
    return number(text, 1e6, &settings(reading)->burst);
}

static bool read_read_rate(struct reading *reading, const char *text)
{
    return number(text, 1e6, &settings(reading)->read_rate);
}

static bool read_read_burst(struct reading *reading, const char *text)
{
    return number(text, 1e6, &settings(reading)->read_burst);
}

static bool read_quota(struct reading *reading, const char *text)
{
    double quota = 0;

    if (!number(text, 1e6, &quota))
        return false;
    settings(reading)->quota = (size_t)quota;
    return true;
}

static bool read_container_token(struct reading *reading, const char *text)
{
    return fits(reading->standin->container_token, sizeof reading->standin->container_token, text);
}

static bool read_lifetime(struct reading *reading, const char *text)
{
    return standin_duration_parse(text, &reading->standin->credentials_lifetime_ms);
}

static bool read_policy(struct reading *reading, const char *text)
{
    if (reading->policy_count == STANDIN_GRANTS_MAX)
        return false;
    reading->policies[reading->policy_count++] = text;
    return true;
}

static bool read_seed(struct reading *reading, const char *text)
{
    double seed = 0;

    if (!number(text, 1e15, &seed))
        return false;
    reading->standin->random = (uint64_t)seed;
    return true;
}

static bool read_help(struct reading *reading, const char *text)
{
    (void)text;
    reading->options.help = true;
    return true;
}

static const struct {
    const char *name;
    int has_value;
    bool (*read)(struct reading *reading, const char *text);
} known[] = {
    {"port", required_argument, read_port},
    {"threads", required_argument, read_threads},
    {"cluster", required_argument, read_cluster},
    {"role", required_argument, read_role},
    {"any-role", no_argument, read_any_role},
    {"credentials", required_argument, read_credentials},
    {"account", required_argument, read_account},
    {"region", required_argument, read_region},
    {"partition", required_argument, read_partition},
    {"propagation", required_argument, read_propagation},
    {"latency", required_argument, read_latency},
    {"rate", required_argument, read_rate},
    {"burst", required_argument, read_burst},
    {"read-rate", required_argument, read_read_rate},
    {"read-burst", required_argument, read_read_burst},
    {"quota", required_argument, read_quota},
    {"container-token", required_argument, read_container_token},
    {"credentials-lifetime", required_argument, read_lifetime},
    {"policy", required_argument, read_policy},
    {"seed", required_argument, read_seed},
    {"help", no_argument, read_help},
};

#define KNOWN (sizeof known / sizeof *known)

/* ---- clusters and roles ---- */

static int read_file(const char *path, char *ret_bytes, size_t size, size_t *ret_length,
                     struct error *err)
{
    FILE *file = fopen(path, "re");

    *ret_length = 0;
    if (file) {
        *ret_length = fread(ret_bytes, 1, size, file);
        fclose(file);
    }
    if (*ret_length == 0 || *ret_length == size)
        return error_set(err, ERROR_INVALID, "cannot read the file '%s' (1 byte to 64 KiB)", path);
    return 0;
}

/* The file's bytes as base64, the form of certificateAuthority.data. */
static int read_ca(const char *path, struct strbuf *ret_base64, struct error *err)
{
    char bytes[64 * 1024];
    size_t length = 0;

    if (read_file(path, bytes, sizeof bytes, &length, err) < 0)
        return -1;
    digest_base64_encode(bytes, length, ret_base64);
    return 0;
}

static const char **member(struct model_cluster *cluster, const char *name)
{
    const struct {
        const char *name;
        const char **text;
    } members[] = {
        {"issuer", &cluster->issuer}, {"ca", &cluster->ca_data},    {"account", &cluster->account},
        {"region", &cluster->region}, {"status", &cluster->status}, {"version", &cluster->version},
    };

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0)
            return members[i].text;
    return NULL;
}

/* Cuts `text` at the next `separator` and returns what follows, or NULL at the end. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);

    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static int put_cluster(struct standin *standin, const char *spec, struct error *err)
{
    CLEANUP_FREE char *copy = mem_strdup(spec);
    CLEANUP(strbuf_release) struct strbuf ca = {0};
    struct model_cluster cluster = {.name = copy, .created_ms = standin_now_ms(standin)};
    char *rest = cut(copy, ',');

    if (strspn(copy, NAME_LETTERS) != strlen(copy) || !*copy)
        return error_set(err, ERROR_INVALID,
                         "--cluster %s: '%s' is no cluster name (expected NAME[,issuer=URL]...)",
                         spec, copy);
    while (rest) {
        char *part = rest, *value = NULL;
        const char **text = NULL;

        rest = cut(part, ',');
        value = cut(part, '=');
        text = member(&cluster, part);
        if (!text || !value)
            return error_set(err, ERROR_INVALID,
                             "--cluster %s: '%s' is none of issuer=, ca=, account=, region=, "
                             "status=, version=",
                             spec, part);
        *text = value;
    }
    if (cluster.ca_data && read_ca(cluster.ca_data, &ca, err) < 0)
        return error_wrap(err, "--cluster %s", spec);
    if (cluster.ca_data)
        cluster.ca_data = strbuf_text(&ca);
    model_put_cluster(standin->model, &cluster);
    return 0;
}

/* "team/a/reader" is the role reader with the path /team/a/. */
static void put_role(struct standin *standin, const char *spec)
{
    const char *slash = strrchr(spec, '/');
    struct model_role role = {
        .name = slash ? slash + 1 : spec,
        .created_ms = standin_now_ms(standin),
    };
    CLEANUP(strbuf_release) struct strbuf path = {0};

    strbuf_format(&path, "/%.*s", slash ? (int)(slash + 1 - spec) : 0, spec);
    role.path = strbuf_text(&path);
    model_put_role(standin->model, &role);
}

/* "FILE", or "AKIA...=FILE" for that key alone. */
static int put_policy(struct standin *standin, const char *spec, struct error *err)
{
    CLEANUP_FREE char *key_id = mem_strdup(spec);
    CLEANUP_JSON json_t *policy = NULL;
    char bytes[64 * 1024], *path = cut(key_id, '=');
    size_t length = 0;

    if (read_file(path ? path : spec, bytes, sizeof bytes, &length, err) < 0)
        return -1;
    policy = json_parse(bytes, length, err);
    if (!policy)
        return -1;
    return standin_permits_put(&standin->permits, path ? key_id : "", policy, err);
}

static int put_world(const struct reading *reading, struct error *err)
{
    struct standin *standin = reading->standin;

    for (size_t i = 0; i < reading->cluster_count; i++)
        if (put_cluster(standin, reading->clusters[i], err) < 0)
            return -1;
    for (size_t i = 0; i < reading->role_count; i++)
        put_role(standin, reading->roles[i]);
    model_settings(standin->model)->any_role = reading->any_role || reading->role_count == 0;
    if (standin->key_count == 0)
        standin_add_key(standin, "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "");
    for (size_t i = 0; i < reading->policy_count; i++)
        if (put_policy(standin, reading->policies[i], err) < 0)
            return error_wrap(err, "--policy %s", reading->policies[i]);
    return 0;
}

int standin_options_read(int argc, char **argv, struct standin *standin,
                         struct standin_options *ret_options, struct error *err)
{
    struct reading reading = {.standin = standin, .options.threads = 4};
    struct option options[KNOWN + 1] = {0};
    int which = 0, found = 0;

    for (size_t i = 0; i < KNOWN; i++)
        options[i] = (struct option){known[i].name, known[i].has_value, NULL, 1};
    opterr = 0;
    while ((found = getopt_long(argc, argv, "", options, &which)) == 1)
        if (!known[which].read(&reading, optarg))
            return error_set(err, ERROR_INVALID, "--%s does not take '%s'; see --help",
                             known[which].name, optarg);
    if (found != -1 || optind < argc)
        return error_set(err, ERROR_INVALID, "'%s' is no option or lacks its value; see --help",
                         argv[found == -1 ? optind : optind - 1]);
    *ret_options = reading.options;
    return put_world(&reading, err);
}
