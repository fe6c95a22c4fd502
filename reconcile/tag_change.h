/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag_change - what must be set, and what taken away, so that the tags of an association become the
 * wanted ones. Tags are pairs (crds/pairs.h). Pure.
 */
#pragma once

#include "base/strbuf.h"

/* The wanted ones that are not there, or have another value there: for TagResource. */
void tag_change_missing(const char *there, const char *wanted, struct strbuf *ret_pairs);
/* Those there whose keys are not wanted: for UntagResource. */
void tag_change_extra(const char *there, const char *wanted, struct strbuf *ret_pairs);
/* What is there after the missing ones were set, the extra ones not yet taken away. */
void tag_change_set(const char *there, const char *wanted, struct strbuf *ret_pairs);
