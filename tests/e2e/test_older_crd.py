# SPDX-License-Identifier: Apache-2.0
"""Objects stored under an older, looser CustomResourceDefinition, which today's refuses.

The API server lets podbind write to an object that breaks today's rules (what was there before is not held
against an update), but not to one with a wrong type in it.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
import yaml
from lib import ROOT, chart, kube, rights

from child import wait_for
from cluster import ControlPlane

LOOSE = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
WRONG_TYPES = {"service-account-as-text", "tags-value-number"}
REASONS = {"role-arn-service-linked": "Refused", "role-name-service-linked": "Refused"}  # InvalidSpec otherwise
MANY = 12  # of a wrong type, and first in the order of names


def older_crd() -> dict:
    """Today's, with nothing asked of a spec."""
    crd = yaml.safe_load(kube.CRD.read_text())
    version = crd["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = LOOSE
    del schema["required"], version["selectableFields"]
    return crd


def refused_cases() -> dict[str, dict]:
    """Those of tests/cases/crd/ that today's CRD refuses. An unknown field is left out: the API server drops it."""
    texts = {path.stem: path.read_text() for path in sorted((ROOT / "tests" / "cases" / "crd").glob("*.yaml"))}
    cases = {name: yaml.safe_load(text) for name, text in texts.items() if text.startswith("# refused")}
    del cases["field-unknown"]
    return cases


def install(cluster: ControlPlane, crd: object, takes_all: bool) -> None:
    kube.kubectl_apply(cluster, crd)
    path = f"{kube.BINDINGS}/namespaces/default/podidentitybindings?dryRun=All"
    probe = {"apiVersion": "podbind.dev/v1alpha1", "kind": "PodIdentityBinding", "metadata": {"name": "probe"}}
    probe["spec"] = {"serviceAccount": 1}
    status = 201 if takes_all else 422
    wait_for(lambda: cluster.api("POST", path, probe)[0] == status, 30, "the definition to be in force")


@pytest.fixture(scope="module")
def older(bin_dir, tmp_path_factory):
    """A blue of this file's own."""
    with ControlPlane("blue", tmp_path_factory.mktemp("older"), bin_dir) as cluster:
        yield cluster


def test_what_an_older_definition_let_in_is_not_accepted_and_harms_nobody(older, standin, operator, namespace):
    app = namespace(older)
    child = operator(older)
    kube.kubectl_apply(older, kube.binding(app, "kept", "kept-sa", "reader-role"))
    kube.wait_condition(older, app, "kept")
    held = standin.association(older, app, "kept-sa")
    child.terminate()

    install(older, older_crd(), takes_all=True)
    cases = refused_cases()
    as_text = {f"0-{i:02d}": cases["service-account-as-text"] for i in range(MANY)}
    named = {**cases, **as_text}
    rows = [{**case, "metadata": {"name": name, "namespace": app}} for name, case in named.items()]
    older.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows}))
    kube.patch_binding(older, app, "kept", role={"name": "*"}, tags={f"tag-{i}": "x" for i in range(60)})
    install(older, kube.CRD, takes_all=False)

    child.start()
    child.wait_ready()
    for name in sorted(cases.keys() - WRONG_TYPES | {"kept"}):
        reason = REASONS.get(name, "InvalidSpec")
        bound = kube.wait_condition(older, app, name, type="Accepted", status="False", reason=reason)
        message = kube.conditions(bound)["Accepted"]["message"]
        assert message.startswith(("spec.", "the binding has no spec", "role 'arn:aws:iam")), f"{name}: {message}"
    wrong = {name for name in named if name in WRONG_TYPES} | as_text.keys()
    wait_for(lambda: child.metrics()["podbind_refused_bindings"] == len(wrong), 20, "the refusals to be counted")
    for role in ("one", "two", "three"):
        kube.kubectl_apply(older, kube.binding(app, "z-good", "good-sa", role))
        kube.wait_condition(older, app, "z-good", seconds=3)
    assert standin.roles(older, app) == {"good-sa": "three", "kept-sa": "reader-role"}
    assert standin.association(older, app, "kept-sa") == held

    said = [row["error"] for row in child.records() if row["msg"] == "the API server refuses to store a binding"]
    assert said and app in said[0] and "invalid" in said[0]
    refused = [r for r in rights.records_of(older, chart.USER) if r.get("responseStatus", {}).get("code") == 422]
    tries = Counter(record["objectRef"]["name"] for record in refused)
    assert tries.keys() == wrong
    assert max(tries.values()) < 10, "no storm"
    kube.patch_binding(older, app, "0-00", serviceAccount={"name": "mended-sa"})
    kube.wait_condition(older, app, "0-00", seconds=5)
