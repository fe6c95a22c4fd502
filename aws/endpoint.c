/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;     /* of regional host names */
    const char *iam_host;   /* IAM has one address a partition, */
    const char *iam_region; /* which lies in this region */
};

/* The first row whose prefix fits. */
static const struct partition partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "iam.us-gov.amazonaws.com", "us-gov-west-1"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "iam.us-isob-east-1.sc2s.sgov.gov",
     "us-isob-east-1"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "iam.eu-isoe-west-1.cloud.adc-e.uk",
     "eu-isoe-west-1"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "iam.us-isof-south-1.csp.hci.ic.gov",
     "us-isof-south-1"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"},
    {"", "aws", "amazonaws.com", "iam.amazonaws.com", "us-east-1"},
};

static const struct partition *partition_of(const struct arn_region *region)
{
    const struct partition *row = partitions;

    while (strncmp(region->text, row->region_prefix, strlen(row->region_prefix)) != 0)
        row++;
    return row;
}

const char *endpoint_partition(const struct arn_region *region)
{
    return partition_of(region)->name;
}

const char *endpoint_service_name(enum endpoint_service service)
{
    static const char *const names[ENDPOINT_SERVICE_COUNT] = {"eks", "iam", "sts"};

    return names[service];
}

struct override {
    const char *variable;
    const char *url; /* "" for none */
};

static bool is_set(const char *text)
{
    return text && *text;
}

static struct override find_override(enum endpoint_service service,
                                     const struct endpoint_overrides *from)
{
    static const char *const variables[ENDPOINT_SERVICE_COUNT] = {
        "AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS"};
    const char *const own[ENDPOINT_SERVICE_COUNT] = {from->eks, from->iam, from->sts};

    if (is_set(from->ignore_all) && strcasecmp(from->ignore_all, "true") == 0)
        return (struct override){"", ""};
    if (is_set(own[service]))
        return (struct override){variables[service], own[service]};
    return (struct override){"AWS_ENDPOINT_URL", is_set(from->all) ? from->all : ""};
}

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

static int take_override(struct override from, struct endpoint *endpoint, struct error *err)
{
    struct endpoint_url url;

    if (endpoint_url_parse(from.url, &url, err) < 0)
        return error_wrap(err, "%s", from.variable);
    if (strchr(url.path, '?'))
        return error_set(err, ERROR_INVALID, "%s: malformed URL: expected no query", from.variable);
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

static void take_regional(enum endpoint_service service, const struct arn_region *region,
                          struct endpoint *endpoint)
{
    const struct partition *partition = partition_of(region);

    if (service == ENDPOINT_IAM)
        snprintf(endpoint->host, sizeof endpoint->host, "%s", partition->iam_host);
    else
        snprintf(endpoint->host, sizeof endpoint->host, "%s.%s.%s", endpoint_service_name(service),
                 region->text, partition->suffix);
    snprintf(endpoint->origin, sizeof endpoint->origin, "https://%s", endpoint->host);
}

int endpoint_resolve(enum endpoint_service service, const struct arn_region *region,
                     const struct endpoint_overrides *overrides, struct endpoint *ret_endpoint,
                     struct error *err)
{
    struct override override = find_override(service, overrides);
    struct endpoint endpoint = {.signing_region = *region};

    if (*override.url && take_override(override, &endpoint, err) < 0)
        return -1;
    if (!*override.url)
        take_regional(service, region, &endpoint);
    if (service == ENDPOINT_IAM)
        snprintf(endpoint.signing_region.text, sizeof endpoint.signing_region.text, "%s",
                 partition_of(region)->iam_region);
    *ret_endpoint = endpoint;
    return 0;
}
