# SPDX-License-Identifier: Apache-2.0
"""Every operation of the stand-in and every error of it, judged by boto3: what it accepts as EKS is EKS enough."""

from __future__ import annotations

import base64
import datetime
import re
import uuid

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::111122223333:role/reader"
OTHER_ROLE = "arn:aws:iam::111122223333:role/team/a/writer"
TARGET = "arn:aws:iam::444455556666:role/target"
POLICY = '{"Version":"2012-10-17","Statement":[]}'
UNKNOWN = "a-abcdefghijklmnop1"


def create(eks, service_account="app-sa", cluster="blue", namespace="app", role=ROLE, **more):
    return eks.create_pod_identity_association(
        clusterName=cluster, namespace=namespace, serviceAccount=service_account, roleArn=role, **more
    )["association"]


def describe(eks, association):
    return eks.describe_pod_identity_association(
        clusterName=association["clusterName"], associationId=association["associationId"]
    )["association"]


def update(eks, association, **changes):
    return eks.update_pod_identity_association(
        clusterName=association["clusterName"], associationId=association["associationId"], **changes
    )["association"]


def delete(eks, association):
    return eks.delete_pod_identity_association(
        clusterName=association["clusterName"], associationId=association["associationId"]
    )["association"]


def listed(eks, cluster="blue", **filters):
    return eks.list_pod_identity_associations(clusterName=cluster, **filters)["associations"]


def refused(exception, call, *args, **kwargs):
    """(status, message, clusterName) of a typed exception."""
    with pytest.raises(exception) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    assert response["Error"]["Code"] == exception.__name__
    return (
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
        response.get("clusterName"),
    )


# ---- associations --------------------------------------------------------------------------------


def test_create_answers_with_the_whole_association(eks):
    before = datetime.datetime.now(datetime.UTC)
    made = create(eks, tags={"team": "data", "a b": "c/d+e"})
    assert re.fullmatch(r"a-[a-z0-9]{17}", made["associationId"])
    arn = f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/{made['associationId']}"
    created = made.pop("createdAt")
    assert abs((created - before).total_seconds()) < 5
    assert made.pop("modifiedAt") == created
    assert made == {
        "clusterName": "blue",
        "namespace": "app",
        "serviceAccount": "app-sa",
        "roleArn": ROLE,
        "associationArn": arn,
        "associationId": made["associationId"],
        "tags": {"team": "data", "a b": "c/d+e"},
        "disableSessionTags": False,
    }
    assert {k: v for k, v in describe(eks, made).items() if not k.endswith("At")} == made


def test_target_role_policy_and_session_tags(eks):
    made = create(eks, targetRoleArn=TARGET, disableSessionTags=True, policy=POLICY)
    assert made["targetRoleArn"] == TARGET
    assert made["externalId"] == "us-west-2/111122223333/blue/app/app-sa"
    assert made["disableSessionTags"] is True
    assert made["policy"] == POLICY


def test_update_changes_what_is_sent_and_clears_by_empty_text(eks):
    made = create(eks, targetRoleArn=TARGET)
    changed = update(eks, made, roleArn=OTHER_ROLE)
    assert (changed["roleArn"], changed["targetRoleArn"]) == (OTHER_ROLE, TARGET)
    assert changed["createdAt"] == made["createdAt"] <= changed["modifiedAt"]
    update(eks, made, disableSessionTags=True, policy=POLICY)
    update(eks, made, targetRoleArn="", policy="")
    now = describe(eks, made)
    assert not {"targetRoleArn", "policy", "externalId"} & now.keys()
    assert now["roleArn"] == OTHER_ROLE


def test_delete_answers_with_what_is_gone(eks):
    made = create(eks)
    assert delete(eks, made)["associationId"] == made["associationId"]
    assert listed(eks) == []
    not_found = eks.exceptions.ResourceNotFoundException
    message = f"No association found for associationId: {made['associationId']}."
    for call in (describe, delete):
        assert refused(not_found, call, eks, made) == (404, message, "blue")
    assert refused(not_found, update, eks, made, roleArn=OTHER_ROLE) == (404, message, "blue")
    assert create(eks)["associationId"] != made["associationId"]


