/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/endpoint_table.h"

static const struct name {
    const char *variable;
    const char *key;
    const char *in_profile; /* what an error calls it */
} names[ENDPOINT_SETTING_COUNT] = {
    [ENDPOINT_SETTING_URL_EKS] = {"AWS_ENDPOINT_URL_EKS", "endpoint_url",
                                  "endpoint_url of eks in the profile's services"},
    [ENDPOINT_SETTING_URL_IAM] = {"AWS_ENDPOINT_URL_IAM", "endpoint_url",
                                  "endpoint_url of iam in the profile's services"},
    [ENDPOINT_SETTING_URL_STS] = {"AWS_ENDPOINT_URL_STS", "endpoint_url",
                                  "endpoint_url of sts in the profile's services"},
    [ENDPOINT_SETTING_URL] = {"AWS_ENDPOINT_URL", "endpoint_url", "the profile's endpoint_url"},
    [ENDPOINT_SETTING_IGNORE_URLS] = {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
                                      "ignore_configured_endpoint_urls",
                                      "the profile's ignore_configured_endpoint_urls"},
    [ENDPOINT_SETTING_FIPS] = {"AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint",
                               "the profile's use_fips_endpoint"},
    [ENDPOINT_SETTING_DUAL_STACK] = {"AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint",
                                     "the profile's use_dualstack_endpoint"},
    [ENDPOINT_SETTING_STS_REGIONAL] = {"AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints",
                                       "the profile's sts_regional_endpoints"},
};

const char *endpoint_setting_variable(enum endpoint_setting setting)
{
    return names[setting].variable;
}

const char *endpoint_setting_key(enum endpoint_setting setting)
{
    return names[setting].key;
}

const char *endpoint_service_name(enum endpoint_service service)
{
    static const char *const services[ENDPOINT_SERVICE_COUNT] = {"eks", "iam", "sts"};

    return services[service];
}

/* ---- what was said ---- */

struct said {
    const char *where;
    const char *text; /* "" for nothing */
};

static bool is_set(const char *text)
{
    return text && *text;
}

static struct said in_environment(const struct endpoint_settings *from, enum endpoint_setting which)
{
    const char *text = from->environment[which];

    return (struct said){names[which].variable, is_set(text) ? text : ""};
}

static struct said in_profile(const struct endpoint_settings *from, enum endpoint_setting which)
{
    const char *text = from->profile[which];

    return (struct said){names[which].in_profile, is_set(text) ? text : ""};
}

static struct said find(const struct endpoint_settings *from, enum endpoint_setting which)
{
    struct said said = in_environment(from, which);

    return *said.text ? said : in_profile(from, which);
}

/* The first of the two words is true. */
static int read_word(struct said said, const char *yes, const char *no, bool otherwise,
                     bool *ret_value, struct error *err)
{
    if (*said.text && strcasecmp(said.text, yes) != 0 && strcasecmp(said.text, no) != 0)
        return error_set(err, ERROR_INVALID, "%s: expected %s or %s", said.where, yes, no);
    *ret_value = *said.text ? strcasecmp(said.text, yes) == 0 : otherwise;
    return 0;
}

static struct said find_override(enum endpoint_service service,
                                 const struct endpoint_settings *from)
{
    enum endpoint_setting own = (enum endpoint_setting)(ENDPOINT_SETTING_URL_EKS + service);
    const struct said order[] = {in_environment(from, own),
                                 in_environment(from, ENDPOINT_SETTING_URL), in_profile(from, own),
                                 in_profile(from, ENDPOINT_SETTING_URL)};

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (*order[i].text)
            return order[i];
    return (struct said){"", ""};
}

/* ---- addresses ---- */

/* The host as the Host header shows it, which libcurl writes without a default port. */
static void print_host(const struct endpoint_url *url, char ret_host[ENDPOINT_HOST_SIZE])
{
    bool standard = url->port == 0 || url->port == (url->https ? 443U : 80U);
    const char *open = url->ipv6 ? "[" : "", *close = url->ipv6 ? "]" : "";

    if (standard)
        snprintf(ret_host, ENDPOINT_HOST_SIZE, "%s%s%s", open, url->host, close);
    else
        snprintf(ret_host, ENDPOINT_HOST_SIZE, "%s%s%s:%u", open, url->host, close, url->port);
}

