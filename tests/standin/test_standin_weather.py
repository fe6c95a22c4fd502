# SPDX-License-Identifier: Apache-2.0
"""Bad weather and hands: signatures, throttling, propagation, faults, latency, and what /_standin/ can do."""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.utils import ContainerMetadataFetcher
from test_standin import OTHER_ROLE, ROLE, create, delete, describe, listed, update


def code_of(call, *args, **kwargs) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def raw(aws, method, target, body=None, headers=None):
    """An unsigned request, as bytes go over the wire: (status, headers, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", aws.port, timeout=20)
    connection.request(method, target, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers, text


# ---- signatures ----------------------------------------------------------------------------------


def test_wrong_secret_is_refused_with_what_should_have_been_signed(aws):
    eks = aws.client(aws_secret_access_key="wrong")
    with pytest.raises(ClientError, match="The request signature we calculated does not match") as caught:
        create(eks)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "InvalidSignatureException",
        403,
    )
    assert (
        "The Canonical String for this request should have been\n'POST\n/clusters/blue/" in response["Error"]["Message"]
    )
    assert code_of(aws.client("iam", aws_secret_access_key="wrong").get_role, RoleName="r") == (
        "SignatureDoesNotMatch",
        403,
    )
    assert listed(aws.client()) == []
    assert aws.counted("CreatePodIdentityAssociation") == {"InvalidSignatureException": 1}


def test_unknown_keys_and_tokens(aws):
    stranger = aws.client(aws_access_key_id="AKIASTRANGER")
    assert code_of(stranger.list_clusters) == ("UnrecognizedClientException", 403)
    assert code_of(aws.client(aws_session_token="token").list_clusters) == ("UnrecognizedClientException", 403)
    sts = aws.client("sts", aws_access_key_id="AKIASTRANGER")
    assert code_of(sts.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_session_tokens_given_at_the_start(start):
    aws = start("--cluster=blue", "--credentials=ASIAX:s3cret:tok/en+==:x")
    keys = {"aws_access_key_id": "ASIAX", "aws_secret_access_key": "s3cret"}
    assert aws.client(**keys, aws_session_token="tok/en+==:x").list_clusters()["clusters"] == ["blue"]
    assert code_of(aws.client(**keys).list_clusters) == ("UnrecognizedClientException", 403)


def test_unsigned_request(aws):
    status, headers, body = raw(aws, "GET", "/clusters")
    assert (status, headers["x-amzn-ErrorType"].split(":")[0]) == (403, "MissingAuthenticationTokenException")
    assert json.loads(body) == {"message": "Missing Authentication Token"}


def test_scope_of_another_service_is_refused(aws):
    session = botocore.session.get_session()
    request = botocore.awsrequest.AWSRequest("GET", f"{aws.url}/clusters")
    keys = botocore.credentials.Credentials("AKIASTANDINTESTS", "secret/with+signs=")
    botocore.auth.SigV4Auth(keys, "s3", "us-west-2").add_auth(request)
    assert session is not None
    status, _, body = raw(aws, "GET", "/clusters", headers=dict(request.headers))
    assert (status, json.loads(body)["message"]) == (403, "Credential should be scoped to correct service.")


# ---- the wire ------------------------------------------------------------------------------------


def signed(aws, method, target, body=b"", content_type="application/json"):
    headers = {"Content-Type": content_type} if body else {}
    request = botocore.awsrequest.AWSRequest(method, f"{aws.url}{target}", headers=headers, data=body)
    keys = botocore.credentials.Credentials("AKIASTANDINTESTS", "secret/with+signs=")
    botocore.auth.SigV4Auth(keys, "eks", "us-west-2").add_auth(request)
    return raw(aws, method, target, body or None, dict(request.headers))


def test_answers_are_pretty_with_nulls_and_exponents(aws):
    body = json.dumps({"namespace": "app", "serviceAccount": "sa", "roleArn": ROLE}).encode()
    status, headers, text = signed(aws, "POST", "/clusters/blue/pod-identity-associations", body)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["x-amzn-RequestId"] and headers["x-amz-apigw-id"]
    assert '\n    "targetRoleArn" : null,\n' in text
    assert '\n    "tags" : { },\n' in text
    assert f'"createdAt" : {text.split(chr(34) + "createdAt" + chr(34) + " : ")[1].split("E9")[0]}E9' in text
    assert json.loads(text)["association"]["ownerArn"] is None


def test_errors_carry_the_members_of_their_name(aws):
    _, headers, text = signed(aws, "GET", "/clusters/red/pod-identity-associations")
    assert headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert json.loads(text) == {
        "clusterName": "red",
        "nodegroupName": None,
        "fargateProfileName": None,
        "addonName": None,
        "subscriptionId": None,
        "message": "No cluster found for name: red.",
    }


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"namespace": 1}', b'{"tags": {"a": 1}}', b'{"disableSessionTags": "no"}', b"\xff"]
)
def test_bodies_that_cannot_be_read(aws, body):
    status, headers, _ = signed(aws, "POST", "/clusters/blue/pod-identity-associations", body)
    assert (status, headers["x-amzn-ErrorType"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    "target", ["/nothing", "/clusters/blue/x", "/tags/a/b", "/clusters/blue/pod-identity-associations/a/b", "/"]
)
def test_paths_that_are_none(aws, target):
    status, headers, _ = signed(aws, "GET", target)
    assert (status, headers["x-amzn-ErrorType"]) == (404, "UnknownOperationException")


def test_malformed_escape_and_huge_body(aws):
    assert raw(aws, "GET", "/clusters/%zz")[0] == 400
    assert raw(aws, "POST", "/clusters/blue/pod-identity-associations", b"x" * (2 << 20))[0] == 413


# ---- throttling and propagation ------------------------------------------------------------------


def test_mutations_are_throttled_and_reads_are_not(start):
    eks = start("--cluster=blue", "--rate=1", "--burst=2").client()
    create(eks, "one")
    create(eks, "two")
    with pytest.raises(ClientError, match="Rate exceeded") as caught:
        create(eks, "three")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    for _ in range(20):
        assert len(listed(eks)) == 2
    time.sleep(1.1)
    create(eks, "three")


def test_a_client_that_retries_gets_through(start):
    aws = start("--cluster=blue", "--rate=20", "--burst=1")
    eks = aws.client(retries={"mode": "standard", "total_max_attempts": 5})
    for i in range(3):
        create(eks, f"sa-{i}")
    assert len(listed(eks)) == 3


def test_reads_have_a_limit_of_their_own(start):
    eks = start("--cluster=blue", "--read-rate=1").client()
    listed(eks)
    assert code_of(listed, eks) == ("ThrottlingException", 429)
    create(eks)


def test_writes_show_after_they_propagated(start):
    eks = start("--cluster=blue", "--propagation=700ms").client()
    made = create(eks)
    assert listed(eks) == []
    assert code_of(describe, eks, made) == ("ResourceNotFoundException", 404)
    assert code_of(create, eks) == ("ResourceInUseException", 409)
    time.sleep(0.8)
    assert len(listed(eks)) == 1
    update(eks, made, roleArn=OTHER_ROLE)
    eks.tag_resource(resourceArn=made["associationArn"], tags={"k": "v"})
    seen = describe(eks, made)
    assert (seen["roleArn"], seen["tags"]) == (ROLE, {})
    time.sleep(0.8)
    seen = describe(eks, made)
    assert (seen["roleArn"], seen["tags"]) == (OTHER_ROLE, {"k": "v"})
    delete(eks, made)
    assert code_of(delete, eks, made) == ("ResourceNotFoundException", 404)
    assert [a["associationId"] for a in listed(eks)] == [made["associationId"]], "a ghost"
    with pytest.raises(eks.exceptions.ResourceInUseException, match=made["associationId"]):
        create(eks)
    time.sleep(0.8)
    assert listed(eks) == []
    create(eks)


# ---- faults --------------------------------------------------------------------------------------


def fault(aws, **members):
    aws.hand("PUT", "faults", [members])


def test_error_faults(aws, eks):
    fault(
        aws, operation="ListPodIdentityAssociations", error="TooManyRequestsException", nth=2, count=1, retryAfter="3s"
    )
    listed(eks)
    with pytest.raises(ClientError) as caught:
        listed(eks)
    response = caught.value.response
    assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Too Many Requests"}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amz-retry-after"] == "3000"
    listed(eks)
    fault(aws, operation="*", cluster="green", error="ServerException")
    listed(eks)
    assert code_of(listed, eks, "green") == ("ServerException", 500)
    fault(aws, operation="TagResource", cluster="blue", error="AccessDeniedException")
    made = create(eks)
    with pytest.raises(ClientError, match="is not authorized to perform: eks:TagResource on resource: arn:aws:eks"):
        eks.tag_resource(resourceArn=made["associationArn"], tags={"k": "v"})
    fault(aws, operation="GetRole", error="Throttling")
    assert code_of(aws.client("iam").get_role, RoleName="r") == ("Throttling", 400)


def test_reset_before_and_after_the_effect(aws, eks):
    fault(aws, operation="CreatePodIdentityAssociation", kind="reset", count=1)
    with pytest.raises(ConnectionClosedError):
        create(eks, "before")
    assert listed(eks) == []
    fault(aws, operation="CreatePodIdentityAssociation", kind="reset", count=1, afterEffect=True)
    with pytest.raises(ConnectionClosedError):
        create(eks, "after")
    assert [a["serviceAccount"] for a in listed(eks)] == ["after"]
    assert aws.counted("CreatePodIdentityAssociation") == {"reset": 1, "reset-after-effect": 1}


def test_reads_that_are_not_carried_out_have_no_answer(aws, eks):
    reads = {"DescribeCluster": ("eks", {"name": "blue"}), "ListClusters": ("eks", {}),
             "GetRole": ("iam", {"RoleName": "r"}), "GetCallerIdentity": ("sts", {})}  # fmt: skip
    for operation, (service, members) in reads.items():
        fault(aws, operation=operation, kind="reset")
        with pytest.raises(ConnectionClosedError):
            aws.client(service)._make_api_call(operation, members)
    assert listed(eks) == []


def test_error_after_the_effect(aws, eks):
    fault(aws, operation="DeletePodIdentityAssociation", error="ServerException", count=1, afterEffect=True)
    made = create(eks)
    assert code_of(delete, eks, made) == ("ServerException", 500)
    assert listed(eks) == []


def test_a_lost_reply_is_mended_by_the_retry_of_its_token(aws):
    fault(aws, operation="CreatePodIdentityAssociation", kind="reset", count=1, afterEffect=True)
    eks = aws.client(retries={"mode": "standard", "total_max_attempts": 3})
    assert [a["associationId"] for a in listed(eks)] == []
    made = create(eks)
    assert [a["associationId"] for a in listed(eks)] == [made["associationId"]]


def test_hang(aws):
    eks = aws.client(read_timeout=0.5)
    fault(aws, operation="ListPodIdentityAssociations", kind="hang", count=1)
    with pytest.raises(ReadTimeoutError):
        listed(eks)
    assert listed(eks) == []
    assert aws.counted("ListPodIdentityAssociations") == {"hang": 1, "ok": 1}


def test_garbage_and_cut(aws, eks):
    fault(aws, operation="ListPodIdentityAssociations", kind="garbage", count=1)
    status, headers, text = signed(aws, "GET", "/clusters/blue/pod-identity-associations")
    assert (status, headers["Content-Type"], text[:6]) == (200, "text/html", "<html>")
    fault(aws, operation="ListPodIdentityAssociations", kind="cut", count=2)
    with pytest.raises(http.client.IncompleteRead):
        signed(aws, "GET", "/clusters/blue/pod-identity-associations")
    # boto3 takes what it cannot read in a 200 for an answer without members: an operator must not
    assert "associations" not in eks.list_pod_identity_associations(clusterName="blue")
    fault(aws, operation="ListPodIdentityAssociations", status=502, kind="garbage", count=1)
    with pytest.raises(ClientError, match="502"):
        listed(eks)
    assert listed(eks) == []


def test_chances(aws, eks):
    fault(
        aws, operation="ListPodIdentityAssociations", status=503, error="ServiceUnavailableException", probability=0.5
    )
    outcomes = set()
    for _ in range(60):
        try:
            listed(eks)
            outcomes.add("ok")
        except ClientError:
            outcomes.add("failed")
    assert outcomes == {"ok", "failed"}


def test_faults_can_be_read_and_taken_away(aws, eks):
    fault(aws, error="ServerException", latency="10ms")
    aws.hand("POST", "faults", {"kind": "hang", "operation": "GetRole"})
    assert [f["kind"] for f in aws.hand("GET", "faults")] == ["error", "hang"]
    code_of(listed, eks)
    assert aws.hand("GET", "faults")[0]["seen"] == 1
    aws.hand("DELETE", "faults")
    assert listed(eks) == []


# ---- latency -------------------------------------------------------------------------------------


def test_latency_delays_each_and_serialises_none(start):
    aws = start("--cluster=blue", "--latency=300ms")
    eks = aws.client(max_pool_connections=40)
    begun = time.monotonic()
    listed(eks)
    assert time.monotonic() - begun >= 0.3
    begun = time.monotonic()
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda i: create(eks, f"sa-{i}"), range(80)))
    elapsed = time.monotonic() - begun
    assert elapsed >= 0.6
    assert elapsed < 80 * 0.3 / 4, f"80 calls of 300 ms, 40 at a time, took {elapsed:.1f} s"
    counters = aws.hand("GET", "counters")
    assert counters["counters"]["CreatePodIdentityAssociation"] == {"ok": 80}
    assert 30 <= counters["mostInFlight"] <= 40
    assert counters["inFlight"] == 0


def test_a_client_that_gave_up_does_not_disturb(start):
    aws = start("--cluster=blue", "--latency=1s")
    with pytest.raises(ReadTimeoutError):
        create(aws.client(read_timeout=0.2))
    aws.settings(latency=0)
    assert len(listed(aws.client())) == 1
    time.sleep(1.2)
    assert aws.hand("GET", "counters")["inFlight"] == 0


# ---- hands ---------------------------------------------------------------------------------------


def test_drift_by_hand(aws, eks):
    made = create(eks, tags={"a": "1"})
    aws.hand(
        "PATCH", f"clusters/blue/associations/{made['associationId']}", {"roleArn": OTHER_ROLE, "tags": {"b": "2"}}
    )
    seen = describe(eks, made)
    assert (seen["roleArn"], seen["tags"], seen["createdAt"]) == (OTHER_ROLE, {"b": "2"}, made["createdAt"])
    aws.hand(
        "PATCH",
        "clusters/blue/associations/app/app-sa",
        {"ownerArn": "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1"},
    )
    assert listed(eks)[0]["ownerArn"] == "arn:aws:eks:us-west-2:111122223333:addon/blue/x/1"
    aws.hand("DELETE", "clusters/blue/associations/app/app-sa")
    assert listed(eks) == []
    foreign = aws.hand(
        "POST", "clusters/blue/associations", {"namespace": "app", "serviceAccount": "sa", "roleArn": "anything"}
    )
    assert listed(eks)[0]["associationId"] == foreign["associationId"]
    known = aws.hand(
        "PUT",
        "clusters/blue/associations/a-00000000000000001",
        {"namespace": "n", "serviceAccount": "s", "roleArn": ROLE},
    )
    assert describe(eks, {"clusterName": "blue", "associationId": known["associationId"]})["roleArn"] == ROLE
    assert known["associationId"] == "a-00000000000000001"


def test_views_tell_what_reads_do_not_show(aws, eks):
    kept = create(eks, "kept")
    gone = create(eks, "gone")
    aws.settings(propagation="1h")
    update(eks, kept, roleArn=OTHER_ROLE)
    delete(eks, gone)
    create(eks, "new")
    views = aws.hand("GET", "associations")
    assert views["green"] == []
    assert [(a["serviceAccount"], a["state"]) for a in views["blue"]] == [
        ("kept", "changing"),
        ("gone", "ghost"),
        ("new", "pending"),
    ]
    assert views["blue"][0]["roleArn"] == OTHER_ROLE
    assert aws.hand("GET", "clusters/blue/associations") == views["blue"]
    aws.hand("DELETE", "clusters/blue/associations/app/gone")
    assert [a["serviceAccount"] for a in listed(eks)] == ["kept"]


def test_cluster_by_hand(aws, eks):
    aws.hand("PUT", "clusters/red", {"issuer": "https://issuer.example/red", "tags": {"k": "v"}})
    aws.hand("PUT", "clusters/red", {"status": "UPDATING"})
    red = eks.describe_cluster(name="red")["cluster"]
    assert (red["identity"]["oidc"]["issuer"], red["status"], red["tags"]) == (
        "https://issuer.example/red",
        "UPDATING",
        {"k": "v"},
    )
    assert [c["name"] for c in aws.hand("GET", "clusters")] == ["blue", "green", "red"]


def test_counters_and_requests(aws, eks):
    create(eks)
    code_of(create, eks)
    listed(eks)
    assert aws.counted("CreatePodIdentityAssociation") == {"ok": 1, "ResourceInUseException": 1}
    requests = aws.hand("GET", "requests")
    assert [(r["operation"], r["status"], r["error"], r["key"]) for r in requests] == [
        ("CreatePodIdentityAssociation", 200, None, "app/app-sa"),
        ("CreatePodIdentityAssociation", 409, "ResourceInUseException", "app/app-sa"),
        ("ListPodIdentityAssociations", 200, None, None),
    ]
    assert {r["accessKeyId"] for r in requests} == {"AKIASTANDINTESTS"}
    assert aws.hand("GET", "requests?last=1") == requests[2:]
    aws.hand("POST", "counters/reset")
    aws.hand("DELETE", "requests")
    assert aws.hand("GET", "counters")["total"] == 0
    assert aws.hand("GET", "requests") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("PUT", "settings", {"propagaton": "2s"}, 400, "Unknown member 'propagaton'"),
        ("PUT", "settings", {"propagation": "soon"}, 400, "propagation must be a duration"),
        ("PUT", "settings", {"rate": -1}, 400, "rate must be a number of 0 or more"),
        ("PUT", "faults", {"kind": "hang"}, 400, "Expected an array"),
        ("PUT", "faults", [{"kind": "hang"}, {"kind": "explode"}], 400, "kind must be"),
        ("PUT", "faults", [{"kind": "hang", "operation": "Fly"}], 400, "There is no operation 'Fly'."),
        ("POST", "clusters/red/associations", {"namespace": "a", "serviceAccount": "b"}, 404, "No cluster found"),
        ("POST", "clusters/blue/associations", {"namespace": "a"}, 400, "namespace and serviceAccount are required."),
        ("PATCH", "clusters/blue/associations/app/none", {}, 404, "There is no such association"),
        ("DELETE", "clusters/red", None, 404, "There is no cluster 'red'."),
        ("DELETE", "roles/none", None, 404, "There is no role 'none'."),
        ("GET", "nothing", None, 404, "No such path."),
    ],
)
def test_hands_are_told_what_was_wrong(aws, method, path, body, status, message):
    found, text = aws.hand_refused(method, path, body)
    assert found == status
    assert message in text
    assert aws.hand("GET", "faults") == []


# ---- container credentials -----------------------------------------------------------------------


def test_container_credentials_sign_until_they_expire(start, monkeypatch, tmp_path):
    aws = start("--cluster=blue", "--container-token=let-me-in", "--credentials-lifetime=1h")
    assert aws.hand_refused("GET", "credentials")[0] == 401
    assert aws.hand_refused("GET", "credentials", Authorization="wrong")[0] == 401
    token = tmp_path / "token"
    token.write_text("let-me-in")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{aws.url}/_standin/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    eks = boto3.Session().client("eks", region_name="us-west-2", endpoint_url=aws.url)
    assert eks.list_clusters()["clusters"] == ["blue"]

    aws.settings(credentialsLifetime="0s")
    short = ContainerMetadataFetcher().retrieve_full_uri(
        f"{aws.url}/_standin/credentials", headers={"Authorization": "let-me-in"}
    )
    keys = {"aws_access_key_id": short["AccessKeyId"], "aws_secret_access_key": short["SecretAccessKey"]}
    expired = aws.client(**keys, aws_session_token=short["Token"])
    assert code_of(expired.list_clusters) == ("ExpiredTokenException", 403)
    aws.settings(containerToken="rotated")
    assert aws.hand_refused("GET", "credentials", Authorization="let-me-in")[0] == 401
    assert aws.hand("GET", "credentials", Authorization="rotated")["AccountId"] == "111122223333"


def test_no_container_credentials_without_a_token(aws):
    assert aws.hand_refused("GET", "credentials", Authorization="")[0] == 404
