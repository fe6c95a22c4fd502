/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of each source, byte by byte, and how fetches follow upon each other. */
#include "tests/unit/fetch_stage.h"

#define OK(text)                                                                                   \
    {                                                                                              \
        .status = 200, .body = (text)                                                              \
    }
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static const struct error refusal = {.kind = ERROR_DENIED, .text = "EKS answered 403"};
static struct endpoint sts;
static char url[64], token_path[64], config_path[64], credentials_path[64];

static int prepare(void **state)
{
    (void)state;
    sts = sts_here();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    snprintf(token_path, sizeof token_path, "%s", in_folder("token"));
    snprintf(config_path, sizeof config_path, "%s", in_folder("config"));
    snprintf(credentials_path, sizeof credentials_path, "%s", in_folder("credentials"));
    write_text("token", JWT "\n");
    write_text("config", "");
    write_text("credentials", "");
    programs_run = 0;
    return 0;
}

static void init(struct credentials *credentials, const struct credentials_environment *from)
{
    struct error err;

    if (credentials_init(credentials, from, &sts, &err) < 0)
        fail_msg("%s", err.text);
}

static void fetch(struct credentials *credentials, int64_t now)
{
    struct error err;

    if (fetch_all(credentials, now, &err) < 0)
        fail_msg("%s", err.text);
}

static void expect_request(size_t index, const char *words)
{
    CLEANUP_FREE char *request = reply_server_request(index);

    if (!strstr(request, words))
        fail_msg("request %zu: %s; expected %s", index, request, words);
}

static void expect_no_request(size_t index, const char *words)
{
    CLEANUP_FREE char *request = reply_server_request(index);

    assert_null(strstr(request, words));
}

/* ---- what is asked ---- */

static void instance_metadata_is_asked_with_a_session_token(void **state)
{
    static const struct reply replies[] = {OK("IMDSTOKEN=="), OK("node.role"),
                                           OK(JSON("AKID1", LATER))};
    const struct credentials_environment from = {.imds = {.endpoint = url, .timeout = "10"}};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    assert_string_equal(credentials_source_name(&credentials), "instance metadata");
    fetch(&credentials, NOW);
    assert_int_equal(reply_server_count(), 3);
    expect_request(0, "PUT /latest/api/token HTTP/1.1\r\n");
    expect_request(0, "x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
    expect_request(1, "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n");
    expect_request(1, "x-aws-ec2-metadata-token: IMDSTOKEN==\r\n");
    expect_request(2, "GET /latest/meta-data/iam/security-credentials/node.role HTTP/1.1\r\n");
    expect_request(2, "x-aws-ec2-metadata-token: IMDSTOKEN==\r\n");
}

static void web_identity_is_asked_for_without_a_signature(void **state)
{
    static const struct reply replies[] = {OK(WEB_XML)};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path,
                                                 .role_session_name = "blue@podbind",
                                                 .container_full_uri = url};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    assert_string_equal(credentials_source_name(&credentials), "web identity");
    fetch(&credentials, NOW);
    expect_request(0, "POST / HTTP/1.1\r\n");
    expect_request(0, "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n");
    expect_request(0, "\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15"
                      "&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fpodbind"
                      "&RoleSessionName=blue%40podbind&WebIdentityToken=" JWT);
    expect_no_request(0, "Authorization");
    assert_int_equal(credentials_expiry(&credentials), NOW + 6 * HOUR);
}

static void a_session_name_is_made_up_where_none_is_given(void **state)
{
    static const struct reply replies[] = {OK(WEB_XML)};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    fetch(&credentials, NOW);
    expect_request(0, "&RoleSessionName=podbind-1700000000&");
}

static void a_role_is_assumed_with_the_keys_of_its_source(void **state)
{
    static const struct reply replies[] = {OK(ROLE_XML)};
    const struct credentials_environment from = {
        .profile = {.config_file = config_path, .credentials_file = credentials_path}};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    write_text("config", "[default]\nrole_arn = " ROLE "\nsource_profile = base\n"
                         "external_id = a/b\nduration_seconds = 3600\n");
    write_text("credentials", "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n"
                              "aws_session_token = BASETOKEN\n");
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    assert_string_equal(credentials_source_name(&credentials),
                        "profile \"default\": static keys, then assumed role");
    assert_int_equal(credentials_need(&credentials, NOW), CREDENTIALS_NEEDED);
    fetch(&credentials, NOW);
    expect_key(&credentials, NOW, "AKID1");
    expect_request(0, "Authorization: AWS4-HMAC-SHA256 "
                      "Credential=AKIDBASE/20231114/us-west-2/sts/aws4_request");
    expect_request(0, "X-Amz-Security-Token: BASETOKEN\r\n");
    expect_request(0, "Action=AssumeRole&Version=2011-06-15&");
    expect_request(0, "&ExternalId=a%2Fb&DurationSeconds=3600");
}

