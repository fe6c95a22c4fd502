/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources against a local server, and programs that are really run. A row is a test: what the
 * source answers, and what comes of it. After each failure the next fetch is neither at once nor
 * far off, and succeeds when the source is mended, without a restart.
 */
#include "tests/unit/fetch_stage.h"

enum source { CONTAINER, IMDS, WEB, ASSUMED, PROGRAM };

struct row {
    const char *name;
    enum source source;
    struct reply replies[4]; /* a PROGRAM prints the first one's body */
    const char *words;       /* of the error; NULL: new credentials */
};

#define OK(text)                                                                                   \
    {                                                                                              \
        .status = 200, .body = (text)                                                              \
    }
#define SAYS(code, text)                                                                           \
    {                                                                                              \
        .status = (code), .body = (text)                                                           \
    }
#define ELSEWHERE(code)                                                                            \
    {                                                                                              \
        .status = (code), .headers = "Location: /elsewhere\r\n", .body = ""                        \
    }
#define HUGE_BODY                                                                                  \
    {                                                                                              \
        .status = 200, .length = (size_t)2 << 20                                                   \
    }
#define CUT                                                                                        \
    {                                                                                              \
        .status = 0                                                                                \
    }
#define TOKEN OK("IMDSHUSH==")
#define THE_ROLE OK("podbind-node")
#define HTML "<!DOCTYPE html><html><body>HIDDEN</body></html>"

#define QUOTED                                                                                     \
    "The request signature we calculated does not match. The Canonical String for this request "   \
    "should have been 'POST x-amz-security-token:HUSHBASE'"

