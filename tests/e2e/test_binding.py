# SPDX-License-Identifier: Apache-2.0
"""The main job: what a binding asks for is what EKS holds, from its making to its end."""

from __future__ import annotations

import json

import pytest
from lib import ROOT, kube

from child import wait_for

ROLE_ARN = "arn:aws:iam::111122223333:role/"
SELECTORS = {
    "In": {"key": "tier", "operator": "In", "values": ["web", "api"]},
    "NotIn": {"key": "tier", "operator": "NotIn", "values": ["db"]},
    "Exists": {"key": "bound", "operator": "Exists"},
    "DoesNotExist": {"key": "unbound", "operator": "DoesNotExist"},
}
# What matches the selector of that name, and what does not.
MATCHING = {"In": {"tier": "api"}, "NotIn": {"tier": "web"}, "Exists": {"bound": ""}, "DoesNotExist": {"tier": "db"}}
OTHER = {"In": {"tier": "db"}, "NotIn": {"tier": "db"}, "Exists": {}, "DoesNotExist": {"unbound": "yes"}}


def apply_binding(cluster, namespace, name="reader", account="app-sa", role="reader-role", **spec):
    kube.kubectl_apply(cluster, kube.binding(namespace, name, account, role, **spec))


def label(cluster, namespace, account, **labels):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"
    kube.expect(200, *cluster.api("PATCH", path, {"metadata": {"labels": labels}}, kube.MERGE_PATCH))


@pytest.mark.smoke
def test_a_binding_becomes_an_association_and_says_so(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app, role="team/a/reader", tags={"team": "data"}, sessionTags="Disabled")
    bound = kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")
    assert held["roleArn"] == f"{ROLE_ARN}team/a/reader"
    assert held["disableSessionTags"] is True
    uid = blue.api("GET", "/api/v1/namespaces/kube-system")[1]["metadata"]["uid"]
    own = {"podbind.dev/owner": f"{uid}/podbind", "podbind.dev/binding": bound["metadata"]["uid"]}
    assert held["tags"] == {"team": "data", **own}
    assert bound["metadata"]["finalizers"] == ["podbind.dev/association"]
    status = bound["status"]
    assert (status["clusterName"], status["bound"], status["roleARN"]) == ("eks-blue", "1/1", held["roleArn"])
    assert [(row["serviceAccount"], row["id"]) for row in status["associations"]] == [("app-sa", held["associationId"])]
    assert len(standin.associations(blue)) == 1


def test_a_role_can_be_given_by_its_arn(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    target = "arn:aws:iam::444455556666:role/far/away"
    apply_binding(blue, app, role=f"{ROLE_ARN}by-arn", targetRole={"arn": target})
    kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")
    assert (held["roleArn"], held["targetRoleArn"]) == (f"{ROLE_ARN}by-arn", target)


@pytest.mark.smoke
def test_another_role_is_an_update_of_the_same_association(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app)
    before = kube.wait_condition(blue, app, "reader")["status"]
    held = standin.association(blue, app, "app-sa")
    kube.patch_binding(blue, app, "reader", role={"name": "writer-role"})
    after = kube.wait_condition(blue, app, "reader")["status"]
    changed = standin.association(blue, app, "app-sa")
    assert changed["roleArn"] == f"{ROLE_ARN}writer-role"
    assert changed["associationId"] == held["associationId"]
    assert before["access"] != after["access"]
    assert "DeletePodIdentityAssociation" not in standin.counters()


def test_a_renamed_service_account_is_made_before_the_old_one_breaks(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app, account="old")
    kube.wait_condition(blue, app, "reader")
    standin.settings(latency="100ms")
    kube.patch_binding(blue, app, "reader", serviceAccount={"name": "new"})
    seen = set()

    def moved():
        seen.add(frozenset(standin.roles(blue, app)))
        return standin.roles(blue, app) == {"new": "reader-role"}

    wait_for(moved, 30, "the association to move to the new service account", every=0.005)
    assert frozenset() not in seen
    assert frozenset({"old", "new"}) in seen
    bound = kube.wait_condition(blue, app, "reader")
    assert bound["status"]["serviceAccounts"] == "new"


@pytest.mark.smoke
def test_the_association_goes_before_the_binding_does(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app)
    apply_binding(blue, app, name="other", account="other-sa")
    kube.wait_all_ready(blue, app, 2)
    standin.settings(latency="100ms")
    kube.delete_binding(blue, app, "reader")

    def ended():
        there = kube.get_binding(blue, app, "reader")
        assert there or "app-sa" not in standin.roles(blue, app), "the object went first"
        return there is None

    wait_for(ended, 30, "the binding to go", every=0.005)
    assert standin.roles(blue, app) == {"other-sa": "reader-role"}


def test_a_deleted_binding_can_be_made_again_at_once(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app)
    kube.wait_condition(blue, app, "reader")
    kube.delete_binding(blue, app, "reader")
    kube.wait_gone(blue, app, "reader")
    apply_binding(blue, app, role="other-role")
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "other-role"}


