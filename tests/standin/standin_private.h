/* SPDX-License-Identifier: Apache-2.0 */
/* standin_private - what the parts of the stand-in offer each other, all of it under the lock. */
#pragma once

#include "tests/standin/standin.h"
#include "tests/standin/standin_url.h"

/* ---- standin_aws.c: EKS, IAM and STS ---- */

void standin_aws(struct standin *standin, const struct standin_request *request,
                 struct standin_reply *reply);

/* ---- standin_admin.c: everything under /_standin/ ---- */

void standin_admin(struct standin *standin, const struct standin_request *request,
                   struct standin_reply *reply);

/* ---- standin.c ---- */

/* Hands out a key of the caller of that ARN (NULL: the operator) that lives so long, and at most as
 * long as the settings say. */
const struct standin_credential *standin_mint_key(struct standin *standin, const char *caller_arn,
                                                  int64_t lifetime_ms);
void standin_uuid(struct standin *standin, char ret_uuid[40]);
