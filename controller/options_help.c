/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "controller/flag.h"
#include "controller/options.h"

#define INDENT 34
#define WIDTH 100
#define GLUE "\x01" /* a space at which no line is broken */

/* Words, broken into lines that begin at the column INDENT; the first one is begun already. */
static void add_wrapped(struct strbuf *out, const char *text)
{
    size_t column = INDENT;

    while (*text) {
        size_t length = strcspn(text, " ");

        if (column > INDENT && column + 1 + length > WIDTH) {
            strbuf_format(out, "\n%*s", INDENT, "");
            column = INDENT;
        }
        strbuf_format(out, "%s%.*s", column > INDENT ? " " : "", (int)length, text);
        column += length + (column > INDENT);
        text += length;
        text += strspn(text, " ");
    }
    strbuf_char(out, '\n');
}

static void add_facts(struct strbuf *help, const struct flag *flag)
{
    if (*flag->fallback)
        strbuf_format(help, " (default:" GLUE "%s)", flag->fallback);
    for (size_t i = 0; flag->words[i]; i++)
        strbuf_format(help, "%s%s", i == 0 ? " [" : GLUE "|" GLUE, flag->words[i]);
    strbuf_str(help, flag->words[0] ? "]" : "");
    if (flag->least)
        strbuf_format(help, " [%s" GLUE "to" GLUE "%s]", flag->least, flag->most);
}

static void add_flag(struct strbuf *out, const struct flag *flag)
{
    CLEANUP(strbuf_release) struct strbuf help = {0};
    char left[64];

    snprintf(left, sizeof left, "  --%s %s", flag->name, flag->argument);
    strbuf_format(out, "%-*s", INDENT, left);
    strbuf_str(&help, flag->help);
    add_facts(&help, flag);
    add_wrapped(out, strbuf_text(&help));
}

void options_help(struct strbuf *ret_text)
{
    strbuf_str(
        ret_text,
        "Usage: podbind controller [flags]\n\n"
        "Keeps the EKS Pod Identity associations of one cluster equal to what the\n"
        "PodIdentityBinding objects in that cluster ask for.\n\n"
        "Each flag is also an environment variable (--cluster-name is PODBIND_CLUSTER_NAME) and a\n"
        "key of the YAML file given by --config (cluster-name: ...). A flag counts before the\n"
        "variable, the variable before the file, the file before the default. Durations are\n"
        "written 5m, 90s, 1h30m or 500ms.\n\nFlags:\n");
    for (size_t i = 0; i < flag_count; i++)
        add_flag(ret_text, &flag_table[i]);
    strbuf_format(ret_text, "%-*s", INDENT, "  -h, --help");
    add_wrapped(ret_text, "print this and exit");
    strbuf_str(
        ret_text,
        "\nAWS credentials and addresses come from the environment, as in the AWS SDKs, else from the\n"
        "profile:\n"
        "  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN\n"
        "  AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME\n"
        "  AWS_PROFILE, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE\n"
        "  AWS_CONTAINER_CREDENTIALS_FULL_URI or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, with\n"
        "  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or AWS_CONTAINER_AUTHORIZATION_TOKEN\n"
        "  AWS_EC2_METADATA_DISABLED, AWS_EC2_METADATA_SERVICE_ENDPOINT,\n"
        "  AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, AWS_METADATA_SERVICE_TIMEOUT\n"
        "  AWS_REGION, AWS_DEFAULT_REGION\n"
        "  AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT (true or false)\n"
        "  AWS_STS_REGIONAL_ENDPOINTS (regional or legacy; default: regional)\n"
        "  AWS_ENDPOINT_URL_EKS, AWS_ENDPOINT_URL_IAM, AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL\n"
        "  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS (true: none of these four counts)\n"
        "  AWS_CA_BUNDLE (a PEM file in place of the system's certificates)\n"
        "  HTTPS_PROXY, NO_PROXY (for AWS only)\n"
        "\nExit codes: 0 after SIGTERM or SIGINT; 1 when it could not start or lost the lease; 2 for\n"
        "a wrong flag, variable or file.\n");
    for (char *at = ret_text->text; at && *at; at++)
        *at = *at == GLUE[0] ? ' ' : *at;
}
