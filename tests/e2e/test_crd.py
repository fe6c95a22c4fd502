# SPDX-License-Identifier: Apache-2.0
"""The CustomResourceDefinition, asked through kubectl as a user would.

tests/cases/crd/*.yaml are manifests; the first line says what the API server does with each:
`# accepted`, or `# refused: <part of the sentence the user reads>`.
"""

from __future__ import annotations

import json

import pytest
from lib import ROOT, kube

CASES = sorted((ROOT / "tests" / "cases" / "crd").glob("*.yaml"))
API = "/apis/podbind.dev/v1alpha1/namespaces/default/podidentitybindings"
MINIMAL = {
    "apiVersion": "podbind.dev/v1alpha1",
    "kind": "PodIdentityBinding",
    "spec": {"serviceAccount": {"name": "app-sa"}, "role": {"name": "reader"}},
}


@pytest.fixture(scope="module")
def cluster(blue):
    kube.install_crd(blue)
    return blue


@pytest.fixture
def binding(cluster):
    """The name of a stored binding; gone afterwards."""
    name = "read-dynamodb"
    cluster.kubectl("create", "-f", "-", stdin=json.dumps({**MINIMAL, "metadata": {"name": name}}))
    yield name
    cluster.kubectl("delete", "pib", name)


def read(cluster, name: str) -> dict:
    return json.loads(cluster.kubectl("get", "pib", name, "-o", "json").stdout)


