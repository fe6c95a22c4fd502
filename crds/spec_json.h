/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec_json - the spec of a PodIdentityBinding, read from JSON.
 *
 * Whatever our schema would have refused becomes a `defect`: the first one found, as a sentence
 * that names the field and what was expected, and never quotes the value. A text that is at fault
 * is left out of the record, so that none ever reaches a URL or a request. Where a wrong value
 * could cost access the safe side is taken: retain, suspend.
 */
#pragma once

#include <jansson.h>

#include "base/strbuf.h"
#include "crds/binding.h"
#include "crds/field_json.h"
#include "crds/selector_json.h"

/* What the fields of the spec point to, apart from the document itself. Zeroed is empty. */
struct spec_draft {
    struct selector_draft selector;
    char *owned_policy;
    struct strbuf tags;
    struct field_defect defect;
    char policy_defect[256];
};

/* Fills the spec's fields of `into`. They borrow from `spec` (NULL: there is none) and `draft`. */
void spec_from_json(const json_t *spec, struct spec_draft *draft, struct binding *into);
void spec_draft_release(struct spec_draft *draft);