static void no_redirect_is_followed(void **state)
{
    static const struct reply replies[] = {
        {.status = 302, .headers = "Location: /elsewhere\r\n", .body = ""},
        OK(JSON("AKID1", LATER))};
    const struct credentials_environment from = {.container_full_uri = url};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    assert_int_equal(reply_server_count(), 1);
}

/* ---- the token file ---- */

static void expect_token_refused(const char *bytes, size_t length, const char *words)
{
    static const struct reply good[] = {OK(WEB_XML)};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    if (bytes)
        write_bytes("token", bytes, length);
    else
        unlink(token_path);
    reply_server_lay(good, 1);
    init(&credentials, &from);
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    expect_words(&err, words);
    assert_int_equal(err.kind, ERROR_TRANSIENT);
    assert_int_equal(reply_server_count(), 0);
    assert_false(credentials_fetch_due(&credentials, NOW));
    write_text("token", "  " JWT "\r\n");
    fetch(&credentials, NOW + 2 * SECOND);
    expect_request(0, "&WebIdentityToken=" JWT);
    expect_key(&credentials, NOW + 2 * SECOND, "AKID1");
}

static void token_files_that_cannot_be_sent_are_mended_without_a_restart(void **state)
{
    static char huge[65536];

    (void)state;
    memset(huge, 'T', sizeof huge);
    expect_token_refused("", 0, "it is empty");
    expect_token_refused("\r\n\r\n", 4, "it is empty");
    expect_token_refused(huge, sizeof huge, "at most 20000 bytes");
    expect_token_refused("HUSH\r\nX: y", 10, "line breaks");
    expect_token_refused("HU\0SH", 5, "printable characters");
    expect_token_refused(NULL, 0, "No such file");
}

static void the_token_is_read_anew_for_each_fetch(void **state)
{
    static const struct reply replies[] = {OK(WEB_XML), OK(WEB_XML)};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    write_text("token", "first");
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    fetch(&credentials, NOW);
    write_text("token", "second");
    fetch(&credentials, NOW + 6 * HOUR - 10 * MINUTE);
    expect_request(0, "&WebIdentityToken=first");
    expect_request(1, "&WebIdentityToken=second");
}

/* ---- the profile ---- */

