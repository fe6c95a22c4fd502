/* SPDX-License-Identifier: Apache-2.0 */
#include "reconcile/access.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

static void add_field(struct strbuf *text, const char *field)
{
    strbuf_add(text, field, strlen(field) + 1);
}

void access_fingerprint(const struct association *const *rows, size_t count,
                        char ret_text[ACCESS_TEXT_SIZE])
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED((size_t)64 << 20);
    uint8_t digest[DIGEST_SIZE];

    if (count == 0) {
        memcpy(ret_text, "none", sizeof "none");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct association *row = rows[i];

        add_field(&text, row->key.namespace);
        add_field(&text, row->key.service_account);
        add_field(&text, row->access.role_arn);
        add_field(&text, row->access.target_role_arn);
        add_field(&text, row->access.session_tags ? "E" : "D");
        strbuf_str(&text, row->access.policy);
        strbuf_char(&text, '\n');
    }
    digest_sha256(strbuf_text(&text), text.length, digest);
    digest_hex(digest, (ACCESS_TEXT_SIZE - 1) / 2, ret_text);
}
