/* SPDX-License-Identifier: Apache-2.0 */
/*
 * region_source - the region, where no setting gives it: the `region` of the profile in use, else
 * the instance's own (IMDSv2, latest/meta-data/placement/region).
 *
 * For the start of the process: it blocks, for two exchanges of AWS_METADATA_SERVICE_TIMEOUT (1 s)
 * at most, on an HTTP engine of its own. The process must ignore SIGPIPE (base/http). Call it only
 * when neither --aws-region nor AWS_REGION nor AWS_DEFAULT_REGION is set, and after
 * mem_adopt_libraries().
 */
#pragma once

#include "aws/arn.h"
#include "aws/imds.h"
#include "aws/profile.h"
#include "base/error.h"

/* `ret_from` is "profile" or "instance metadata", for logs. Fails with ERROR_INVALID for a profile
 * that is wrong, and with what was tried in the text when nothing gives a region. */
int region_source_find(const struct profile_environment *profile,
                       const struct imds_environment *imds, struct arn_region *ret_region,
                       const char **ret_from, struct error *err);
