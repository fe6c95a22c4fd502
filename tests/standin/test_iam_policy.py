# SPDX-License-Identifier: Apache-2.0
"""podbind's own IAM policy has one source, examples/iam/podbind-policy*.json; what else shows it says the same."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from conftest import ROOT

FOLDER = ROOT / "examples" / "iam"
POLICIES = sorted(path.name for path in FOLDER.glob("podbind-policy*.json"))
PLACES = {"Partition", "Region", "Account", "Cluster", "Instance", "RolePath"}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\$\{(.*?)\}", text))


def actions(document: dict) -> set[str]:
    rows = [row["Action"] for row in document["Statement"]]
    return {action for row in rows for action in ([row] if isinstance(row, str) else row)}


@pytest.mark.parametrize("name", POLICIES)
def test_the_page_shows_the_file(name):
    page = (ROOT / "docs" / "iam.md").read_text()
    blocks = re.findall(r"```json\n(.*?)```", page, re.S)
    assert (FOLDER / name).read_text() in blocks
    assert f"(../examples/iam/{name})" in page


def test_the_page_explains_each_statement_and_place():
    page = (ROOT / "docs" / "iam.md").read_text()
    policy = (FOLDER / "podbind-policy.json").read_text()
    for statement in json.loads(policy)["Statement"]:
        assert re.search(rf"^\| {statement['Sid']} \| ", page, re.M), statement["Sid"]
    command = re.search(r"^((?:\w+=\S+ )+)\\\n  envsubst <examples/iam/podbind-policy.json$", page, re.M)
    assert {word.split("=")[0] for word in command[1].split()} == placeholders(policy) == PLACES


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_stays_small_and_names_its_resources(name):
    text = (FOLDER / name).read_text()
    assert placeholders(text) <= PLACES
    document = json.loads(text)
    assert not [action for action in actions(document) if "*" in action]
    everything = [row["Sid"] for row in document["Statement"] if row["Resource"] == "*"]
    assert everything == (["FindOwnCluster"] if name == "podbind-policy-auto.json" else [])


def test_terraform_fills_in_the_file():
    text = (FOLDER / "podbind.tf").read_text()
    call = re.search(r'templatefile\("\$\{path\.module\}/podbind-policy\.json", \{(.*?)\}\)', text, re.S)
    assert set(re.findall(r"^\s*(\w+)\s+= ", call[1], re.M)) == PLACES
    used = set(re.findall(r"var\.(\w+)", text))
    assert used == set(re.findall(r'^variable "(\w+)"', text, re.M))


class Cloud:
    """CloudFormation's own functions, as far as the template uses them."""

    NAMES = {"AWS::Partition": "${Partition}", "AWS::Region": "${Region}", "AWS::AccountId": "${Account}"}

    @classmethod
    def plain(cls, value):
        if isinstance(value, list):
            return [cls.plain(one) for one in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{(.*?)\}", lambda m: cls.NAMES.get(m[1], m[0]), value["Fn::Sub"])
        return {name: cls.plain(one) for name, one in value.items()}


def test_cloudformation_holds_the_same_policy():
    template = yaml.safe_load((FOLDER / "podbind.yaml").read_text())
    policies = template["Resources"]["Role"]["Properties"]["Policies"]
    assert [Cloud.plain(row["PolicyDocument"]) for row in policies] == [
        json.loads((FOLDER / "podbind-policy.json").read_text())
    ]
    known = set(template["Parameters"]) | set(template["Resources"]) | set(Cloud.NAMES)
    assert placeholders(json.dumps(template)) <= known


def test_the_notes_of_the_chart_name_the_same_actions():
    notes = (ROOT / "helm" / "podbind" / "templates" / "NOTES.txt").read_text()
    policies = [json.loads((FOLDER / f"podbind-policy{kind}.json").read_text()) for kind in ("", "-auto")]
    wanted = set().union(*map(actions, policies))
    assert set(re.findall(r'"((?:eks|iam):\w+)"', notes)) - {"iam:PassedToService"} == wanted
