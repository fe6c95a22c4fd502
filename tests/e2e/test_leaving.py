# SPDX-License-Identifier: Apache-2.0
"""Bindings that go while something stays in EKS: abandoned, in a cluster that is deleted, not confirmed."""

from __future__ import annotations

import json
import time

import pytest
from lib import kube

from child import wait_for

DELETE = "DeletePodIdentityAssociation"


@pytest.fixture
def made(blue, standin, operator, namespace):
    """A namespace with the binding `reader` that is Ready, and the operator that made it so."""
    app = namespace(blue)
    maker = operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    return app, maker


def abandon(blue, app):
    blue.kubectl("annotate", "pib", "reader", "-n", app, "podbind.dev/abandon=true")


def event_of(blue, app, reason):
    """The Event of this reason on `reader`, once it is there."""

    def find():
        run = blue.kubectl("get", "events.events.k8s.io", "-n", app, "-o", "json")
        rows = [row for row in json.loads(run.stdout)["items"] if row["regarding"]["name"] == "reader"]
        return next((row for row in rows if row["reason"] == reason), None)

    return wait_for(find, 20, f"the Event {reason}")


def test_what_is_retained_at_the_last_moment_is_tagged(blue, standin, made):
    """It sees at once that the binding is to leave what it has, and that it is deleted."""
    app, maker = made
    held = standin.association(blue, app, "app-sa")
    assert "podbind.dev/retain" not in held["tags"]
    maker.pause()
    kube.patch_binding(blue, app, "reader", deletionPolicy="Retain")
    kube.delete_binding(blue, app, "reader")
    maker.resume()
    kube.wait_gone(blue, app, "reader")
    left = standin.association(blue, app, "app-sa")
    assert left["associationId"] == held["associationId"]
    assert left["tags"] == {**held["tags"], "podbind.dev/retain": "true"}
    assert maker.metrics()["podbind_orphans"] == 0


def test_an_abandoned_binding_goes_and_leaves_what_it_has(blue, standin, made):
    app, _ = made
    held = standin.association(blue, app, "app-sa")
    standin.fault(DELETE, kind="error", error="AccessDeniedException")
    kube.delete_binding(blue, app, "reader")
    kube.wait_condition(blue, app, "reader", status="False", reason="AccessDenied")
    abandon(blue, app)
    began = time.monotonic()
    kube.wait_gone(blue, app, "reader")
    assert time.monotonic() - began < 5
    event = event_of(blue, app, "Abandoned")
    assert held["associationId"] in event["note"] and "'app-sa'" in event["note"]
    assert event["type"] == "Normal"
    assert standin.association(blue, app, "app-sa") == held
    kube.kubectl_apply(blue, kube.binding(app, "heir", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "heir")
    assert standin.association(blue, app, "app-sa")["associationId"] == held["associationId"]


def test_abandon_without_a_deletion_means_nothing(blue, standin, made):
    app, _ = made
    abandon(blue, app)
    kube.patch_binding(blue, app, "reader", role={"name": "other-role"})
    standin.wait_roles(blue, app, {"app-sa": "other-role"})
    bound = kube.wait_condition(blue, app, "reader")
    assert bound["metadata"]["finalizers"] == ["podbind.dev/association"]


@pytest.mark.parametrize("flag", ["--cluster-name=eks-green", "--mode=observe"])
def test_abandon_counts_wherever_nothing_is_deleted(blue, standin, operator, made, flag):
    app, maker = made
    held = standin.association(blue, app, "app-sa")
    assert maker.terminate() == 0
    operator(blue, flag, wait=False)
    kube.delete_binding(blue, app, "reader")
    abandon(blue, app)
    kube.wait_gone(blue, app, "reader")
    assert held["associationId"] in event_of(blue, app, "Abandoned")["note"]
    assert standin.association(blue, app, "app-sa") == held


def test_abandon_counts_while_eks_is_away(blue, standin, operator, made):
    app, maker = made
    held = standin.association(blue, app, "app-sa")
    assert maker.terminate() == 0
    standin.fault(kind="reset")
    operator(blue, wait=False)
    kube.delete_binding(blue, app, "reader")
    abandon(blue, app)
    kube.wait_gone(blue, app, "reader")
    assert held["associationId"] in event_of(blue, app, "Abandoned")["note"]
    assert standin.association(blue, app, "app-sa") == held


def test_a_cluster_that_is_deleted_keeps_no_finalizer(blue, standin, operator, made):
    app, maker = made
    held = standin.association(blue, app, "app-sa")
    kube.kubectl_apply(blue, kube.binding(app, "stays", "stays-sa", "reader-role"))
    kube.wait_condition(blue, app, "stays")
    assert maker.terminate() == 0
    standin.control("PUT", "clusters/eks-blue", {"status": "DELETING"})
    before = standin.mutations()
    operator(blue)
    kube.patch_binding(blue, app, "stays", role={"name": "other-role"})
    bound = kube.wait_condition(blue, app, "stays", status="False", reason="ClusterDeleting")
    assert "deleting this cluster" in kube.conditions(bound)["Ready"]["message"]
    kube.delete_binding(blue, app, "reader")
    kube.wait_gone(blue, app, "reader")
    assert held["associationId"] in event_of(blue, app, "ClusterDeleting")["note"]
    assert standin.mutations() == before
    assert standin.association(blue, app, "app-sa") == held


def test_a_deletion_that_is_never_confirmed_ends_in_a_warning(blue, standin, made):
    app, _ = made
    held = standin.association(blue, app, "app-sa")
    standin.settings(propagation="10m")
    kube.delete_binding(blue, app, "reader")
    wait_for(lambda: standin.counters().get(DELETE), 30, "the Delete")
    assert kube.get_binding(blue, app, "reader") is not None
    kube.wait_gone(blue, app, "reader", seconds=90)
    event = event_of(blue, app, "DeletionUnconfirmed")
    assert event["type"] == "Warning" and held["associationId"] in event["note"]


def test_refusals_and_orphans_show_in_metrics_and_log(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.put_association(blue, app, "taken-sa", roleArn="arn:aws:iam::111122223333:role/x", tags={"made": "by hand"})
    child = operator(blue)
    kube.kubectl_apply(blue, [kube.binding(app, "reader", "app-sa", "reader-role"),
                              kube.binding(app, "late", "taken-sa", "reader-role")])  # fmt: skip
    kube.wait_condition(blue, app, "late", status="False", reason="KeyTaken")
    kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")["associationId"]
    gauge = 'podbind_bindings_not_ready{reason="KeyTaken"}'
    wait_for(lambda: child.metrics().get(gauge) == 1, 20, "the gauge to count it")
    standin.fault(DELETE, kind="error", error="AccessDeniedException")
    kube.delete_binding(blue, app, "reader")
    abandon(blue, app)
    kube.wait_gone(blue, app, "reader")
    wait_for(lambda: child.metrics()["podbind_orphans"] == 1, 20, "the orphan to be counted")
    lines = [json.loads(line) for line in child.log.read_text().splitlines() if line.startswith("{")]
    told = [line for line in lines if line["msg"] == "binding not ready" and line["name"] == "late"]
    assert [(line["namespace"], line["reason"]) for line in told] == [(app, "KeyTaken")]
    assert [line["first"] for line in lines if "no binding wants" in line["msg"]] == [held]
