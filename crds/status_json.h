/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_json - the status that the API server holds, read back as far as podbind must remember it.
 *
 * The hash is that of the status we would have written to get this one; so a status of ours that
 * came back hashes as it did before. Whatever our next patch would mend (a condition that is not
 * ours, a member of a wrong type, rows out of order) makes the hash differ from every one of ours.
 * Members that we don't know are left alone.
 */
#pragma once

#include <jansson.h>

#include "base/strbuf.h"
#include "crds/binding.h"

/* `status` may be NULL. The texts of ret_status borrow from it and from ret_associations. */
void status_from_json(const json_t *status, struct strbuf *ret_associations,
                      struct binding_stored_status *ret_status);