def test_what_is_retained_outlives_its_binding(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app, deletionPolicy="Retain")
    kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")
    assert held["tags"]["podbind.dev/retain"] == "true"
    kube.delete_binding(blue, app, "reader")
    kube.wait_gone(blue, app, "reader")
    assert standin.association(blue, app, "app-sa") == held
    apply_binding(blue, app, name="heir")
    kube.wait_condition(blue, app, "heir")
    taken = standin.association(blue, app, "app-sa")
    assert taken["associationId"] == held["associationId"]
    assert "podbind.dev/retain" not in taken["tags"]


def test_a_namespace_takes_its_associations_along(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app)
    kube.wait_condition(blue, app, "reader")
    blue.api("DELETE", f"/api/v1/namespaces/{app}")
    standin.wait_roles(blue, app, {})
    wait_for(lambda: blue.api("GET", f"/api/v1/namespaces/{app}")[0] == 404, 60, "the namespace to go")


def test_nothing_is_written_for_a_suspended_binding(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    apply_binding(blue, app, suspend=True)
    kube.wait_condition(blue, app, "reader", status="False", reason="Suspended")
    assert standin.mutations() == 0
    kube.patch_binding(blue, app, "reader", suspend=False)
    kube.wait_condition(blue, app, "reader")


@pytest.mark.parametrize("kind", SELECTORS)
def test_a_selector_follows_service_accounts(blue, standin, operator, namespace, kind):
    app = namespace(blue)
    operator(blue, "--absence-grace=1s")
    others = [kube.service_account(app, "never", **OTHER[kind]), kube.service_account(app, "kept", **MATCHING[kind])]
    kube.kubectl_apply(blue, others)
    # default comes with the namespace; without labels it matches NotIn and DoesNotExist
    default = {"default": "reader-role"} if kind in ("NotIn", "DoesNotExist") else {}
    apply_binding(blue, app, account={"matchExpressions": [SELECTORS[kind]]})
    standin.wait_roles(blue, app, {**default, "kept": "reader-role"})
    kube.kubectl_apply(blue, kube.service_account(app, "later", **MATCHING[kind]))
    standin.wait_roles(blue, app, {**default, "kept": "reader-role", "later": "reader-role"})
    blue.kubectl("delete", "serviceaccount", "later", "-n", app)
    standin.wait_roles(blue, app, {**default, "kept": "reader-role"})
    bound = kube.wait_condition(blue, app, "reader")
    wanted = len(default) + 1
    assert (bound["status"]["serviceAccounts"], bound["status"]["bound"]) == (
        f"{wanted} selected",
        f"{wanted}/{wanted}",
    )


@pytest.mark.smoke
def test_a_label_adds_and_removes(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue, "--absence-grace=1s")
    kube.kubectl_apply(blue, [kube.service_account(app, name) for name in ("one", "two")])
    apply_binding(blue, app, account={"matchLabels": {"queue": "work"}})
    bound = kube.wait_condition(blue, app, "reader", reason="NothingSelected")
    assert (bound["status"]["bound"], bound["status"]["access"]) == ("0/0", "none")
    for name in ("one", "two"):
        label(blue, app, name, queue="work")
    standin.wait_roles(blue, app, {"one": "reader-role", "two": "reader-role"})
    label(blue, app, "one", queue=None)
    standin.wait_roles(blue, app, {"two": "reader-role"})


def test_an_account_that_is_back_within_the_grace_loses_nothing(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue, "--absence-grace=2s")
    kube.kubectl_apply(blue, [kube.service_account(app, name, queue="work") for name in ("back", "gone")])
    apply_binding(blue, app, account={"matchLabels": {"queue": "work"}})
    standin.wait_roles(blue, app, {"back": "reader-role", "gone": "reader-role"})
    held = standin.association(blue, app, "back")
    label(blue, app, "back", queue="rest")
    kube.wait_condition(blue, app, "reader", reason="Ready")
    wait_for(lambda: kube.get_binding(blue, app, "reader")["status"]["wanted"] == 1, 30, "podbind to see the label")
    label(blue, app, "gone", queue="rest")
    label(blue, app, "back", queue="work")
    standin.wait_roles(blue, app, {"back": "reader-role"})  # the grace of "gone", which left later, is over
    assert standin.association(blue, app, "back") == held
    assert standin.counters()["DeletePodIdentityAssociation"] == {"ok": 1}


def test_the_same_folder_gives_the_same_access_on_both(blue, green, standin, operator):
    clusters = (blue, green)
    try:
        for cluster in clusters:
            operator(cluster)
            kube.kubectl_apply(cluster, ROOT / "examples" / "blue-green")
        for cluster in clusters:
            kube.wait_all_ready(cluster, "app", 1)
            kube.wait_all_ready(cluster, "jobs", 1)
        shown = [{row["metadata"]["name"]: row["status"]["access"] for row in kube.list_bindings(c)} for c in clusters]
        assert shown[0] == shown[1]
        assert len(set(shown[0].values())) == 2 and all(len(access) == 8 for access in shown[0].values())
        for cluster in clusters:
            assert standin.roles(cluster, "app") == {"app-sa": "read-dynamodb-role"}
            assert standin.roles(cluster, "jobs") == {"mailer": "read-queue-role", "resizer": "read-queue-role"}
        kept = standin.associations(green)
        blue.kubectl("delete", "-f", ROOT / "examples" / "blue-green" / "10-app.yaml")
        standin.wait_roles(blue, "app", {})
        assert standin.associations(green) == kept
    finally:
        for cluster in clusters:
            kube.wipe(cluster, "app", "jobs")


@pytest.mark.parametrize("field", ["sessionTags", "sessionPolicy", "targetRole", "tags"])
def test_a_field_can_be_changed_and_cleared(blue, standin, operator, namespace, field):
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    specs = {
        "sessionTags": ("Disabled", "Enabled", lambda held: held["disableSessionTags"]),
        "sessionPolicy": (json.dumps(policy), None, lambda held: json.loads(held.get("policy") or "{}") == policy),
        "targetRole": ({"arn": f"{ROLE_ARN}far"}, None, lambda held: held.get("targetRoleArn") == f"{ROLE_ARN}far"),
        "tags": ({"team": "data"}, None, lambda held: held["tags"].get("team") == "data"),
    }
    value, cleared, holds = specs[field]
    app = namespace(blue)
    operator(blue)
    fixed = {"sessionTags": "Disabled"} if field == "sessionPolicy" else {}
    apply_binding(blue, app, **fixed)
    kube.wait_condition(blue, app, "reader")
    assert not holds(standin.association(blue, app, "app-sa"))
    kube.patch_binding(blue, app, "reader", **{field: value})
    wait_for(lambda: holds(standin.association(blue, app, "app-sa")), 30, f"EKS to hold {field}")
    kube.wait_condition(blue, app, "reader")
    kube.patch_binding(blue, app, "reader", **{field: cleared})
    wait_for(lambda: not holds(standin.association(blue, app, "app-sa")), 30, f"EKS to have {field} cleared")
    kube.wait_condition(blue, app, "reader")