def test_list_filters_exactly_and_holds_summaries(eks):
    made = create(eks, "one")
    create(eks, "two")
    create(eks, "one", namespace="other")
    create(eks, "one", cluster="green")
    assert [(a["namespace"], a["serviceAccount"]) for a in listed(eks)] == [
        ("app", "one"),
        ("app", "two"),
        ("other", "one"),
    ]
    assert listed(eks, namespace="app", serviceAccount="one") == [
        {k: made[k] for k in ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")}
    ]
    assert len(listed(eks, serviceAccount="one")) == 2
    assert listed(eks, namespace="ap") == []


def test_paginator_sees_every_one_once(eks):
    names = [f"sa-{i}" for i in range(23)]
    for name in names:
        create(eks, name)
    pages = list(
        eks.get_paginator("list_pod_identity_associations").paginate(
            clusterName="blue", PaginationConfig={"PageSize": 10}
        )
    )
    assert [len(page["associations"]) for page in pages] == [10, 10, 3]
    assert [a["serviceAccount"] for page in pages for a in page["associations"]] == names
    assert re.search(r"[+/= ]", pages[0]["nextToken"]), "a token that needs encoding"
    assert "nextToken" not in pages[-1]


def test_hundred_is_the_longest_page(aws, eks):
    for i in range(101):
        aws.hand("PUT", f"clusters/blue/associations/app/sa-{i}", {"roleArn": ROLE})
    answer = eks.list_pod_identity_associations(clusterName="blue")
    assert len(answer["associations"]) == 100
    rest = eks.list_pod_identity_associations(clusterName="blue", nextToken=answer["nextToken"])
    assert len(rest["associations"]) == 1
    careless = aws.client(parameter_validation=False)
    invalid = careless.exceptions.InvalidParameterException
    message = "The parameter maxResults should be between 1 and 100."
    for size in (0, 101, "many"):
        assert refused(invalid, listed, careless, maxResults=size)[:2] == (400, message)
    invalid = eks.exceptions.InvalidParameterException
    assert refused(invalid, listed, eks, nextToken="x")[:2] == (400, "The parameter nextToken is not valid.")


def test_duplicate_names_the_one_that_is_there(eks):
    made = create(eks)
    message = f"Association already exists: {made['associationId']}"
    assert refused(eks.exceptions.ResourceInUseException, create, eks, role=OTHER_ROLE) == (409, message, "blue")
    assert describe(eks, made)["roleArn"] == ROLE


def test_client_request_token_replays(eks):
    token = str(uuid.uuid4())
    made = create(eks, clientRequestToken=token)
    assert create(eks, clientRequestToken=token) == made
    assert (
        refused(eks.exceptions.InvalidRequestException, create, eks, role=OTHER_ROLE, clientRequestToken=token)[0]
        == 400
    )
    assert len(listed(eks)) == 1
    once = update(eks, made, roleArn=OTHER_ROLE, clientRequestToken="t")
    assert update(eks, made, roleArn=OTHER_ROLE, clientRequestToken="t") == once


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"namespace": ""}, "The parameter namespace should not be empty."),
        ({"service_account": ""}, "The parameter serviceAccount should not be empty."),
        ({"service_account": "x" * 254}, "The parameter serviceAccount should be at most 253 characters long."),
        ({"role": "reader"}, "The parameter roleArn is not a valid ARN of an IAM role."),
        ({"targetRoleArn": "target"}, "The parameter targetRoleArn is not a valid ARN of an IAM role."),
        ({"policy": POLICY}, "The parameter policy requires disableSessionTags to be true (PackedPolicyTooLarge)."),
        ({"policy": "[]", "disableSessionTags": True}, "The parameter policy is not a valid JSON policy document."),
        ({"policy": "{", "disableSessionTags": True}, "The parameter policy is not a valid JSON policy document."),
        (
            {"policy": POLICY + " " * 2048, "disableSessionTags": True},
            "The parameter policy should be at most 2048 characters long.",
        ),
        ({"tags": {}}, "At least one tag is required."),
        ({"tags": {"aws:x": ""}}, "Tags with the prefix aws: are reserved for AWS use."),
        ({"tags": {str(i): "" for i in range(51)}}, "A resource may have at most 50 tags."),
        (
            {"cluster": "-blue"},
            (
                "The parameter clusterName contains invalid characters. It should conform to the regular expression "
                r"^[0-9A-Za-z][A-Za-z0-9\-_]*"
            ),
        ),
    ],
)
def test_create_refuses_bad_parameters(eks, changes, message):
    assert refused(eks.exceptions.InvalidParameterException, create, eks, **changes)[:2] == (400, message)
    assert listed(eks) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "At least one of roleArn, targetRoleArn, disableSessionTags and policy must change."),
        ({"roleArn": ROLE}, "At least one of roleArn, targetRoleArn, disableSessionTags and policy must change."),
        ({"policy": POLICY}, "The parameter policy requires disableSessionTags to be true (PackedPolicyTooLarge)."),
    ],
)
def test_update_refuses_bad_parameters(eks, changes, message):
    made = create(eks)
    assert refused(eks.exceptions.InvalidParameterException, update, eks, made, **changes) == (400, message, "blue")
    assert describe(eks, made) == made