static int take_override(struct said override, struct endpoint *endpoint, struct error *err)
{
    struct endpoint_url url;

    if (endpoint_url_parse(override.text, &url, err) < 0)
        return error_wrap(err, "%s", override.where);
    if (strchr(url.path, '?'))
        return error_set(err, ERROR_INVALID, "%s: malformed URL: expected no query",
                         override.where);
    print_host(&url, endpoint->host);
    snprintf(endpoint->origin, sizeof endpoint->origin, "%s://%s", url.https ? "https" : "http",
             endpoint->host);
    size_t length = strlen(url.path);
    while (length > 0 && url.path[length - 1] == '/')
        length--;
    memcpy(endpoint->path, url.path, length);
    endpoint->overridden = true;
    return 0;
}

static void take_row(const struct endpoint_table_row *row, struct endpoint *endpoint)
{
    snprintf(endpoint->host, sizeof endpoint->host, "%s", row->host);
    snprintf(endpoint->origin, sizeof endpoint->origin, "https://%s", row->host);
    endpoint->signing_region = row->signing_region;
}

/* The settings for one service, read. */
struct wish {
    struct said override;
    struct said fips, dual_stack; /* where they were said */
    bool use_fips, use_dual_stack;
    bool sts_regional;
};

static int read_wish(enum endpoint_service service, const struct endpoint_settings *settings,
                     struct wish *wish, struct error *err)
{
    bool ignore = false;

    wish->fips = find(settings, ENDPOINT_SETTING_FIPS);
    wish->dual_stack = find(settings, ENDPOINT_SETTING_DUAL_STACK);
    if (read_word(find(settings, ENDPOINT_SETTING_IGNORE_URLS), "true", "false", false, &ignore,
                  err) < 0 ||
        read_word(wish->fips, "true", "false", false, &wish->use_fips, err) < 0 ||
        read_word(wish->dual_stack, "true", "false", false, &wish->use_dual_stack, err) < 0 ||
        read_word(find(settings, ENDPOINT_SETTING_STS_REGIONAL), "regional", "legacy", true,
                  &wish->sts_regional, err) < 0)
        return -1;
    if (!ignore)
        wish->override = find_override(service, settings);
    else
        wish->override = (struct said){"", ""};
    return 0;
}

static int refuse_both(const char *what, struct said flag, struct said override, struct error *err)
{
    return error_set(err, ERROR_INVALID,
                     "%s asks for %s endpoints, but %s gives an address of its own: unset one of "
                     "them",
                     flag.where, what, override.where);
}

int endpoint_resolve(enum endpoint_service service, const struct arn_region *region,
                     const struct endpoint_settings *settings, struct endpoint *ret_endpoint,
                     struct error *err)
{
    struct endpoint endpoint = {.signing_region = *region};
    struct endpoint_table_row row;
    struct wish wish = {.use_fips = false};

    if (read_wish(service, settings, &wish, err) < 0)
        return -1;
    if (*wish.override.text && wish.use_fips)
        return refuse_both("FIPS", wish.fips, wish.override, err);
    if (*wish.override.text && wish.use_dual_stack)
        return refuse_both("dual-stack", wish.dual_stack, wish.override, err);
    row = endpoint_table_find(service, region,
                              (wish.use_fips ? ENDPOINT_TABLE_FIPS : 0U) |
                                  (wish.use_dual_stack ? ENDPOINT_TABLE_DUAL_STACK : 0U));
    if (service == ENDPOINT_STS && !wish.sts_regional && !wish.use_fips && !wish.use_dual_stack)
        row = endpoint_table_global_sts(region);
    if (!*wish.override.text)
        take_row(&row, &endpoint);
    else if (take_override(wish.override, &endpoint, err) < 0)
        return -1;
    if (*wish.override.text && service == ENDPOINT_IAM)
        endpoint.signing_region = endpoint_table_iam_region(region);
    *ret_endpoint = endpoint;
    return 0;
}