static const struct row rows[] = {
    {"container: credentials", CONTAINER, {OK(JSON("AKID1", LATER))}, NULL},
    {"container: denied", CONTAINER, {SAYS(403, "HIDDEN")}, "answered 403: expected 200"},
    {"container: not found", CONTAINER, {SAYS(404, "")}, "is there a Pod Identity association"},
    {"container: redirect", CONTAINER, {ELSEWHERE(302)}, "answered 302: expected 200"},
    {"container: HTML", CONTAINER, {OK(HTML)}, "expected a JSON object"},
    {"container: XML", CONTAINER, {OK(WEB_XML)}, "expected a JSON object"},
    {"container: cut JSON", CONTAINER, {OK("{\"AccessKeyId\":\"HIDDEN")}, "expected a JSON object"},
    {"container: expired long ago",
     CONTAINER,
     {OK(JSON("AKID1", "2023-11-14T19:00:00Z"))},
     "gave credentials that expired 3 hours ago by the clock here"},
    {"container: expired", CONTAINER, {OK(JSON("AKID1", TOO_EARLY))}, "about to expire"},
    {"container: malformed key", CONTAINER, {OK(JSON("A/K", LATER))}, "AccessKeyId is malformed"},
    {"container: 2 MB", CONTAINER, {HUGE_BODY}, "over 65536 bytes"},
    {"container: hangs up", CONTAINER, {CUT}, "container endpoint"},

    {"imds: credentials", IMDS, {TOKEN, THE_ROLE, OK(JSON("AKID1", LATER))}, NULL},
    {"imds: role with a line end", IMDS, {TOKEN, OK("r\n"), OK(JSON("AKID1", LATER))}, NULL},
    {"imds: no version 2", IMDS, {SAYS(403, "")}, "no session token: answered 403"},
    {"imds: only version 1", IMDS, {SAYS(404, "")}, "no session token: answered 404"},
    {"imds: token redirect", IMDS, {ELSEWHERE(307)}, "no session token: answered 307"},
    {"imds: token with line break", IMDS, {OK("HUSH\r\nX: y")}, "printable characters"},
    {"imds: empty token", IMDS, {OK("")}, "no session token"},
    {"imds: long token", IMDS, {{.status = 200, .length = 600}}, "at most 511"},
    {"imds: silence", IMDS, {{.status = -1}}, "hop limit"},
    {"imds: no role", IMDS, {TOKEN, SAYS(404, HTML)}, "has the instance a role?"},
    {"imds: role is HTML", IMDS, {TOKEN, OK(HTML)}, "expected the name of the instance's role"},
    {"imds: role with a slash", IMDS, {TOKEN, OK("../x")}, "name of the instance's role"},
    {"imds: empty role", IMDS, {TOKEN, OK("")}, "name of the instance's role"},
    {"imds: failed", IMDS, {TOKEN, THE_ROLE, OK("{\"Code\":\"Failed\"}")}, "not Failed"},
    {"imds: HTML", IMDS, {TOKEN, THE_ROLE, OK(HTML)}, "expected a JSON object"},
    {"imds: redirect", IMDS, {TOKEN, THE_ROLE, ELSEWHERE(301)}, "answered 301"},
    {"imds: token expired", IMDS, {TOKEN, THE_ROLE, SAYS(401, "")}, "answered 401"},
    {"imds: expired", IMDS, {TOKEN, THE_ROLE, OK(JSON("AKID1", TOO_EARLY))}, "gave credentials"},
    {"imds: 2 MB", IMDS, {TOKEN, THE_ROLE, HUGE_BODY}, "over 65536 bytes"},
    {"imds: hangs up", IMDS, {TOKEN, CUT}, "instance metadata"},

    {"web identity: credentials", WEB, {OK(WEB_XML)}, NULL},
    {"web identity: denied",
     WEB,
     {SAYS(403, ERROR_XML("AccessDenied", "Not authorized"))},
     "AccessDenied"},
    {"web identity: token expired",
     WEB,
     {SAYS(400, ERROR_XML("ExpiredTokenException", "old"))},
     "ExpiredTokenException"},
    {"web identity: rejected",
     WEB,
     {SAYS(403, ERROR_XML("IDPRejectedClaim", "no"))},
     "IDPRejectedClaim"},
    {"web identity: provider down",
     WEB,
     {SAYS(400, ERROR_XML("IDPCommunicationError", "x"))},
     "IDPCommunicationError"},
    {"web identity: quoted token",
     WEB,
     {SAYS(400, ERROR_XML("ValidationError", "Value " JWT))},
     "ValidationError"},
    {"web identity: token in any error",
     WEB,
     {SAYS(400, ERROR_XML("InvalidIdentityToken", JWT))},
     "InvalidIdentityToken"},
    {"web identity: throttled",
     WEB,
     {SAYS(400, ERROR_XML("Throttling", "Rate exceeded"))},
     "Rate exceeded"},
    {"web identity: DOCTYPE", WEB, {OK("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>")}, "DOCTYPE"},
    {"web identity: DOCTYPE in an error", WEB, {SAYS(403, "<!DOCTYPE a []><a/>")}, "DOCTYPE"},
    {"web identity: 2 MB", WEB, {HUGE_BODY}, "over 262144 bytes"},
    {"web identity: cut XML", WEB, {OK("<AssumeRoleWithWebIdentityResponse><Ass")}, "cut off"},
    {"web identity: JSON", WEB, {OK(JSON("AKID1", LATER))}, "expected XML"},
    {"web identity: HTML", WEB, {OK("<html><p>HIDDEN</html>")}, "XML"},
    {"web identity: HTML of a proxy",
     WEB,
     {SAYS(502, "<html>HIDDEN<hr></html>")},
     "STS answered 502"},
    {"web identity: empty", WEB, {OK("")}, "XML"},
    {"web identity: no secret",
     WEB,
     {OK(XML("AssumeRoleWithWebIdentity", "AKID1", "", LATER))},
     "SecretAccessKey is missing"},
    {"web identity: malformed key",
     WEB,
     {OK(XML("AssumeRoleWithWebIdentity", "A/K", SECRET, LATER))},
     "AccessKeyId is malformed"},
    {"web identity: no time",
     WEB,
     {OK(XML("AssumeRoleWithWebIdentity", "AKID1", SECRET, "soon"))},
     "Expiration: expected"},
    {"web identity: expired",
     WEB,
     {OK(XML("AssumeRoleWithWebIdentity", "AKID1", SECRET, TOO_EARLY))},
     "gave credentials"},
    {"web identity: redirect", WEB, {ELSEWHERE(307)}, "STS answered 307"},
    {"web identity: hangs up", WEB, {CUT}, "web identity"},

    {"role: credentials", ASSUMED, {OK(ROLE_XML)}, NULL},
    {"role: denied",
     ASSUMED,
     {SAYS(403, ERROR_XML("AccessDenied", "no sts:AssumeRole"))},
     "no sts:AssumeRole"},
    {"role: wrong signature",
     ASSUMED,
     {SAYS(403, ERROR_XML("SignatureDoesNotMatch", QUOTED))},
     "SignatureDoesNotMatch"},
    {"role: another answer", ASSUMED, {OK(WEB_XML)}, "AccessKeyId is missing"},
    {"role: JSON", ASSUMED, {OK("{\"a\":1}")}, "expected XML"},

    {"program: credentials", PROGRAM, {OK(PRINTED("1", SESSION(LATER)))}, NULL},
    {"program: without an end", PROGRAM, {OK(PRINTED("1", ""))}, NULL},
    {"program: other version", PROGRAM, {OK(PRINTED("2", ""))}, "expected \"Version\": 1"},
    {"program: no version", PROGRAM, {OK(JSON("AKID1", LATER))}, "expected \"Version\": 1"},
    {"program: no JSON", PROGRAM, {OK("HIDDEN")}, "what the program printed: expected a JSON"},
    {"program: nothing", PROGRAM, {OK("")}, "expected a JSON object"},
    {"program: expired", PROGRAM, {OK(PRINTED("1", SESSION(TOO_EARLY)))}, "gave credentials"},
    {"program: no time", PROGRAM, {OK(PRINTED("1", SESSION("soon")))}, "Expiration: expected"},
    {"program: too much", PROGRAM, {{.status = 200, .length = 70000}}, "cat"},
};

