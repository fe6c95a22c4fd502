/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_token.h"

#include <string.h>

#include "base/mem.h"
#include "kube/file_text.h"

bool kube_token_valid(const char *token)
{
    size_t length = strlen(token);
    for (size_t i = 0; i < length; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return false;
    }
    return length > 0 && length <= KUBE_TOKEN_CAP;
}

int kube_token_read(const char *path, char **ret_token, struct error *err)
{
    CLEANUP(strbuf_release) struct strbuf text = STRBUF_CAPPED(KUBE_TOKEN_CAP + 64);
    if (file_text_read(path, KUBE_TOKEN_CAP + 64, &text, err) < 0)
        return -1;
    CLEANUP_FREE char *token = strbuf_take(&text);
    size_t length = strlen(token);
    while (length > 0 && strchr(" \t\r\n", token[length - 1]) != NULL)
        token[--length] = '\0';
    if (!kube_token_valid(token))
        return error_set(err, ERROR_INVALID,
                         "%s holds no token, expected one line of at most %zu bytes", path,
                         KUBE_TOKEN_CAP);
    *ret_token = token;
    token = NULL;
    return 0;
}
