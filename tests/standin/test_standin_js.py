# SPDX-License-Identifier: Apache-2.0
"""Every operation of EKS and every error that it can have, judged by the AWS SDK for JavaScript: it signs, encodes and
reads otherwise than boto3."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY_ID, ROOT, SECRET, Standin
from test_standin import OTHER_ROLE, POLICY, ROLE, TARGET

PIA = "PodIdentityAssociation"
KEY = {"clusterName": "blue", "namespace": "app", "serviceAccount": "app-sa"}
UNKNOWN = {"clusterName": "blue", "associationId": "a-abcdefghijklmnop1"}


class Refused(Exception):
    """What the SDK threw."""

    def __init__(self, error: dict[str, Any]):
        super().__init__(f"{error['name']}: {error['message']}")
        self.name, self.typed, self.status = error["name"], error["typed"], error["status"]
        self.message, self.members = error["message"], error["members"]


class Client:
    """A node process that calls one stand-in."""

    def __init__(self, modules: Path, url: str):
        program = Path(__file__).parent / "js" / "client.cjs"
        self.process = subprocess.Popen(
            ["node", program, modules, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self) -> None:
        self.process.communicate(timeout=20)
        assert self.process.returncode == 0

    def ask(self, keys: dict[str, str] | None = None, **request: Any) -> Any:
        request["keys"] = keys or {"accessKeyId": KEY_ID, "secretAccessKey": SECRET}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["output"]

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        output = self.ask(call=operation, input=members)
        assert output.pop("$metadata")["httpStatusCode"] == 200
        return output

    def create(self, **changes: Any) -> dict[str, Any]:
        return self.call(f"Create{PIA}", **{**KEY, "roleArn": ROLE, **changes})["association"]


@pytest.fixture(scope="session")
def modules() -> Path:
    made = subprocess.run([ROOT / "tools" / "node.sh"], stdout=subprocess.PIPE, text=True, check=True)
    return ROOT / made.stdout.strip()


@pytest.fixture
def js(modules: Path) -> Iterator[Callable[[Standin], Client]]:
    """js(aws): a client of that stand-in."""
    clients: list[Client] = []

    def begin(aws: Standin) -> Client:
        clients.append(Client(modules, aws.url))
        return clients[-1]

    yield begin
    for client in clients:
        client.close()


@pytest.fixture
def eks_js(js: Callable[[Standin], Client], aws: Standin) -> Client:
    return js(aws)


def refused(client: Client, operation: str, **members: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        client.call(operation, **members)
    return caught.value


# ---- operations ----------------------------------------------------------------------------------


def test_an_association_lives_as_the_sdk_sees_it(eks_js):
    made = eks_js.create(tags={"a b": "c/d+e", "ü": "é"}, disableSessionTags=True, policy=POLICY, targetRoleArn=TARGET)
    about = {"clusterName": "blue", "associationId": made["associationId"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", made["createdAt"]), "a Date, from a number with an exponent"
    assert (made["roleArn"], made["targetRoleArn"], made["policy"]) == (ROLE, TARGET, POLICY)
    assert made["tags"] == {"a b": "c/d+e", "ü": "é"}
    assert eks_js.call(f"Describe{PIA}", **about)["association"] == made
    changed = eks_js.call(f"Update{PIA}", **about, roleArn=OTHER_ROLE, targetRoleArn="", policy="")["association"]
    assert changed["roleArn"] == OTHER_ROLE
    assert not {"targetRoleArn", "policy"} & changed.keys()
    listed = eks_js.call(f"List{PIA}s", clusterName="blue", namespace="app", serviceAccount="app-sa")
    assert [row["associationArn"] for row in listed["associations"]] == [made["associationArn"]]
    assert eks_js.call(f"Delete{PIA}", **about)["association"]["associationId"] == made["associationId"]
    assert eks_js.call(f"List{PIA}s", clusterName="blue")["associations"] == []


def test_tags_by_an_arn_in_the_path(eks_js):
    arn = eks_js.create(tags={"keep": "1"})["associationArn"]
    eks_js.call("TagResource", resourceArn=arn, tags={"a b": "c/d", "podbind.dev/owner": "uid/podbind"})
    eks_js.call("UntagResource", resourceArn=arn, tagKeys=["a b", "not there", "c/d+e"])
    tags = {"keep": "1", "podbind.dev/owner": "uid/podbind"}
    assert eks_js.call("ListTagsForResource", resourceArn=arn)["tags"] == tags


def test_clusters(eks_js):
    cluster = eks_js.call("DescribeCluster", name="green")["cluster"]
    assert (cluster["status"], cluster["identity"]["oidc"]["issuer"]) == ("ACTIVE", "https://issuer.example/green")
    assert cluster["arn"] == "arn:aws:eks:us-west-2:111122223333:cluster/green"
    assert eks_js.call("ListClusters")["clusters"] == ["blue", "green"]


def test_paginators_see_every_one_once(eks_js):
    names = [f"sa-{i}" for i in range(7)]
    for name in names:
        eks_js.create(serviceAccount=name)
    pages = eks_js.ask(paginate=f"List{PIA}s", input={"clusterName": "blue"}, pageSize=3)
    assert [len(page["associations"]) for page in pages] == [3, 3, 1]
    assert [row["serviceAccount"] for page in pages for row in page["associations"]] == names
    assert [page["clusters"] for page in eks_js.ask(paginate="ListClusters", input={}, pageSize=1)] == [
        ["blue"],
        ["green"],
    ]


def test_the_waiter_for_a_cluster(aws, eks_js):
    assert eks_js.ask(wait="ClusterActive", input={"name": "blue"}, seconds=10)["state"] == "SUCCESS"
    aws.hand("PUT", "clusters/blue", {"status": "CREATING"})
    with pytest.raises(Refused, match="TimeoutError"):
        eks_js.ask(wait="ClusterActive", input={"name": "blue"}, seconds=2)
    aws.hand("PUT", "clusters/blue", {"status": "FAILED"})
    with pytest.raises(Refused, match="FAILURE"):
        eks_js.ask(wait="ClusterActive", input={"name": "blue"}, seconds=10)


# ---- errors --------------------------------------------------------------------------------------


def test_errors_that_the_stand_in_finds_itself(aws, eks_js):
    made = eks_js.create()
    duplicate = refused(eks_js, f"Create{PIA}", **KEY, roleArn=OTHER_ROLE)
    assert (duplicate.name, duplicate.typed, duplicate.status) == ("ResourceInUseException", True, 409)
    assert (made["associationId"] in duplicate.message, duplicate.members) == (True, {"clusterName": "blue"})
    missing = refused(eks_js, f"Describe{PIA}", **UNKNOWN)
    assert (missing.name, missing.typed, missing.status) == ("ResourceNotFoundException", True, 404)
    bad = refused(eks_js, f"Create{PIA}", **KEY, roleArn="reader")
    assert (bad.name, bad.typed, bad.status) == ("InvalidParameterException", True, 400)
    aws.settings(quota=1)
    full = refused(eks_js, f"Create{PIA}", **{**KEY, "serviceAccount": "x"}, roleArn=ROLE)
    assert (full.name, full.typed, full.status) == ("ResourceLimitExceededException", True, 400)
    aws.hand("PUT", "clusters/blue", {"status": "DELETING"})
    dying = refused(eks_js, f"Create{PIA}", **{**KEY, "serviceAccount": "x"}, roleArn=ROLE)
    assert (dying.name, dying.typed, dying.status) == ("InvalidRequestException", True, 400)
    nothing = made["associationArn"][:-1] + "!"
    tagless = refused(eks_js, "TagResource", resourceArn=made["associationArn"], tags={})
    assert (tagless.name, tagless.typed, tagless.status) == ("BadRequestException", True, 400)
    gone = refused(eks_js, "TagResource", resourceArn=nothing, tags={"k": "v"})
    assert (gone.name, gone.typed, gone.status) == ("NotFoundException", True, 404)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ResourceNotFoundException", 404),
        ("InvalidParameterException", 400),
        ("InvalidRequestException", 400),
        ("ResourceInUseException", 409),
        ("ResourceLimitExceededException", 400),
        ("ClientException", 400),
        ("ServerException", 500),
        ("ServiceUnavailableException", 503),
        ("ThrottlingException", 429),
        ("AccessDeniedException", 403),
        ("BadRequestException", 400),
        ("NotFoundException", 404),
    ],
)
def test_every_modelled_error_is_typed(aws, eks_js, name, status):
    aws.hand("PUT", "faults", [{"operation": f"List{PIA}s", "error": name, "message": "as told", "count": 1}])
    error = refused(eks_js, f"List{PIA}s", clusterName="blue")
    assert (error.name, error.typed, error.status, error.message) == (name, True, status, "as told")
    assert eks_js.call(f"List{PIA}s", clusterName="blue")["associations"] == []


# ---- signatures ----------------------------------------------------------------------------------


def test_signatures_are_verified(aws, eks_js):
    wrong = {"accessKeyId": KEY_ID, "secretAccessKey": "wrong"}
    with pytest.raises(Refused, match="The request signature we calculated does not match") as caught:
        eks_js.ask(wrong, call="ListClusters", input={})
    assert (caught.value.name, caught.value.status) == ("InvalidSignatureException", 403)
    stranger = {"accessKeyId": "AKIASTRANGER", "secretAccessKey": SECRET}
    with pytest.raises(Refused) as caught:
        eks_js.ask(stranger, call="ListClusters", input={})
    assert (caught.value.name, caught.value.status) == ("UnrecognizedClientException", 403)
    assert aws.counted("ListClusters") == {"InvalidSignatureException": 1, "UnrecognizedClientException": 1}


def test_a_session_of_sts_signs(aws, eks_js):
    credentials = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="js")["Credentials"]
    keys = {
        "accessKeyId": credentials["AccessKeyId"],
        "secretAccessKey": credentials["SecretAccessKey"],
        "sessionToken": credentials["SessionToken"],
    }
    assert eks_js.ask(keys, call="ListClusters", input={})["clusters"] == ["blue", "green"]
    del keys["sessionToken"]
    with pytest.raises(Refused, match="UnrecognizedClientException"):
        eks_js.ask(keys, call="ListClusters", input={})
