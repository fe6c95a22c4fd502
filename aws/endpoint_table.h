/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint_table - the addresses AWS itself has for a region: what aws/endpoint falls back on. Pure.
 *
 * Every partition has FIPS and dual-stack names; whether a service answers there is another matter,
 * and found out by asking. A region that nobody knows yet belongs to the partition that its prefix
 * names, else to "aws", so a new region needs no new podbind.
 *
 * Source: endpoint rule sets and partitions of botocore 1.44.5; tests/cases/endpoint/rows.tsv is
 * what they compute, and is compared row by row.
 */
#pragma once

#include "aws/arn.h"
#include "aws/endpoint.h"

/* Flags of an address. */
#define ENDPOINT_TABLE_FIPS 1U
#define ENDPOINT_TABLE_DUAL_STACK 2U

struct endpoint_table_row {
    char host[ENDPOINT_HOST_SIZE];
    struct arn_region signing_region;
};

/* "aws", "aws-cn", "aws-us-gov", ... of a region. */
const char *endpoint_table_partition(const struct arn_region *region);
/* The region that IAM's signatures name, whatever address it is spoken to at: IAM is one service a
 * partition. */
struct arn_region endpoint_table_iam_region(const struct arn_region *region);
/* The address of a service in a region, with these flags. */
struct endpoint_table_row endpoint_table_find(enum endpoint_service service,
                                              const struct arn_region *region, unsigned flags);
/* STS as it was before it had regions: the one global address for the oldest regions, the regional
 * one for all others. */
struct endpoint_table_row endpoint_table_global_sts(const struct arn_region *region);
