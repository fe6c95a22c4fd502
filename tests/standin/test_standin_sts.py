# SPDX-License-Identifier: Apache-2.0
"""STS and IAM by boto3: who calls, sessions of roles and how they end, and what goes wrong with either."""

from __future__ import annotations

import datetime
import time
import urllib.parse
from xml.etree import ElementTree

import boto3
import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from test_standin import ROLE, create
from test_standin_weather import code_of, fault, raw

PATHED = "arn:aws:iam::111122223333:role/team/a/writer"
WEB = {"RoleArn": ROLE, "RoleSessionName": "podbind", "WebIdentityToken": "header.claims.signature"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def keys_of(answer):
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def unsigned(aws):
    return aws.client("sts", signature_version=UNSIGNED)


def test_caller_identity(start):
    answer = start("--account=444455556666").client("sts").get_caller_identity()
    assert answer["Account"] == "444455556666"
    assert answer["Arn"] == "arn:aws:sts::444455556666:assumed-role/podbind-controller/podbind"


# ---- sessions ------------------------------------------------------------------------------------


def test_a_web_identity_needs_no_signature_and_its_session_signs(aws):
    answer = unsigned(aws).assume_role_with_web_identity(**WEB, DurationSeconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/reader/podbind"
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert 890 < left.total_seconds() <= 901
    keys = keys_of(answer)
    assert aws.client(**keys).list_clusters()["clusters"] == ["blue", "green"]
    assert aws.client("sts", **keys).get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert aws.hand("GET", "requests?last=3")[0]["accessKeyId"] is None


def test_the_sdk_takes_a_web_identity_from_its_variables(aws, monkeypatch, tmp_path):
    (tmp_path / "token").write_text("header.claims.signature")
    monkeypatch.setenv("AWS_ROLE_ARN", PATHED)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    eks = boto3.Session(region_name="us-west-2").client("eks")
    assert eks.list_clusters()["clusters"] == ["blue", "green"]
    assert aws.counted("AssumeRoleWithWebIdentity") == {"ok": 1}


def test_a_session_may_assume_the_next_role(aws):
    first = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="one")
    second = aws.client("sts", **keys_of(first)).assume_role(RoleArn=PATHED, RoleSessionName="two")
    identity = aws.client("sts", **keys_of(second)).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::111122223333:assumed-role/writer/two"
    assert identity["UserId"].endswith(":two")


def test_refusals_name_the_session(aws):
    aws.hand("PUT", "roles/kept", {"passDenied": True})
    keys = keys_of(aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="one"))
    with pytest.raises(ClientError, match="User: arn:aws:sts::111122223333:assumed-role/reader/one is not authorized"):
        create(aws.client(**keys), role="arn:aws:iam::111122223333:role/kept")


def test_a_session_ends(aws):
    aws.settings(credentialsLifetime="1s")
    keys = keys_of(unsigned(aws).assume_role_with_web_identity(**WEB))
    aws.client(**keys).list_clusters()
    time.sleep(1.2)
    assert code_of(aws.client(**keys).list_clusters) == ("ExpiredTokenException", 403)
    assert code_of(aws.client("iam", **keys).get_role, RoleName="r") == ("ExpiredToken", 403)
    del keys["aws_session_token"]
    assert code_of(aws.client(**keys).list_clusters) == ("UnrecognizedClientException", 403)


def test_assume_role_wants_a_signature(aws):
    body = urllib.parse.urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": ROLE})
    status, _, text = raw(aws, "POST", "/", body, FORM)
    assert (status, "<Code>MissingAuthenticationToken</Code>" in text) == (403, True)
    assert code_of(aws.client("sts", aws_secret_access_key="wrong").assume_role, RoleArn=ROLE, RoleSessionName="x1") == (
        "SignatureDoesNotMatch",
        403,
    )


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"RoleArn": "arn:aws:iam::1:user/x" + "x" * 20}, "ValidationError", 400),
        ({"RoleSessionName": "a b"}, "ValidationError", 400),
        ({"DurationSeconds": 899}, "ValidationError", 400),
        ({"DurationSeconds": 7200}, "ValidationError", 400),
        ({"RoleArn": "arn:aws:iam::111122223333:role/missing"}, "AccessDenied", 403),
        ({"RoleArn": "arn:aws:iam::111122223333:role/guarded"}, "AccessDenied", 403),
        ({"WebIdentityToken": "of.somebody.else"}, "InvalidIdentityToken", 400),
    ],
)
def test_a_web_identity_is_refused(aws, changes, code, status):
    aws.hand("PUT", "roles/missing", {"missing": True})
    aws.hand("PUT", "roles/guarded", {"assumeDenied": True})
    aws.settings(webIdentityToken=WEB["WebIdentityToken"])
    careless = aws.client("sts", signature_version=UNSIGNED, parameter_validation=False)
    assert code_of(careless.assume_role_with_web_identity, **WEB | changes) == (code, status)
    careless.assume_role_with_web_identity(**WEB)


