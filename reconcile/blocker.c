/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/blocker.h"

#include "crds/pairs.h"

#define TAGS_SAID 3 /* of an association that is not ours */
#define TAG_SAID_MAX 100

/* Whoever made it is known by these at best. */
static void say_tags(struct strbuf *ret_message, const char *tags)
{
    struct pair_view tag;
    int said = 0;

    while (said < TAGS_SAID && pairs_next(&tags, &tag)) {
        if (tag.key_length + tag.value_length > TAG_SAID_MAX)
            continue;
        strbuf_format(ret_message, "%s%.*s=%.*s", said++ == 0 ? " (it has the tags " : ", ",
                      (int)tag.key_length, tag.key, (int)tag.value_length, tag.value);
    }
    strbuf_str(ret_message, said == 0 ? " (it has no tag that tells by whom)" : ")");
}

bool blocker_was_ours(const struct want *want, const struct association *association)
{
    return pairs_has(want->claim->binding->status.associations, want->key.service_account,
                     association->id);
}

/* What stands there, whose it is, and what a person can do about it. */
void blocker_say_taken(struct strbuf *ret_message, const struct want *want,
                       const struct association *association)
{
    size_t length = 0;
    const char *owner = pairs_get(association->tags, TAG_OWNER, &length);
    bool same = access_difference(&want->claim->access, &association->access) == 0;

    strbuf_format(ret_message, "association %s (role %.300s) stands there already", association->id,
                  association->access.role_arn);
    if (association->owner_arn[0] != '\0') {
        strbuf_format(ret_message,
                      ", owned by the EKS add-on %.200s: podbind never touches it; delete this "
                      "binding, or take the association out of the add-on's configuration",
                      association->owner_arn);
        return;
    }
    if (owner) {
        strbuf_format(ret_message,
                      ", made by another podbind (%.*s): delete one of the two bindings",
                      (int)(length < 200 ? length : 200), owner);
    } else if (blocker_was_ours(want, association)) {
        strbuf_str(ret_message, ", and was this binding's: its tag " TAG_OWNER
                                " was taken away. Put it back, or delete the association");
    } else {
        strbuf_str(ret_message, ", not made by podbind");
        say_tags(ret_message, association->tags);
        strbuf_str(ret_message, ": delete it where it was made");
    }
    strbuf_format(ret_message, ", or set adoption: %s and podbind takes it over%s",
                  same ? "SameAccess" : "Always", same ? "" : " and changes it");
}

void blocker_say_holder(struct strbuf *ret_message, const struct claim *holder,
                        const struct mirror_entry *entry)
{
    strbuf_format(ret_message, "held by the older binding '%s'", holder->binding->name);
    if (entry && entry->association)
        strbuf_format(ret_message, " with association %s", entry->association->id);
    strbuf_format(ret_message,
                  " (role %.300s): delete one of the two, or take the service account out of one",
                  holder->access.role_arn);
}
