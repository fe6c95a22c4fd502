/* SPDX-License-Identifier: Apache-2.0 */
/* selector_json - a label selector, read from JSON. matchLabels become In requirements. */
#pragma once

#include <jansson.h>

#include "crds/binding.h"
#include "crds/field_json.h"

/* Texts are borrowed from the document. Zeroed is empty. */
struct selector_draft {
    struct selector_requirement *owned_requirements;
    const char **owned_values; /* those of all requirements, one after the other */
    size_t count;              /* 0 when anything is at fault: never half a selector */
};

void selector_from_json(const json_t *selector, struct field_defect *defect,
                        struct selector_draft *ret_draft);
void selector_draft_release(struct selector_draft *draft);
