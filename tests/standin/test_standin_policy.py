# SPDX-License-Identifier: Apache-2.0
"""A policy that the stand-in enforces: what it allows, what it does not, and in which words."""

from __future__ import annotations

import json
import subprocess

import pytest
from botocore.exceptions import ClientError
from conftest import BINARY
from test_standin import OTHER_ROLE, ROLE, create, delete, describe, listed, update
from test_standin_weather import code_of

USER = "User: arn:aws:sts::111122223333:assumed-role/podbind-controller/podbind"
CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/blue"
ASSOCIATIONS = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/blue/"


def statement(action, resource="*", effect="Allow", **condition):
    made = {"Effect": effect, "Action": action, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def put(aws, *statements, key=""):
    aws.hand("PUT", f"policy{key}", {"Version": "2012-10-17", "Statement": statements})


def denied(call, *args, **kwargs):
    """The sentence, without who and what for."""
    with pytest.raises(ClientError) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    assert response["Error"]["Code"] in ("AccessDeniedException", "AccessDenied")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return response["Error"]["Message"].removeprefix(f"{USER} is not authorized to perform: ")


def silent(action, resource):
    return f"{action} on resource: {resource} because no identity-based policy allows the {action} action"


# ---- which permission each operation needs -------------------------------------------------------


def test_without_a_policy_everything_is_allowed(eks):
    create(eks, tags={"k": "v"})


def test_each_operation_needs_its_own_permission(aws, eks):
    made = create(eks, tags={"team": "data"})
    one = ASSOCIATIONS + made["associationId"]
    put(aws)
    assert denied(create, eks, "x") == silent("eks:CreatePodIdentityAssociation", CLUSTER)
    assert denied(describe, eks, made) == silent("eks:DescribePodIdentityAssociation", one)
    assert denied(update, eks, made, roleArn=OTHER_ROLE) == silent("eks:UpdatePodIdentityAssociation", one)
    assert denied(delete, eks, made) == silent("eks:DeletePodIdentityAssociation", one)
    assert denied(listed, eks) == silent("eks:ListPodIdentityAssociations", CLUSTER)
    assert denied(eks.tag_resource, resourceArn=one, tags={"k": "v"}) == silent("eks:TagResource", one)
    assert denied(eks.untag_resource, resourceArn=one, tagKeys=["k"]) == silent("eks:UntagResource", one)
    assert denied(eks.list_tags_for_resource, resourceArn=one) == silent("eks:ListTagsForResource", one)
    assert denied(eks.describe_cluster, name="blue") == silent("eks:DescribeCluster", CLUSTER)
    assert denied(eks.list_clusters) == silent("eks:ListClusters", "*")
    assert denied(aws.client("iam").get_role, RoleName="reader") == silent("iam:GetRole", "role reader")
    assert aws.client("sts").get_caller_identity()["Account"] == "111122223333"
    aws.hand("DELETE", "policy")
    assert describe(eks, made) == made


def test_a_role_is_passed_by_create_and_by_an_update_that_names_one(aws, eks):
    put(aws, statement("eks:*"), statement("iam:PassRole", ROLE))
    made = create(eks)
    assert denied(create, eks, "x", role=OTHER_ROLE) == silent("iam:PassRole", OTHER_ROLE)
    assert denied(update, eks, made, roleArn=OTHER_ROLE) == silent("iam:PassRole", OTHER_ROLE)
    update(eks, made, disableSessionTags=True)
    assert listed(eks)[0]["serviceAccount"] == "app-sa"


def test_create_with_tags_needs_tagging_of_an_association_without_an_id(aws, eks):
    every = ASSOCIATIONS + "*"
    put(aws, statement(["eks:CreatePodIdentityAssociation", "iam:PassRole"]))
    create(eks, "plain")
    assert denied(create, eks, "tagged", tags={"k": "v"}) == silent("eks:TagResource", every)
    put(aws, statement(["eks:CreatePodIdentityAssociation", "iam:PassRole"]), statement("eks:TagResource", every))
    create(eks, "tagged", tags={"k": "v"})


def test_a_role_is_read_by_its_arn_with_the_path(aws):
    iam = aws.client("iam")
    aws.hand("PUT", "roles/writer", {"path": "/team/a/"})
    put(aws, statement("iam:GetRole", "arn:aws:iam::111122223333:role/team/*"))
    assert iam.get_role(RoleName="writer")["Role"]["Path"] == "/team/a/"
    assert denied(iam.get_role, RoleName="reader") == silent("iam:GetRole", "role reader")


def test_the_region_that_was_signed_for_is_in_the_arn(aws):
    put(aws, statement("eks:ListPodIdentityAssociations", "arn:aws:eks:us-west-2:*:cluster/*"))
    far = "arn:aws:eks:eu-central-1:111122223333:cluster/blue"
    assert denied(listed, aws.client(region="eu-central-1")) == silent("eks:ListPodIdentityAssociations", far)


# ---- how statements are weighed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("eks:List*", "*", True),
        ("EKS:listpodidentityassociations", CLUSTER, True),
        ("*", "*", True),
        (["s3:*", "eks:?istPodIdentityAssociations"], ["arn:x", CLUSTER], True),
        ("eks:List*", "arn:aws:eks:*:*:cluster/bl*e", True),
        ("eks:List*", "arn:aws:eks:*:*:CLUSTER/blue", False),
        ("eks:List*", "arn:aws:eks:*:*:cluster/blu", False),
        ("eks:ListPodIdentityAssociation", "*", False),
        ("eks:List*s?", "*", False),
        ("iam:*", "*", False),
    ],
)
def test_wildcards(aws, eks, action, resource, allowed):
    put(aws, statement(action, resource))
    if allowed:
        assert listed(eks) == []
    else:
        assert denied(listed, eks) == silent("eks:ListPodIdentityAssociations", CLUSTER)