@pytest.mark.parametrize("association_id", ["a-1", "x" * 20])
def test_id_has_nineteen_characters(eks, association_id):
    wrong = {"clusterName": "blue", "associationId": association_id}
    message = "The parameter associationId should be 19 characters long."
    for call in (describe, delete):
        assert refused(eks.exceptions.InvalidParameterException, call, eks, wrong)[:2] == (400, message)


def test_empty_cluster_name_is_refused_not_misrouted(eks):
    nameless = {"clusterName": "", "associationId": UNKNOWN}
    assert refused(eks.exceptions.InvalidParameterException, delete, eks, nameless)[0] == 400


def test_missing_cluster(eks):
    expected = (404, "No cluster found for name: red.", "red")
    not_found = eks.exceptions.ResourceNotFoundException
    assert refused(not_found, create, eks, cluster="red") == expected
    assert refused(not_found, listed, eks, "red") == expected
    assert refused(not_found, describe, eks, {"clusterName": "red", "associationId": UNKNOWN}) == expected
    assert refused(not_found, eks.describe_cluster, name="red") == expected


def test_quota(aws, eks):
    aws.settings(quota=1)
    create(eks, "one")
    message = "The cluster already has the maximum of 1 pod identity associations."
    assert refused(eks.exceptions.ResourceLimitExceededException, create, eks, "two") == (400, message, "blue")
    create(eks, "two", cluster="green")


# ---- roles ---------------------------------------------------------------------------------------


def test_roles_that_cannot_be_used(aws, eks):
    aws.hand("PUT", "roles/missing", {"missing": True})
    aws.hand("PUT", "roles/mistrusted", {"trust": {"Version": "2012-10-17", "Statement": []}})
    role = "arn:aws:iam::111122223333:role/"
    invalid = eks.exceptions.InvalidParameterException
    missing = "Role provided in the request does not exist."
    trust = "Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue."
    assert refused(invalid, create, eks, role=role + "missing") == (400, missing, "blue")
    assert refused(invalid, create, eks, role=role + "mistrusted") == (400, trust, "blue")
    made = create(eks)
    assert refused(invalid, update, eks, made, roleArn=role + "missing") == (400, missing, "blue")
    assert refused(invalid, update, eks, made, roleArn=role + "mistrusted") == (400, trust, "blue")