static void a_malformed_profile_is_mended_without_a_restart(void **state)
{
    const struct credentials_environment from = {.profile.credentials_file = credentials_path,
                                                 .imds.disabled = "true"};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    write_text("credentials", "[default]\naws_access_key_id HIDDEN\n");
    assert_int_equal(credentials_init(&credentials, &from, &sts, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    expect_words(&err, "AWS credentials from profile: ");
    expect_words(&err, "credentials:2: expected name = value");
    assert_null(credentials_current(&credentials, NOW, &err));
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_false(credentials_fetch_due(&credentials, NOW));
    write_text("credentials", "[default]\naws_access_key_id = AKID1\naws_secret_access_key = x\n");
    fetch(&credentials, NOW + 2 * SECOND);
    expect_key(&credentials, NOW + 2 * SECOND, "AKID1");
    assert_false(credentials_fetch_due(&credentials, NOW + HOUR));
}

/* What it is called must not look like an answer to what was to be signed. */
static void a_file_that_is_gone_is_no_answer_of_aws(void **state)
{
    const struct credentials_environment from = {.profile.credentials_file = "/nowhere/c"};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    assert_int_equal(credentials_init(&credentials, &from, &sts, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    assert_int_equal(err.kind, ERROR_INVALID);
    assert_null(credentials_current(&credentials, NOW, &err));
    assert_int_equal(err.kind, ERROR_INVALID);
}

static void credentials_that_come_later_are_found(void **state)
{
    const struct credentials_environment from = {.profile.credentials_file = credentials_path,
                                                 .imds.disabled = "true"};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    assert_int_equal(credentials_init(&credentials, &from, &sts, &err), -1);
    assert_int_equal(err.kind, ERROR_DENIED);
    write_text("credentials", "[default]\naws_access_key_id = AKID1\naws_secret_access_key = x\n");
    fetch(&credentials, NOW);
    expect_key(&credentials, NOW, "AKID1");
    assert_string_equal(credentials_source_name(&credentials), "profile \"default\": static keys");
}

static void rejected_keys_of_a_file_are_read_again(void **state)
{
    const struct credentials_environment from = {.profile.credentials_file = credentials_path};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    write_text("credentials", "[default]\naws_access_key_id = OLD\naws_secret_access_key = x\n");
    init(&credentials, &from);
    expect_key(&credentials, NOW, "OLD");
    assert_true(credentials_reject(&credentials, NOW, &refusal));
    assert_null(credentials_current(&credentials, NOW, &err));
    fetch(&credentials, NOW + 2 * SECOND);
    expect_key(&credentials, NOW + 2 * SECOND, "OLD"); /* there are no others */
    write_text("credentials", "[default]\naws_access_key_id = NEW\naws_secret_access_key = x\n");
    assert_true(credentials_reject(&credentials, NOW + 2 * SECOND, &refusal));
    assert_false(credentials_fetch_due(&credentials, NOW + 2 * SECOND));
    fetch(&credentials, NOW + 10 * SECOND);
    expect_key(&credentials, NOW + 10 * SECOND, "NEW");
}

/* ---- a source and what stands upon it ---- */

static const struct credentials_environment *role_of_a_program(void)
{
    static const struct credentials_environment from = {.profile.config_file = config_path};
    CLEANUP(strbuf_release) struct strbuf text = {0};

    strbuf_format(&text,
                  "[default]\nrole_arn = " ROLE "\nsource_profile = base\n"
                  "[profile base]\ncredential_process = /bin/cat %s\n",
                  in_folder("printed"));
    write_text("config", strbuf_text(&text));
    write_text("printed", PRINTED("1", SESSION("2023-11-16T22:13:20Z")));
    return &from;
}

static void what_a_source_gave_is_kept_while_it_lasts(void **state)
{
    static const struct reply replies[] = {
        OK(ROLE_XML), OK(XML("AssumeRole", "AKID2", SECRET, "2023-11-15T10:13:20Z"))};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    init(&credentials, role_of_a_program());
    reply_server_lay(replies, COUNT(replies));
    fetch(&credentials, NOW);
    fetch(&credentials, NOW + 6 * HOUR - 10 * MINUTE);
    expect_key(&credentials, NOW + 6 * HOUR, "AKID2");
    assert_int_equal(programs_run, 1);
    assert_int_equal(reply_server_count(), 2);
}

static void a_source_is_asked_again_when_sts_knows_it_no_more(void **state)
{
    static const struct reply replies[] = {
        {.status = 403, .body = ERROR_XML("ExpiredToken", "expired")}, OK(ROLE_XML)};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, role_of_a_program());
    reply_server_lay(replies, COUNT(replies));
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    expect_words(&err, "then assumed role: assumed role: ");
    fetch(&credentials, NOW + 2 * SECOND);
    assert_int_equal(programs_run, 2);
}

static void a_source_is_not_asked_again_when_the_role_is_refused(void **state)
{
    static const struct reply replies[] = {{.status = 403, .body = ERROR_XML("AccessDenied", "no")},
                                           OK(ROLE_XML)};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};

    (void)state;
    init(&credentials, role_of_a_program());
    reply_server_lay(replies, COUNT(replies));
    assert_int_equal(fetch_all(&credentials, NOW, &err), -1);
    fetch(&credentials, NOW + 2 * SECOND);
    assert_int_equal(programs_run, 1);
}

/* ---- spacing ---- */

static void failures_in_a_row_are_asked_about_ever_more_seldom(void **state)
{
    static const struct reply none[] = {{.status = 500, .body = ""}};
    const struct credentials_environment from = {.imds = {.endpoint = url, .timeout = "10"}};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};
    int64_t now = NOW;
    unsigned fetches = 0;

    (void)state;
    init(&credentials, &from);
    for (; now < NOW + 10 * MINUTE; now += SECOND / 4) {
        if (!credentials_fetch_due(&credentials, now))
            continue;
        reply_server_lay(none, 1);
        assert_int_equal(fetch_all(&credentials, now, &err), -1);
        fetches++;
    }
    assert_in_range(fetches, 20, 50);
}

static void the_last_good_ones_are_kept_while_they_last(void **state)
{
    static const struct reply replies[] = {OK(WEB_XML), {.status = 500, .body = "HIDDEN"}};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path};
    CLEANUP(credentials_release) struct credentials credentials;
    struct error err = {0};
    int64_t soon = NOW + 6 * HOUR - 10 * MINUTE;

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    fetch(&credentials, NOW);
    assert_int_equal(fetch_all(&credentials, soon, &err), -1);
    expect_key(&credentials, soon, "AKID1");
    assert_null(credentials_current(&credentials, NOW + 6 * HOUR, &err));
    expect_words(&err, "AWS credentials from web identity: STS answered 500");
}