def test_a_deny_decides(aws, eks):
    put(aws, statement("*"), statement("eks:List*", CLUSTER, "Deny"))
    said = f"eks:ListPodIdentityAssociations on resource: {CLUSTER} with an explicit deny in an identity-based policy"
    assert denied(listed, eks) == said
    assert listed(eks, "green") == []


def test_conditions_on_the_tags_of_the_request(aws, eks):
    owner = {"aws:RequestTag/podbind.dev/owner": "*/podbind"}
    put(
        aws,
        statement(["iam:PassRole", "eks:TagResource"]),
        statement("eks:CreatePodIdentityAssociation", StringLike=owner),
    )
    create(eks, tags={"podbind.dev/owner": "uid/podbind", "k": "v"})
    for tags in ({"podbind.dev/owner": "uid/other"}, {"owner": "uid/podbind"}):
        assert denied(create, eks, "x", tags=tags) == silent("eks:CreatePodIdentityAssociation", CLUSTER)
    assert denied(create, eks, "x") == silent("eks:CreatePodIdentityAssociation", CLUSTER)


def test_conditions_on_the_tags_of_the_association(aws, eks):
    aws.settings(propagation="1h")
    ours, other = create(eks, "ours", tags={"owner": "podbind"}), create(eks, "other")
    put(aws, statement("eks:*", StringEquals={"aws:ResourceTag/OWNER": ["podbind", "x"]}))
    eks.tag_resource(resourceArn=ours["associationArn"], tags={"k": "v"})
    assert denied(delete, eks, other) == silent(
        "eks:DeletePodIdentityAssociation", ASSOCIATIONS + other["associationId"]
    )
    assert denied(eks.untag_resource, resourceArn=other["associationArn"], tagKeys=["k"])
    delete(eks, ours)


def test_conditions_all_hold_or_the_statement_does_not_apply(aws, eks):
    passed = {"iam:PassedToService": "pods.eks.amazonaws.com"}
    to_blue = {"iam:AssociatedResourceARN": "arn:aws:eks:*:cluster/blue"}
    put(aws, statement("eks:*"), statement("iam:PassRole", StringEquals=passed, StringLike=to_blue))
    create(eks)
    assert denied(create, eks, cluster="green") == silent("iam:PassRole", ROLE)
    put(aws, statement("eks:*"), statement("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}))
    assert denied(create, eks, "x") == silent("iam:PassRole", ROLE)


def test_a_key_has_a_policy_of_its_own(start):
    aws = start("--cluster=blue", "--credentials=AKIATWO:two")
    two = aws.client(aws_access_key_id="AKIATWO", aws_secret_access_key="two")
    put(aws)
    put(aws, statement("eks:*"), key="/AKIATWO")
    assert listed(two) == []
    assert code_of(listed, aws.client()) == ("AccessDeniedException", 403)
    aws.hand("DELETE", "policy/AKIATWO")
    assert code_of(listed, two) == ("AccessDeniedException", 403)


def test_what_was_asked_for_is_counted(aws, eks):
    put(aws, statement(["eks:Create*", "iam:PassRole", "eks:TagResource"]))
    create(eks, tags={"k": "v"})
    denied(listed, eks)
    assert aws.hand("GET", "policy") == {
        "allowed": {"eks:CreatePodIdentityAssociation": 1, "eks:TagResource": 1, "iam:PassRole": 1},
        "denied": {"eks:ListPodIdentityAssociations": 1},
    }
    assert aws.counted("ListPodIdentityAssociations") == {"AccessDeniedException": 1}
    aws.hand("DELETE", "actions")
    assert aws.hand("GET", "policy") == {"allowed": {}, "denied": {}}


# ---- policies that it cannot weigh ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Effect": "Maybe"}, "statement 1 of the policy: expected Effect to be Allow or Deny"),
        ({"NotAction": "x"}, "a statement may hold no NotAction here"),
        ({"Principal": "*"}, "a statement may hold no Principal here"),
        ({"Action": 1}, "expected Action to be a text or an array of texts"),
        ({"Resource": []}, "expected at least one text in Resource"),
        ({"Resource": "${Cluster}"}, "expected no variable or placeholder in Resource: ${Cluster}"),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, "the operator Bool is not known here"),
        ({"Condition": {"StringLike": {"aws:SourceIp": "x"}}}, "the condition key aws:SourceIp is not known here"),
        ({"Condition": {"StringLike": "x"}}, "expected each operator to hold an object of keys"),
    ],
)
def test_what_it_cannot_weigh_is_refused(aws, eks, changes, message):
    document = {"Version": "2012-10-17", "Statement": [statement("eks:*") | changes]}
    status, text = aws.hand_refused("PUT", "policy", document)
    assert (status, message in text) == (400, True), text
    create(eks)


def test_policies_on_the_command_line(start, tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"Version": "2012-10-17", "Statement": [statement("eks:ListClusters")]}))
    aws = start("--cluster=blue", "--credentials=AKIATWO:two", f"--policy=AKIATWO={path}")
    two = aws.client(aws_access_key_id="AKIATWO", aws_secret_access_key="two")
    assert two.list_clusters()["clusters"] == ["blue"]
    assert code_of(listed, two) == ("AccessDeniedException", 403)
    assert listed(aws.client()) == []
    path.write_text("{}")
    ran = subprocess.run([BINARY, f"--policy={path}"], capture_output=True, text=True, timeout=20, check=False)
    assert (ran.returncode, "expected a policy of the Version 2012-10-17" in ran.stderr) == (1, True), ran