def test_pass_role_is_denied(aws, eks):
    aws.hand("PUT", "roles/kept", {"passDenied": True})
    with pytest.raises(ClientError) as caught:
        create(eks, role="arn:aws:iam::111122223333:role/kept")
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"] == (
        "User: arn:aws:sts::111122223333:assumed-role/podbind-controller/podbind is not authorized to perform: "
        "iam:PassRole on resource: arn:aws:iam::111122223333:role/kept because no identity-based policy allows the "
        "iam:PassRole action"
    )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("role", ["", TARGET])
def test_role_of_another_account_is_denied(eks, role):
    with pytest.raises(ClientError) as caught:
        create(eks, role=role)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("AccessDeniedException", "Cross-account pass role is not allowed")


def test_role_that_comes_late(aws, eks):
    aws.hand("PUT", "roles/late", {"existsAfter": "1h"})
    late = "arn:aws:iam::111122223333:role/late"
    assert refused(eks.exceptions.InvalidParameterException, create, eks, role=late)[0] == 400
    aws.hand("PUT", "roles/late", {})
    create(eks, role=late)


def test_listed_roles_only(start):
    aws = start("--cluster=blue", "--role=team/a/writer")
    eks = aws.client()
    create(eks, role=OTHER_ROLE)
    assert (
        refused(eks.exceptions.InvalidParameterException, create, eks, "x", role=ROLE)[1]
        == "Role provided in the request does not exist."
    )


def test_get_role_decodes(aws):
    iam = aws.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "pods.eks.amazonaws.com"},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {"StringEquals": {"aws:SourceAccount": 'a&b<c>"d é'}},
            }
        ],
    }
    aws.hand("PUT", "roles/r+a=b,c@d-e", {"path": "/team/a/", "trust": trust})
    role = iam.get_role(RoleName="r+a=b,c@d-e")["Role"]
    assert role["Arn"] == "arn:aws:iam::111122223333:role/team/a/r+a=b,c@d-e"
    assert role["AssumeRolePolicyDocument"] == trust
    assert abs(role["CreateDate"].timestamp() - datetime.datetime.now().timestamp()) < 5


def test_get_role_of_a_missing_and_of_a_secret_role(aws):
    iam = aws.client("iam")
    aws.hand("PUT", "roles/missing", {"missing": True})
    aws.hand("PUT", "roles/secret", {"getDenied": True})
    with pytest.raises(iam.exceptions.NoSuchEntityException) as caught:
        iam.get_role(RoleName="missing")
    assert caught.value.response["Error"]["Message"] == "The role with name missing cannot be found."
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    with pytest.raises(ClientError, match=r"\(AccessDenied\).*iam:GetRole on resource: role secret"):
        iam.get_role(RoleName="secret")


# ---- clusters ------------------------------------------------------------------------------------


def test_clusters_have_their_own_facts(start, tmp_path):
    ca = tmp_path / "ca.crt"
    ca.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    aws = start(
        "--cluster",
        f"blue,issuer=https://oidc.example/blue,ca={ca},version=1.37",
        "--cluster=green",
        "--cluster=far,region=eu-central-1,account=444455556666",
        "--cluster=old,status=DELETING",
    )
    eks = aws.client()
    blue = eks.describe_cluster(name="blue")["cluster"]
    assert blue["arn"] == "arn:aws:eks:us-west-2:111122223333:cluster/blue"
    assert blue["identity"]["oidc"]["issuer"] == "https://oidc.example/blue"
    assert base64.b64decode(blue["certificateAuthority"]["data"]).decode() == ca.read_text()
    assert (blue["status"], blue["version"]) == ("ACTIVE", "1.37")
    green = eks.describe_cluster(name="green")["cluster"]
    assert re.fullmatch(
        r"https://oidc\.eks\.us-west-2\.amazonaws\.com/id/[0-9A-F]{32}", green["identity"]["oidc"]["issuer"]
    )
    assert eks.describe_cluster(name="old")["cluster"]["status"] == "DELETING"
    assert eks.list_clusters()["clusters"] == ["blue", "green", "old"]
    assert refused(eks.exceptions.ResourceNotFoundException, eks.describe_cluster, name="far")[0] == 404
    far = aws.client(region="eu-central-1").describe_cluster(name="far")["cluster"]
    assert far["arn"] == "arn:aws:eks:eu-central-1:444455556666:cluster/far"


