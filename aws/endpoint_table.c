/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/endpoint_table.h"

#include <stdio.h>
#include <string.h>

#define VARIANTS (ENDPOINT_TABLE_FIPS + ENDPOINT_TABLE_DUAL_STACK + 1)

struct partition {
    const char *region_prefix;
    const char *name;
    const char *suffix;      /* of regional host names */
    const char *dual_suffix; /* ... of those with IPv6 */
    const char *eks_fips;    /* what a FIPS host without IPv6 begins with */
    const char *sts_fips;
    const char *iam_region;          /* IAM has one address a partition, which lies there */
    const char *iam_hosts[VARIANTS]; /* plain, FIPS, dual-stack, both */
};

/* The first row whose prefix fits. */
static const struct partition partitions[] = {
    {"cn-",
     "aws-cn",
     "amazonaws.com.cn",
     "api.amazonwebservices.com.cn",
     "eks-fips",
     "sts-fips",
     "cn-north-1",
     {"iam.cn-north-1.amazonaws.com.cn", "iam-fips.amazonaws.com.cn",
      "iam.global.api.amazonwebservices.com.cn", "iam-fips.api.amazonwebservices.com.cn"}},
    {"us-gov-",
     "aws-us-gov",
     "amazonaws.com",
     "api.aws",
     "eks",
     "sts",
     "us-gov-west-1",
     {"iam.us-gov.amazonaws.com", "iam.us-gov.amazonaws.com", "iam.us-gov.api.aws",
      "iam.us-gov.api.aws"}},
    {"us-iso-",
     "aws-iso",
     "c2s.ic.gov",
     "api.aws.ic.gov",
     "eks-fips",
     "sts-fips",
     "us-iso-east-1",
     {"iam.us-iso-east-1.c2s.ic.gov", "iam-fips.us-iso-east-1.c2s.ic.gov", "iam.api.aws.ic.gov",
      "iam-fips.api.aws.ic.gov"}},
    {"us-isob-",
     "aws-iso-b",
     "sc2s.sgov.gov",
     "api.aws.scloud",
     "eks-fips",
     "sts-fips",
     "us-isob-east-1",
     {"iam.us-isob-east-1.sc2s.sgov.gov", "iam-fips.us-isob-east-1.sc2s.sgov.gov",
      "iam.api.aws.scloud", "iam-fips.api.aws.scloud"}},
    {"eu-isoe-",
     "aws-iso-e",
     "cloud.adc-e.uk",
     "api.cloud-aws.adc-e.uk",
     "eks-fips",
     "sts-fips",
     "eu-isoe-west-1",
     {"iam.eu-isoe-west-1.cloud.adc-e.uk", "iam-fips.cloud.adc-e.uk", "iam.api.cloud-aws.adc-e.uk",
      "iam-fips.api.cloud-aws.adc-e.uk"}},
    {"us-isof-",
     "aws-iso-f",
     "csp.hci.ic.gov",
     "api.aws.hci.ic.gov",
     "eks-fips",
     "sts-fips",
     "us-isof-south-1",
     {"iam.us-isof-south-1.csp.hci.ic.gov", "iam-fips.csp.hci.ic.gov", "iam.api.aws.hci.ic.gov",
      "iam-fips.api.aws.hci.ic.gov"}},
    {"eusc-",
     "aws-eusc",
     "amazonaws.eu",
     "api.amazonwebservices.eu",
     "eks-fips",
     "sts-fips",
     "eusc-de-east-1",
     {"iam.eusc-de-east-1.amazonaws.eu", "iam-fips.amazonaws.eu",
      "iam.global.api.amazonwebservices.eu", "iam-fips.api.amazonwebservices.eu"}},
    {"",
     "aws",
     "amazonaws.com",
     "api.aws",
     "fips.eks",
     "sts-fips",
     "us-east-1",
     {"iam.amazonaws.com", "iam-fips.amazonaws.com", "iam.global.api.aws",
      "iam-fips.global.api.aws"}},
};

static const struct partition *partition_of(const struct arn_region *region)
{
    const struct partition *row = partitions;

    while (strncmp(region->text, row->region_prefix, strlen(row->region_prefix)) != 0)
        row++;
    return row;
}

const char *endpoint_table_partition(const struct arn_region *region)
{
    return partition_of(region)->name;
}

static struct endpoint_table_row make_row(const char *region)
{
    struct endpoint_table_row row = {.host = ""};

    snprintf(row.signing_region.text, sizeof row.signing_region.text, "%s", region);
    return row;
}

struct arn_region endpoint_table_iam_region(const struct arn_region *region)
{
    return make_row(partition_of(region)->iam_region).signing_region;
}

static const char *first_label(enum endpoint_service service, const struct partition *partition,
                               unsigned flags)
{
    bool eks = service == ENDPOINT_EKS;

    if (flags == ENDPOINT_TABLE_FIPS)
        return eks ? partition->eks_fips : partition->sts_fips;
    if (flags & ENDPOINT_TABLE_FIPS)
        return eks ? "eks-fips" : "sts-fips";
    return endpoint_service_name(service);
}

struct endpoint_table_row endpoint_table_find(enum endpoint_service service,
                                              const struct arn_region *region, unsigned flags)
{
    const struct partition *partition = partition_of(region);
    struct endpoint_table_row row =
        make_row(service == ENDPOINT_IAM ? partition->iam_region : region->text);

    if (service == ENDPOINT_IAM)
        snprintf(row.host, sizeof row.host, "%s", partition->iam_hosts[flags % VARIANTS]);
    else
        snprintf(row.host, sizeof row.host, "%s.%s.%s", first_label(service, partition, flags),
                 region->text,
                 flags & ENDPOINT_TABLE_DUAL_STACK ? partition->dual_suffix : partition->suffix);
    return row;
}

struct endpoint_table_row endpoint_table_global_sts(const struct arn_region *region)
{
    static const char *const oldest[] = {
        "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
        "eu-central-1",   "eu-north-1", "eu-west-1",      "eu-west-2",      "eu-west-3",
        "sa-east-1",      "us-east-1",  "us-east-2",      "us-west-1",      "us-west-2"};
    struct endpoint_table_row global = make_row("us-east-1");

    snprintf(global.host, sizeof global.host, "sts.amazonaws.com");
    for (size_t i = 0; i < sizeof oldest / sizeof *oldest; i++)
        if (strcmp(oldest[i], region->text) == 0)
            return global;
    return endpoint_table_find(ENDPOINT_STS, region, 0);
}
