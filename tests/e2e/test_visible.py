# SPDX-License-Identifier: Apache-2.0
"""Walked through as the user whose binding is not Ready: `kubectl get pib` and `kubectl describe pib` alone tell what
stands in the way (its id, role and owner) and what to do, and doing that helps."""

from __future__ import annotations

import json

import pytest
from lib import kube

from child import wait_for

ROLE_ARN = "arn:aws:iam::111122223333:role/"
ADD_ON = "arn:aws:eks:us-west-2:111122223333:addon/eks-blue/vpc-cni/12345678"
TERRAFORM = {"roleArn": f"{ROLE_ARN}infra-role", "tags": {"managed-by": "terraform", "module": "eks-irsa"}}


@pytest.fixture
def told(blue, operator, namespace):
    """told(reason) applies the binding app-sa for reader-role, waits for the reason, and returns the namespace and
    what a person then reads of it: the words of `get` and `describe`."""
    app = namespace(blue)

    def read(reason: str) -> str:
        kube.wait_condition(blue, app, "reader", status="False", reason=reason)
        row = blue.kubectl("get", "pib", "reader", "-n", app).stdout.splitlines()[1].split()
        assert row[3:6] == ["0/1", "False", reason]
        return blue.kubectl("describe", "pib", "reader", "-n", app).stdout

    return app, read


def says(text: str, *words: str) -> None:
    for word in words:
        assert word in text, f"{word!r} is not in:\n{text}"


def apply_reader(cluster, namespace: str, **spec: object) -> None:
    kube.kubectl_apply(cluster, kube.binding(namespace, "reader", "app-sa", "reader-role", **spec))


def test_a_key_of_terraform(blue, standin, operator, told):
    app, read = told
    there = standin.put_association(blue, app, "app-sa", **TERRAFORM)
    operator(blue)
    apply_reader(blue, app)
    text = read("KeyTaken")
    says(text, there["associationId"], f"{ROLE_ARN}infra-role", "not made by podbind", "managed-by=terraform")
    says(text, "delete it where it was made", "adoption: Always", "Warning  KeyTaken")
    assert standin.association(blue, app, "app-sa")["associationId"] == there["associationId"]
    standin.allow("blue", "adoption")
    kube.patch_binding(blue, app, "reader", adoption="Always")
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}


def test_a_key_of_terraform_with_the_same_access(blue, standin, operator, told):
    app, read = told
    there = standin.put_association(blue, app, "app-sa", **{**TERRAFORM, "roleArn": f"{ROLE_ARN}reader-role"})
    operator(blue)
    apply_reader(blue, app)
    says(read("KeyTaken"), there["associationId"], "managed-by=terraform", "adoption: SameAccess")
    kube.patch_binding(blue, app, "reader", adoption="SameAccess")
    kube.wait_condition(blue, app, "reader")
    assert standin.association(blue, app, "app-sa")["associationId"] == there["associationId"]


def test_a_key_of_an_add_on(blue, standin, operator, told):
    app, read = told
    there = standin.put_association(blue, app, "app-sa", roleArn=f"{ROLE_ARN}cni-role", ownerArn=ADD_ON)
    operator(blue)
    apply_reader(blue, app, adoption="Always")
    text = read("AddOnOwned")
    says(text, there["associationId"], f"{ROLE_ARN}cni-role", ADD_ON, "podbind never touches it")
    says(text, "delete this binding, or take the association out of the add-on's configuration")
    standin.delete_association(blue, app, "app-sa")
    kube.wait_condition(blue, app, "reader", seconds=90)


def test_a_key_of_another_podbind(blue, standin, operator, told):
    app, read = told
    first = operator(blue, "--instance=first")
    kube.kubectl_apply(blue, kube.binding(app, "elder", "app-sa", "elder-role"))
    kube.wait_condition(blue, app, "elder")
    first.terminate()
    there = standin.association(blue, app, "app-sa")
    owner = next(value for key, value in there["tags"].items() if key == "podbind.dev/owner")
    kube.drop_binding(blue, app, "elder")
    operator(blue)
    apply_reader(blue, app)
    text = read("KeyTaken")
    says(text, there["associationId"], f"{ROLE_ARN}elder-role", f"made by another podbind ({owner})")
    says(text, "delete one of the two bindings", "adoption: Always")
    assert owner.endswith("/first")


def test_a_key_of_another_binding(blue, standin, operator, told):
    app, read = told
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "elder", "app-sa", "elder-role"))
    kube.wait_condition(blue, app, "elder")
    born = kube.get_binding(blue, app, "elder")["metadata"]["creationTimestamp"]
    wait_for(lambda: blue_clock(blue, app) > born, 5, "the next second of the API server's clock")
    apply_reader(blue, app)
    text = read("Conflict")
    says(text, "held by the older binding 'elder'", standin.association(blue, app, "app-sa")["associationId"])
    says(text, f"{ROLE_ARN}elder-role", "delete one of the two, or take the service account out of one")
    says(blue.kubectl("describe", "pib", "elder", "-n", app).stdout, "ConflictHolder", "binding 'reader' asks for")
    kube.delete_binding(blue, app, "elder")
    kube.wait_condition(blue, app, "reader", seconds=60)
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}


def blue_clock(cluster, namespace: str) -> str:
    probe = kube.service_account(namespace, "clock")
    return cluster.api("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts?dryRun=All", probe)[1]["metadata"][
        "creationTimestamp"
    ]


def test_restored_from_a_backup(blue, standin, operator, told):
    """The objects come again with new UIDs, and with the status and finalizers of the backup or without."""
    app, _ = told
    before = operator(blue)
    apply_reader(blue, app)
    kube.wait_condition(blue, app, "reader")
    there = standin.association(blue, app, "app-sa")
    backup = json.loads(blue.kubectl("get", "pib", "reader", "-n", app, "-o", "json").stdout)
    before.terminate()
    kube.drop_binding(blue, app, "reader")
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
        backup["metadata"].pop(field, None)
    blue.kubectl("create", "-f", "-", stdin=json.dumps(backup))
    operator(blue)
    bound = kube.wait_condition(blue, app, "reader")
    assert bound["metadata"]["uid"] != there["tags"]["podbind.dev/binding"]
    wait_for(
        lambda: standin.association(blue, app, "app-sa")["tags"]["podbind.dev/binding"] == bound["metadata"]["uid"],
        30,
        "the association to be handed to the binding's new UID",
    )
    assert standin.association(blue, app, "app-sa")["associationId"] == there["associationId"]
    row = blue.kubectl("get", "pib", "reader", "-n", app).stdout.splitlines()[1].split()
    assert row[3] == "1/1"
    assert row[5:7] == ["True", "Ready"]
    says(blue.kubectl("describe", "pib", "reader", "-n", app).stdout, there["associationId"], "reader-role")