def test_list_clusters_pages(start):
    eks = start(*(f"--cluster=c{i}" for i in range(5))).client()
    pages = list(eks.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 2}))
    assert [page["clusters"] for page in pages] == [["c0", "c1"], ["c2", "c3"], ["c4"]]


def test_clusters_that_may_not_be_listed_or_read(aws, eks):
    for operation, cluster in (("ListClusters", ""), ("DescribeCluster", "green")):
        fault = {"operation": operation, "cluster": cluster, "kind": "error", "error": "AccessDeniedException"}
        aws.hand("POST", "faults", fault)
    with pytest.raises(ClientError, match=r"\(AccessDeniedException\).*eks:ListClusters on resource: \*"):
        eks.list_clusters()
    with pytest.raises(ClientError, match=r"\(AccessDeniedException\).*eks:DescribeCluster on resource: green"):
        eks.describe_cluster(name="green")
    assert eks.describe_cluster(name="blue")["cluster"]["name"] == "blue"


def test_writes_to_a_dying_cluster(aws, eks):
    made = create(eks)
    aws.hand("PUT", "clusters/blue", {"status": "DELETING"})
    assert refused(eks.exceptions.InvalidRequestException, create, eks, "x")[0] == 400
    delete(eks, made)
    aws.hand("DELETE", "clusters/blue")
    assert refused(eks.exceptions.ResourceNotFoundException, listed, eks)[0] == 404


# ---- tags ----------------------------------------------------------------------------------------


def test_tags(eks):
    made = create(eks, tags={"keep": "1", "change": "1"})
    arn = made["associationArn"]
    eks.tag_resource(resourceArn=arn, tags={"change": "2", "podbind.dev/owner": "uid/podbind", "ü": "é è"})
    eks.untag_resource(resourceArn=arn, tagKeys=["keep", "not there", "a/b c"])
    expected = {"change": "2", "podbind.dev/owner": "uid/podbind", "ü": "é è"}
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == expected
    assert describe(eks, made)["tags"] == expected


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({}, "At least one tag is required."),
        ({"k" * 129: ""}, "A tag key must be between 1 and 128 characters long."),
        ({"k": "v" * 257}, "A tag value must be at most 256 characters long."),
        ({"AWS:k": "v"}, "Tags with the prefix aws: are reserved for AWS use."),
        ({"k;": "v"}, "Tag keys and values may hold letters, digits, spaces and + - = . _ : / @"),
        ({str(i): "" for i in range(50)}, "A resource may have at most 50 tags."),
    ],
)
def test_tag_refuses_bad_tags(eks, tags, message):
    made = create(eks, tags={"one": ""})
    expected = (400, message)
    assert (
        refused(eks.exceptions.BadRequestException, eks.tag_resource, resourceArn=made["associationArn"], tags=tags)[:2]
        == expected
    )
    assert describe(eks, made)["tags"] == {"one": ""}


def test_tags_of_what_is_not_there(eks):
    missing = f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/{UNKNOWN}"
    not_found, bad = eks.exceptions.NotFoundException, eks.exceptions.BadRequestException
    for arn, exception, status in ((missing, not_found, 404), ("arn:aws:s3:::bucket", bad, 400)):
        assert refused(exception, eks.list_tags_for_resource, resourceArn=arn)[0] == status
        assert refused(exception, eks.tag_resource, resourceArn=arn, tags={"k": "v"})[0] == status
        assert refused(exception, eks.untag_resource, resourceArn=arn, tagKeys=["k"])[0] == status
