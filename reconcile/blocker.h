/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blocker - what stands in the way of a wanted key, in words: what it is, whose it is, and what a
 * person can do about it. The reader has this sentence only. Pure.
 */
#pragma once

#include "base/strbuf.h"
#include "reconcile/desired.h"
#include "reconcile/mirror.h"

/* Status has named it as this binding's: only its owner tag can have gone. That is not mended, as
 * somebody may have meant it. */
bool blocker_was_ours(const struct want *want, const struct association *association);
/* An association that is not ours, or an add-on's, under the key. */
void blocker_say_taken(struct strbuf *ret_message, const struct want *want,
                       const struct association *association);
/* A binding that holds the key; `entry` is what is known of the key, NULL: nothing. */
void blocker_say_holder(struct strbuf *ret_message, const struct claim *holder,
                        const struct mirror_entry *entry);