/* ---- what is told ---- */

/* STS says the time. It would go into every status, which would be written anew for each fetch. */
static void an_expired_token_is_told_of_alike_at_each_try(void **state)
{
    static const struct reply replies[] = {
        {.status = 400,
         .body = ERROR_XML("ExpiredTokenException",
                           "Token expired: current date/time 1700000000 must be before the "
                           "expiration date/time1699999000")},
        {.status = 400, .body = ERROR_XML("ExpiredTokenException", "Token too old: 441398")}};
    static const char *const words[] = {"ExpiredTokenException: Token expired",
                                        "ExpiredTokenException: Token too old"};
    const struct credentials_environment from = {.role_arn = ROLE,
                                                 .web_identity_token_file = token_path};
    CLEANUP(credentials_release) struct credentials credentials;

    (void)state;
    reply_server_lay(replies, COUNT(replies));
    init(&credentials, &from);
    for (size_t i = 0; i < COUNT(replies); i++) {
        struct error err = {0};

        assert_int_equal(fetch_all(&credentials, NOW + (int64_t)i * MINUTE, &err), -1);
        expect_words(&err, words[i]);
        assert_null(strpbrk(strstr(err.text, "Exception"), "0123456789"));
    }
}

/* ---- wrong settings ---- */

static void wrong_settings_are_an_error_and_not_passed_over(void **state)
{
    static const struct {
        struct credentials_environment from;
        const char *words;
    } rows[] = {
        {{.web_identity_token_file = "/t"}, "expected AWS_ROLE_ARN beside it"},
        {{.web_identity_token_file = "/t", .role_arn = "reader"}, "AWS_ROLE_ARN: "},
        {{.web_identity_token_file = "/t", .role_arn = ROLE, .role_session_name = "a b"},
         "AWS_ROLE_SESSION_NAME: expected 2 to 64"},
        {{.imds.endpoint = "ftp://x"}, "AWS_EC2_METADATA_SERVICE_ENDPOINT: malformed URL"},
        {{.imds.endpoint = "http://x/?y"}, "AWS_EC2_METADATA_SERVICE_ENDPOINT: expected a short"},
        {{.imds.endpoint_mode = "IPv5"}, "expected IPv4 or IPv6"},
        {{.imds.timeout = "1.5"}, "AWS_METADATA_SERVICE_TIMEOUT: expected whole seconds"},
        {{.imds.timeout = "0"}, "AWS_METADATA_SERVICE_TIMEOUT: expected whole seconds"},
        {{.container_full_uri = "http://10.0.0.1/"}, "AWS_CONTAINER_CREDENTIALS_FULL_URI"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(credentials_release) struct credentials credentials;
        struct error err = {0};

        assert_int_equal(credentials_init(&credentials, &rows[i].from, &sts, &err), -1);
        assert_int_equal(err.kind, ERROR_INVALID);
        expect_words(&err, rows[i].words);
        assert_false(credentials_fetch_due(&credentials, NOW));
        assert_null(credentials_current(&credentials, NOW, &err));
        expect_words(&err, rows[i].words);
    }
}

#define STAGED(test) cmocka_unit_test_setup(test, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(instance_metadata_is_asked_with_a_session_token),
        STAGED(web_identity_is_asked_for_without_a_signature),
        STAGED(a_session_name_is_made_up_where_none_is_given),
        STAGED(a_role_is_assumed_with_the_keys_of_its_source),
        STAGED(no_redirect_is_followed),
        STAGED(token_files_that_cannot_be_sent_are_mended_without_a_restart),
        STAGED(the_token_is_read_anew_for_each_fetch),
        STAGED(a_malformed_profile_is_mended_without_a_restart),
        STAGED(a_file_that_is_gone_is_no_answer_of_aws),
        STAGED(credentials_that_come_later_are_found),
        STAGED(rejected_keys_of_a_file_are_read_again),
        STAGED(what_a_source_gave_is_kept_while_it_lasts),
        STAGED(a_source_is_asked_again_when_sts_knows_it_no_more),
        STAGED(a_source_is_not_asked_again_when_the_role_is_refused),
        STAGED(failures_in_a_row_are_asked_about_ever_more_seldom),
        STAGED(the_last_good_ones_are_kept_while_they_last),
        STAGED(an_expired_token_is_told_of_alike_at_each_try),
        STAGED(wrong_settings_are_an_error_and_not_passed_over),
    };

    return cmocka_run_group_tests_name("credentials_fetch", tests, open_stage, close_stage);
}
