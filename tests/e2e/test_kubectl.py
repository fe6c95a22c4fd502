# SPDX-License-Identifier: Apache-2.0
"""What a person sees with kubectl."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
from lib import ROOT, kube
from lib.operator import binary

from child import wait_for

FIELDS = {
    "adoption", "deletionPolicy", "role", "arn", "name", "serviceAccount", "selector", "matchLabels",
    "matchExpressions", "key", "operator", "values", "sessionPolicy", "sessionTags", "suspend", "tags", "targetRole",
}  # fmt: skip


@pytest.fixture
def applied(blue, operator, namespace):
    """The namespace of the example's binding, applied as the example says it."""
    app = namespace(blue)
    operator(blue)
    text = (ROOT / "examples" / "blue-green" / "10-app.yaml").read_text()
    kube.kubectl_apply(blue, text.replace("namespace: app\n", f"namespace: {app}\n"))
    return app


def test_wait_for_ready(blue, standin, applied):
    said = blue.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "pib/read-dynamodb", "-n", applied).stdout
    assert said == "podidentitybinding.podbind.dev/read-dynamodb condition met\n"
    assert standin.roles(blue, applied) == {"app-sa": "read-dynamodb-role"}


def test_wait_for_ready_means_the_latest_spec(blue, standin, applied):
    kube.wait_condition(blue, applied, "read-dynamodb")
    standin.settings(latency="300ms")
    kube.patch_binding(blue, applied, "read-dynamodb", role={"name": "other-role"})
    blue.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "pib/read-dynamodb", "-n", applied)
    assert standin.roles(blue, applied) == {"app-sa": "other-role"}


def test_a_wait_without_an_operator_ends_without_success(blue, namespace):
    app = namespace(blue)
    kube.install_crd(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    run = blue.kubectl("wait", "--for=condition=Ready", "--timeout=1s", "pib/reader", "-n", app, check=False)
    assert run.returncode != 0
    assert "timed out" in run.stderr


def test_get_fits_120_columns_and_tells_all(blue, applied):
    kube.wait_condition(blue, applied, "read-dynamodb")
    header, row = blue.kubectl("get", "pib", "-n", applied).stdout.splitlines()
    assert header.split() == ["NAME", "SERVICEACCOUNT", "ROLE", "BOUND", "ACCESS", "READY", "REASON", "AGE"]
    name, account, role, bound, access, ready, reason, _ = row.split()
    assert (name, account, role) == ("read-dynamodb", "app-sa", "read-dynamodb-role")
    assert (bound, ready, reason) == ("1/1", "True", "Ready")
    assert re.fullmatch("[0-9a-f]{8}", access)
    assert max(len(line) for line in (header, row)) <= 120


def test_get_of_all_namespaces_fits_120_columns(blue, operator):
    """The example, with its own names."""
    operator(blue)
    try:
        kube.kubectl_apply(blue, ROOT / "examples" / "blue-green")
        kube.wait_all_ready(blue, "app", 1)
        kube.wait_all_ready(blue, "jobs", 1)
        lines = blue.kubectl("get", "pib", "-A").stdout.splitlines()
        assert len(lines) == 3
        assert max(map(len, lines)) <= 120
        wide = blue.kubectl("get", "pib", "-A", "-o", "wide").stdout.splitlines()[0].split()
        assert {"CLUSTER", "MESSAGE"} <= set(wide)
    finally:
        kube.wipe(blue, "app", "jobs")


def test_category_and_short_name(blue, applied):
    kube.wait_condition(blue, applied, "read-dynamodb")
    assert "read-dynamodb" in blue.kubectl("get", "aws", "-n", applied).stdout
    found = blue.kubectl("get", "pib", "-A", "--field-selector=spec.role.name=read-dynamodb-role").stdout
    assert applied in found


def test_explain_shows_every_field(blue):
    kube.install_crd(blue)
    text = blue.kubectl("explain", "pib.spec", "--recursive").stdout
    shown = set(re.findall(r"^ +(\w+)\t<", text, re.M))
    assert shown == FIELDS
    for field in ("serviceAccount", "role", "sessionTags", "adoption"):
        description = blue.kubectl("explain", f"pib.spec.{field}").stdout.partition("DESCRIPTION:")[2]
        assert len(description.split()) > 5, field


def test_events_tell_of_each_change_of_the_reason(blue, applied):
    kube.wait_condition(blue, applied, "read-dynamodb")
    kube.patch_binding(blue, applied, "read-dynamodb", suspend=True, role={"name": "other-role"})
    kube.wait_condition(blue, applied, "read-dynamodb", status="False", reason="Suspended")
    kube.patch_binding(blue, applied, "read-dynamodb", suspend=False)
    kube.wait_condition(blue, applied, "read-dynamodb")

    def events():
        run = blue.kubectl("get", "events.events.k8s.io", "-n", applied, "-o", "json")
        rows = [row for row in json.loads(run.stdout)["items"] if row["regarding"]["name"] == "read-dynamodb"]
        return sorted((row["reason"], row["type"]) for row in rows)

    wait_for(lambda: len(events()) >= 2, 20, "two events")
    assert events() == [("Ready", "Normal"), ("Suspended", "Warning")]
    assert "Suspended" in blue.kubectl("describe", "pib", "read-dynamodb", "-n", applied).stdout


def test_a_reason_that_comes_again_is_counted_in_its_event(blue, applied):
    for _ in range(2):
        kube.wait_condition(blue, applied, "read-dynamodb")
        kube.patch_binding(blue, applied, "read-dynamodb", suspend=True, role={"name": "other-role"})
        kube.wait_condition(blue, applied, "read-dynamodb", status="False", reason="Suspended")
        kube.patch_binding(blue, applied, "read-dynamodb", suspend=False, role={"name": "read-dynamodb-role"})

    def counts():
        run = blue.kubectl("get", "events.events.k8s.io", "-n", applied, "-o", "json")
        rows = [row for row in json.loads(run.stdout)["items"] if row["reason"] == "Suspended"]
        return [row.get("series", {}).get("count") for row in rows]

    wait_for(lambda: counts() == [2], 20, "one Event that counts two")


def test_help_and_version():
    for word in ("help", "version"):
        run = subprocess.run([binary(), word], capture_output=True, text=True, timeout=10, check=False)
        assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.strip().endswith((ROOT / "VERSION").read_text().strip())
