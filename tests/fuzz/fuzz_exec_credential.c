/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential plugin printed. What is taken may go into a header; what is refused is not quoted. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "kube/exec_credential.h"
#include "kube/kubeconfig_exec.h"
#include "tests/fuzz/fuzzing.h"

#define MARK "Zq0+secret/zQ9"

static void check_credential(const struct exec_credential *credential)
{
    FUZZ_CHECK(*credential->token || *credential->cert_pem, "a credential is a token or a pair");
    FUZZ_CHECK(!*credential->cert_pem == !*credential->key_pem, "a certificate has its key");
    FUZZ_CHECK(credential->references == 1, "the reader holds the one reference");
    for (const char *c = credential->token; *c; c++)
        FUZZ_CHECK(*c > ' ' && *c < 0x7F, "a token is visible ASCII");
}

static void check_answer(const char *bytes, size_t length, const char *version)
{
    struct exec_credential *credential = NULL;
    struct error err;

    if (exec_credential_read(bytes, length, version, &credential, &err) < 0) {
        FUZZ_CHECK(err.kind == ERROR_INVALID, "an answer is taken or invalid");
        fuzzing_check_error(&err);
        FUZZ_CHECK(!strstr(err.text, MARK), "no value is quoted");
        return;
    }
    check_credential(credential);
    exec_credential_drop(credential);
}

/* The same answer with a mark in each member of its status. */
static void check_marked(const char *bytes, size_t length)
{
    static const char *const names[] = {"token", "clientCertificateData", "clientKeyData",
                                        "expirationTimestamp"};
    struct error unused;
    CLEANUP_JSON json_t *document = json_parse(bytes, length, &unused);
    json_t *status = json_object_get(document, "status");

    for (size_t i = 0; json_is_object(status) && i < sizeof names / sizeof *names; i++) {
        CLEANUP(strbuf_release) struct strbuf value = {0};

        strbuf_format(&value, "%s%s", json_text(status, names[i]), MARK);
        json_object_set_new(status, names[i], json_string(strbuf_text(&value)));
        CLEANUP_FREE char *text = json_canonical(document);
        check_answer(text, strlen(text), KUBECONFIG_EXEC_V1);
    }
}

void fuzz_one(const char *bytes, size_t length)
{
    check_answer(bytes, length, KUBECONFIG_EXEC_V1);
    check_answer(bytes, length, KUBECONFIG_EXEC_V1BETA1);
    check_marked(bytes, length);
}
