/* SPDX-License-Identifier: Apache-2.0 */
/* kube_name - names of Kubernetes. Pure. */
#pragma once

#include <stdbool.h>

/* True for a DNS-1123 subdomain: 1 to 253 of a-z 0-9 - . that starts and ends with a-z 0-9, as do
 * its parts between the dots. Names of podbind's objects, groups and resources are all such. */
bool kube_name_valid(const char *name);
