/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect - what a set of bindings and service accounts asks EKS for, worked out a second time.
 *
 * The judge's own reading of the rules, slow and plain: it shares no code with reconcile/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "crds/binding.h"
#include "tests/standin/model.h"

#define EXPECT_ACCOUNT "111122223333"

/* The objects as somebody sees them: the API server, or a replica's stores. Borrowed. */
struct view {
    const struct binding *const *bindings;
    size_t binding_count;
    const struct service_account *const *accounts;
    size_t account_count;
    const char *own_namespace;
};

/* Why nothing of a binding is accepted ("Refused", ...), or "". */
const char *expect_refusal(const struct binding *binding);
/* Does its spec ask for this service account, refused or not? Never when it is being deleted. */
bool expect_names(const struct view *view, const struct binding *binding, const char *account);
/* The binding that holds a key: the oldest accepted one that asks for it. NULL: nobody. */
const struct binding *expect_holder(const struct view *view, const char *namespace,
                                    const char *account);

#define EXPECT_ARN_SIZE 512
void expect_role_arn(const struct binding *binding, char ret_arn[EXPECT_ARN_SIZE]);
/* What differs between what a binding wants and an association: "" or a word. */
const char *expect_difference(const struct binding *binding,
                              const struct model_association *association);
/* The tags that an association of this binding carries, as pairs. */
void expect_tags(const struct binding *binding, const char *owner, struct strbuf *ret_pairs);
/* Those that one has. */
void expect_pairs(const struct model_association *association, struct strbuf *ret_pairs);

/* The value of a tag, or NULL. */
const char *expect_tag(const struct model_association *association, const char *key);
/* Tagged as ours, and no add-on's. */
bool expect_ours(const struct model_association *association, const char *owner);