@pytest.mark.parametrize(
    ("error", "typed", "status"),
    [
        ("IDPCommunicationError", "IDPCommunicationErrorException", 400),
        ("IDPRejectedClaim", "IDPRejectedClaimException", 403),
        ("InvalidIdentityToken", "InvalidIdentityTokenException", 400),
        ("ExpiredTokenException", "ExpiredTokenException", 400),
        ("RegionDisabledException", "RegionDisabledException", 403),
    ],
)
def test_a_web_identity_fails_as_told(aws, error, typed, status):
    sts = unsigned(aws)
    fault(aws, operation="AssumeRoleWithWebIdentity", error=error, count=1)
    with pytest.raises(getattr(sts.exceptions, typed)) as caught:
        sts.assume_role_with_web_identity(**WEB)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    sts.assume_role_with_web_identity(**WEB)


def test_assume_role_may_be_denied(aws):
    fault(aws, operation="AssumeRole", error="AccessDenied", count=1)
    sts = aws.client("sts")
    with pytest.raises(ClientError, match=rf"perform: sts:AssumeRole on resource: {ROLE}"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="x1")
    aws.hand("PUT", "roles/guarded", {"assumeDenied": True})
    guarded = ROLE.replace("reader", "guarded")
    with pytest.raises(ClientError, match=rf"perform: sts:AssumeRole on resource: {guarded}"):
        sts.assume_role(RoleArn=guarded, RoleSessionName="x1")


# ---- IAM -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ("NoSuchEntity", 404, "The role cannot be found."),
        ("AccessDenied", 403, "is not authorized to perform: iam:GetRole on resource: role r1"),
        ("Throttling", 400, "Rate exceeded"),
        ("ServiceFailure", 500, "Internal server error"),
    ],
)
def test_get_role_fails_as_told(aws, error, status, message):
    iam = aws.client("iam")
    fault(aws, operation="GetRole", error=error, count=1)
    with pytest.raises(ClientError) as caught:
        iam.get_role(RoleName="r1")
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (error, status)
    assert message in response["Error"]["Message"]
    assert iam.get_role(RoleName="r1")["Role"]["RoleName"] == "r1"


def test_the_trust_policy_of_a_role_is_replaced(aws):
    iam = aws.client("iam")
    trusted = iam.get_role(RoleName="reader")["Role"]
    assert trusted["AssumeRolePolicyDocument"]["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ]
    trust = {"Version": "2012-10-17", "Statement": []}
    aws.hand("PUT", "roles/reader", {"path": "/team/", "trust": trust})
    role = iam.get_role(RoleName="reader")["Role"]
    assert (role["Path"], role["AssumeRolePolicyDocument"]) == ("/team/", trust)
    aws.hand("DELETE", "roles/reader")
    assert iam.get_role(RoleName="reader")["Role"]["Path"] == "/"


def test_the_trust_document_travels_percent_encoded(aws):
    """Seen without a client that decodes it: signed by hand, read as XML."""
    iam, bodies = aws.client("iam"), []
    iam.meta.events.register("response-received.iam.GetRole", lambda response_dict, **_: bodies.append(response_dict))
    iam.get_role(RoleName="reader")
    name = "{https://iam.amazonaws.com/doc/2010-05-08/}"
    tree = ElementTree.fromstring(bodies[0]["body"])
    document = tree.find(f"{name}GetRoleResult/{name}Role/{name}AssumeRolePolicyDocument").text
    assert document.startswith("%7B%22Version%22%3A%222012-10-17%22")
    assert bodies[0]["headers"]["Content-Type"] == "text/xml"