def write_status(cluster, name: str, status: dict) -> None:
    cluster.kubectl("patch", "pib", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def test_there_are_cases():
    assert len(CASES) >= 70


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case(cluster, case):
    verdict = case.read_text().splitlines()[0].removeprefix("# ")
    run = cluster.kubectl("create", "--dry-run=server", "-f", case, check=False)
    if verdict == "accepted":
        assert run.returncode == 0, run.stderr
    else:
        assert run.returncode != 0, f"accepted, expected a refusal: {verdict}"
        assert verdict.removeprefix("refused: ") in run.stderr


def test_defaults_are_filled_in(cluster, binding):
    stored = read(cluster, binding)
    defaults = {"sessionTags": "Enabled", "adoption": "Never", "deletionPolicy": "Delete", "suspend": False}
    assert stored["spec"] == {**MINIMAL["spec"], **defaults}
    assert stored["status"] == {"observedGeneration": -1}, "kstatus must read a new binding as in progress"


def test_status_is_apart_from_spec(cluster, binding):
    write_status(cluster, binding, {"observedGeneration": 1, "access": "5f0c9a1e"})
    stored = read(cluster, binding)
    assert stored["status"]["access"] == "5f0c9a1e"
    assert stored["metadata"]["generation"] == 1


def test_status_keeps_every_field(cluster, binding):
    """A field the schema lacks would be dropped without a word."""
    time = "2026-01-01T00:00:00Z"
    condition = {
        "type": "Ready", "status": "True", "observedGeneration": 1, "reason": "Ready", "message": "in place",
        "lastTransitionTime": time,
    }  # fmt: skip
    row = {
        "serviceAccount": "app-sa", "id": "a-abcdefghijklmnop1", "state": "Associated", "lastChanged": time,
        "externalID": "us-west-2/111122223333/eks-green/app/app-sa",
    }  # fmt: skip
    status = {
        "observedGeneration": 1, "conditions": [condition], "clusterName": "eks-green", "role": "reader",
        "roleARN": "arn:aws:iam::111122223333:role/reader", "serviceAccounts": "app-sa", "access": "5f0c9a1e",
        "wanted": 1, "inPlace": 1, "bound": "1/1", "associations": [row], "omitted": 0,
    }  # fmt: skip
    write_status(cluster, binding, status)
    assert read(cluster, binding)["status"] == status


def test_table_fits_120_columns(cluster, binding):
    ready = {
        "type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z",
        "reason": "WaitingForPropagation", "message": "the role is not there yet",
    }  # fmt: skip
    status = {
        "observedGeneration": 1, "clusterName": "eks-green", "role": "read-dynamodb-role",
        "serviceAccounts": "100 selected", "access": "5f0c9a1e", "bound": "100/100", "conditions": [ready],
    }  # fmt: skip
    write_status(cluster, binding, status)
    header, row = cluster.kubectl("get", "pib", binding).stdout.splitlines()
    assert header.split() == ["NAME", "SERVICEACCOUNT", "ROLE", "BOUND", "ACCESS", "READY", "REASON", "AGE"]
    assert row.split()[1:-1] == [
        "100", "selected", "read-dynamodb-role", "100/100", "5f0c9a1e", "False", "WaitingForPropagation",
    ]  # fmt: skip
    assert max(len(header), len(row)) <= 120
    wide = cluster.kubectl("get", "pib", binding, "-o", "wide").stdout.splitlines()
    assert wide[0].split()[8:] == ["CLUSTER", "MESSAGE"]
    assert wide[1].rstrip().endswith("eks-green   the role is not there yet")


def test_more_rows_than_100_are_refused(cluster, binding):
    rows = [{"serviceAccount": f"sa-{number}"} for number in range(101)]
    code, answer = cluster.api(
        "PATCH", f"{API}/{binding}/status", {"status": {"associations": rows}}, "application/merge-patch+json"
    )
    assert code == 422, answer
    assert "at most 100" in answer["message"]


def test_name_and_selector_replace_each_other(cluster, binding):
    """Two server-side appliers never leave both behind: the choice is one field."""
    spec = {"serviceAccount": {"selector": {"matchLabels": {"queue": "work"}}}, "role": {"name": "reader"}}
    manifest = json.dumps({**MINIMAL, "metadata": {"name": binding}, "spec": spec})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-", stdin=manifest)
    assert read(cluster, binding)["spec"]["serviceAccount"] == {"selector": {"matchLabels": {"queue": "work"}}}


@pytest.mark.parametrize("selector", ["spec.role.name=reader", "spec.serviceAccount.name=app-sa", "spec.role.arn="])
def test_field_selectors(cluster, binding, selector):
    assert f"/{binding}\n" in cluster.kubectl("get", "pib", "--field-selector", selector, "-o", "name").stdout
    other = selector + "x"
    assert f"/{binding}\n" not in cluster.kubectl("get", "pib", "--field-selector", other, "-o", "name").stdout


def fields(schema: dict, path: str):
    """Every field below a schema: its path and its own schema."""
    parts = {f"{path}.{name}": field for name, field in schema.get("properties", {}).items()}
    if "items" in schema:
        parts[f"{path}[]"] = schema["items"]
    if "additionalProperties" in schema:
        parts[f"{path}{{}}"] = schema["additionalProperties"]
    for name, part in parts.items():
        yield name, part
        yield from fields(part, name)


def served_schema(cluster) -> dict:
    crd = json.loads(cluster.kubectl("get", "crd", "podidentitybindings.podbind.dev", "-o", "json").stdout)
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def test_every_field_is_described(cluster):
    missing = [name for name, field in fields(served_schema(cluster), "") if "description" not in field]
    assert missing == [".metadata"], "the API server describes metadata itself, and lets nobody else do so"
    assert "no description" not in cluster.kubectl("explain", "pib", "--recursive").stdout
    text = cluster.kubectl("explain", "pib.spec.serviceAccount.selector").stdout
    assert "at least one must be written" in " ".join(text.split())


def test_every_field_is_bounded(cluster):
    bounds = {"string": {"maxLength", "enum", "format"}, "array": {"maxItems"}}
    unbounded = []
    for name, field in fields(served_schema(cluster), ""):
        wanted = {"maxProperties"} if "additionalProperties" in field else bounds.get(field["type"], set(field))
        if name not in (".apiVersion", ".kind") and not wanted & set(field):
            unbounded.append(name)
    assert unbounded == []