/* ---- one row ---- */

static void lay(enum source source, const struct reply *replies, size_t count)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    reply_server_lay(replies, count);
    if (source != PROGRAM)
        return;
    if (replies[0].body)
        strbuf_str(&text, replies[0].body);
    for (size_t i = 0; !replies[0].body && i < replies[0].length; i++)
        strbuf_char(&text, 'x');
    write_bytes("printed", strbuf_text(&text), text.length);
}

static void write_profile(enum source source)
{
    CLEANUP(strbuf_release) struct strbuf text = {0};

    if (source == ASSUMED)
        strbuf_str(&text, "[default]\nrole_arn = " ROLE "\nsource_profile = default\n"
                          "aws_access_key_id = AKIDBASE\naws_secret_access_key = HIDDEN\n"
                          "aws_session_token = HUSHBASE\nexternal_id = ext\n");
    if (source == PROGRAM)
        strbuf_format(&text, "[default]\ncredential_process = /bin/cat %s\n", in_folder("printed"));
    write_text("config", strbuf_text(&text));
}

/* Texts must outlive the credentials: they are static. */
static struct credentials_environment surroundings(enum source source, const char *patience)
{
    static char url[64], config[64], token[64];
    struct credentials_environment from = {.imds.disabled = "true"};

    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    snprintf(config, sizeof config, "%s", in_folder("config"));
    snprintf(token, sizeof token, "%s", in_folder("token"));
    if (source == CONTAINER)
        from.container_full_uri = url;
    if (source == IMDS)
        from.imds = (struct imds_environment){.endpoint = url, .timeout = patience};
    if (source == WEB) {
        from.role_arn = ROLE;
        from.web_identity_token_file = token;
    }
    if (source == ASSUMED || source == PROGRAM)
        from.profile.config_file = config;
    return from;
}

static void mend(enum source source, struct credentials *credentials, int64_t now)
{
    static const struct reply good[][3] = {
        [CONTAINER] = {OK(JSON("AKID2", LATER))},
        [IMDS] = {TOKEN, THE_ROLE, OK(JSON("AKID2", LATER))},
        [WEB] = {OK(XML("AssumeRoleWithWebIdentity", "AKID2", SECRET, LATER))},
        [ASSUMED] = {OK(XML("AssumeRole", "AKID2", SECRET, LATER))},
        [PROGRAM] = {OK("{\"Version\":1,\"AccessKeyId\":\"AKID2\",\"SecretAccessKey\":\"x\"}")},
    };
    struct error err = {0};

    lay(source, good[source], 3);
    if (fetch_all(credentials, now, &err) < 0)
        fail_msg("%s", err.text);
    expect_key(credentials, now, "AKID2");
}

static void the_source_comes_to_this(void **state)
{
    const struct row *row = *state;
    bool silent = row->replies[0].status < 0;
    struct credentials_environment from = surroundings(row->source, silent ? "1" : "10");
    const struct endpoint sts = sts_here();
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    write_text("token", JWT "\n");
    write_profile(row->source);
    lay(row->source, row->replies, 4);
    if (credentials_init(&credentials, &from, &sts, &err) < 0)
        fail_msg("%s", err.text);
    int result = fetch_all(&credentials, NOW, &err);
    if (!row->words) {
        if (result < 0)
            fail_msg("%s", err.text);
        expect_key(&credentials, NOW, "AKID1");
        assert_false(credentials_fetch_due(&credentials, NOW + SECOND));
        return;
    }
    assert_int_equal(result, -1);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    expect_words(&err, row->words);
    expect_words(&err, "AWS credentials from ");
    assert_null(credentials_current(&credentials, NOW, &err));
    assert_false(credentials_fetch_due(&credentials, NOW + SECOND / 4));
    mend(row->source, &credentials, NOW + 2 * SECOND);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(rows)];

    for (size_t i = 0; i < COUNT(rows); i++)
        tests[i] = (struct CMUnitTest){.name = rows[i].name,
                                       .test_func = the_source_comes_to_this,
                                       .initial_state = (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests_name("credentials_sources", tests, open_stage, close_stage);
}
