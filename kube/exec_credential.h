/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec_credential - what a credential plugin is told and what it answers: ExecCredential of
 * client.authentication.k8s.io/v1 and v1beta1, which are the same on the wire. Pure.
 *
 * A credential is counted: the plugin's runner, and every client that uses it, hold one reference
 * each. It does not change once it has been read, so any thread may look at it.
 *
 * Error texts never quote the answer: it holds secrets.
 *
 * Source: k8s.io/client-go pkg/apis/clientauthentication/v1/types.go and
 * plugin/pkg/client/auth/exec/exec.go.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "kube/kubeconfig.h"

#define EXEC_CREDENTIAL_CAP ((size_t)128 << 10) /* of a plugin's stdout */

struct exec_credential {
    char *token;         /* "": none. Visible ASCII, 12 KiB at most */
    char *cert_pem;      /* "": none; with its chain */
    char *key_pem;       /* "": none; always there with a certificate */
    int64_t expires_us;  /* microseconds since 1970; 0: the plugin did not say */
    uint64_t number;     /* the runner's: which run it came from */
    unsigned references; /* changed by exec_credential_hold() and _drop() only */
};

/* Reads what a plugin printed. ERROR_INVALID, with what was expected, for what is no
 * ExecCredential of that apiVersion, has neither a token nor a certificate with its key, or a
 * member of another form. The caller holds the one reference. */
int exec_credential_read(const char *bytes, size_t length, const char *api_version,
                         struct exec_credential **ret_credential, struct error *err);
struct exec_credential *exec_credential_hold(struct exec_credential *credential);
/* The last one wipes it. NULL is fine. */
void exec_credential_drop(struct exec_credential *credential);

/* Appends what the environment variable KUBERNETES_EXEC_INFO holds: an ExecCredential with
 * interactive: false, and with the cluster where the plugin asked for it. config->exec must be
 * there. */
void exec_credential_info(const struct kubeconfig *config, struct strbuf *ret_text);
