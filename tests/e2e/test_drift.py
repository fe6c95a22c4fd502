# SPDX-License-Identifier: Apache-2.0
"""What is changed in EKS by hand, and what was there before podbind."""

from __future__ import annotations

import pytest
from lib import kube

from child import wait_for

ROLE_ARN = "arn:aws:iam::111122223333:role/"
HURRY = ("--existence-interval=1s", "--describe-interval=1s", "--describe-rate=20")
FOREIGN = {"roleArn": f"{ROLE_ARN}somebody-elses", "tags": {"made": "by hand"}}
ADD_ON = {**FOREIGN, "ownerArn": "arn:aws:eks:us-west-2:111122223333:addon/eks-blue/vpc-cni/12345678"}


@pytest.fixture
def settled(blue, standin, operator, namespace):
    """An association that no podbind has written to lately: the one that runs has come after it was made.
    Within a minute of its own write a podbind takes another content for a late answer of EKS."""
    app = namespace(blue)
    maker = operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role", tags={"team": "data"}))
    kube.wait_condition(blue, app, "reader")
    assert maker.terminate() == 0

    def described():
        return standin.counters().get("DescribePodIdentityAssociation", {}).get("ok", 0)

    before = described()
    operator(blue, *HURRY)
    wait_for(lambda: described() > before, 30, "podbind to know the association")
    return app


def drop(standin, blue, app):
    standin.delete_association(blue, app, "app-sa")


def turn(standin, blue, app):
    standin.change_association(blue, app, "app-sa", roleArn=f"{ROLE_ARN}other-role")


def chain(standin, blue, app):
    standin.change_association(blue, app, "app-sa", targetRoleArn=f"{ROLE_ARN}far")


def untag(standin, blue, app):
    tags = standin.association(blue, app, "app-sa")["tags"]
    standin.change_association(blue, app, "app-sa", tags={k: v for k, v in tags.items() if k != "team"})


def retag(standin, blue, app):
    tags = standin.association(blue, app, "app-sa")["tags"]
    standin.change_association(blue, app, "app-sa", tags={**tags, "team": "other", "more": "yes"})


@pytest.mark.parametrize("by_hand", [drop, turn, chain, untag, retag], ids=lambda function: function.__name__)
def test_drift_is_repaired(blue, standin, settled, by_hand):
    def content():
        held = standin.association(blue, settled, "app-sa")
        return held and {name: held.get(name) for name in ("roleArn", "targetRoleArn", "tags")}

    before = content()
    by_hand(standin, blue, settled)
    assert content() != before
    wait_for(lambda: content() == before, 30, f"podbind to restore {before}")
    kube.wait_condition(blue, settled, "reader")


def test_who_is_undone_again_and_again_gives_way(blue, standin, settled):
    """Each of our writes lies over what EKS shows for a minute, so three reverts take two and more, unless
    modifiedAt tells."""

    def undo():
        held = standin.association(blue, settled, "app-sa")
        if held["roleArn"].endswith("/reader-role"):
            turn(standin, blue, settled)
        found = kube.conditions(kube.get_binding(blue, settled, "reader")).get("Ready", {})
        return found if found.get("reason") == "Contested" else None

    ready = wait_for(undo, 240, "podbind to give way", every=0.2)
    assert f"from {ROLE_ARN}reader-role back to {ROLE_ARN}other-role" in ready["message"]
    assert "Terraform" in ready["message"] and "written again at 20" in ready["message"]
    before = standin.mutations()
    described = standin.counters()["DescribePodIdentityAssociation"]["ok"]
    wait_for(lambda: standin.counters()["DescribePodIdentityAssociation"]["ok"] >= described + 5, 30, "five more looks")
    assert standin.mutations() == before
    blue.kubectl("annotate", "pib", "reader", "-n", settled, "podbind.dev/reconcile-at=now")
    kube.wait_condition(blue, settled, "reader")
    assert standin.roles(blue, settled) == {"app-sa": "reader-role"}


def test_an_association_without_our_tag_is_no_longer_ours(blue, standin, settled):
    standin.change_association(blue, settled, "app-sa", tags={"made": "by hand"})
    held = standin.association(blue, settled, "app-sa")
    bound = kube.wait_condition(blue, settled, "reader", status="False", reason="KeyTaken")
    message = kube.conditions(bound)["Ready"]["message"]
    assert held["associationId"] in message and "was this binding's" in message
    assert [row["id"] for row in bound["status"]["associations"]] == [held["associationId"]]
    # The finalizer may stay for the first 75 s of a new leader: what goes or stays shows before.
    kube.delete_binding(blue, settled, "reader")
    lists = standin.counters()["ListPodIdentityAssociations"]["ok"]
    wait_for(lambda: standin.counters()["ListPodIdentityAssociations"]["ok"] >= lists + 3, 30, "three looks at EKS")
    assert standin.association(blue, settled, "app-sa") == held


def test_what_was_taken_away_unseen_is_not_deleted(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue, "--describe-interval=1h")
    kube.kubectl_apply(blue, [kube.binding(app, name, f"{name}-sa", "reader-role") for name in ("lost", "kept")])
    kube.wait_all_ready(blue, app, 2)
    tags = standin.association(blue, app, "kept-sa")["tags"]
    standin.change_association(blue, app, "kept-sa", tags={**tags, "podbind.dev/retain": "true"})
    standin.change_association(blue, app, "lost-sa", tags={"made": "by hand"})
    for name in ("lost", "kept"):
        kube.delete_binding(blue, app, name)
    for name in ("lost", "kept"):
        kube.wait_gone(blue, app, name, seconds=75)  # for a minute it may be EKS that lags behind our Create
    assert set(standin.roles(blue, app)) == {"lost-sa", "kept-sa"}
    assert "DeletePodIdentityAssociation" not in standin.counters()


@pytest.mark.parametrize(("there", "reason"), [(FOREIGN, "KeyTaken"), (ADD_ON, "AddOnOwned")])
def test_what_stands_under_the_key_is_left_alone(blue, standin, operator, namespace, there, reason):
    app = namespace(blue)
    standin.put_association(blue, app, "app-sa", **there)
    held = standin.association(blue, app, "app-sa")
    operator(blue, *HURRY)
    adoption = "Always" if reason == "AddOnOwned" else "Never"
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role", adoption=adoption))
    kube.kubectl_apply(blue, kube.binding(app, "beside", "other-sa", "reader-role"))
    bound = kube.wait_condition(blue, app, "reader", status="False", reason=reason)
    assert held["associationId"] in kube.conditions(bound)["Ready"]["message"]
    kube.wait_condition(blue, app, "beside")
    assert standin.association(blue, app, "app-sa") == held
    kube.delete_binding(blue, app, "reader")
    kube.wait_gone(blue, app, "reader")
    assert standin.association(blue, app, "app-sa") == held


def test_a_key_that_is_taken_becomes_ours_when_it_is_free(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.put_association(blue, app, "app-sa", **FOREIGN)
    operator(blue, *HURRY)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader", status="False", reason="KeyTaken")
    standin.delete_association(blue, app, "app-sa")
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}


@pytest.mark.parametrize("adoption", ["SameAccess", "Always"])
def test_adoption_takes_over_what_stands_there(blue, standin, operator, namespace, adoption):
    app = namespace(blue)
    role = "reader-role" if adoption == "SameAccess" else "somebody-elses"
    standin.put_association(blue, app, "app-sa", roleArn=ROLE_ARN + role, tags={"made": "by hand"})
    held = standin.association(blue, app, "app-sa")
    if adoption == "Always":
        standin.allow("blue", "adoption")
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role", adoption=adoption))
    kube.wait_condition(blue, app, "reader")
    taken = standin.association(blue, app, "app-sa")
    assert (taken["associationId"], taken["roleArn"]) == (held["associationId"], f"{ROLE_ARN}reader-role")
    assert taken["tags"]["podbind.dev/owner"].endswith("/podbind")


def test_two_bindings_for_one_key_the_older_holds_it(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "older", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "older")
    wait_for_next_second(blue, app)
    kube.kubectl_apply(blue, kube.binding(app, "newer", "app-sa", "writer-role"))
    lost = kube.wait_condition(blue, app, "newer", status="False", reason="Conflict")
    assert "'older'" in kube.conditions(lost)["Ready"]["message"]
    holder = kube.wait_condition(blue, app, "older", type="Accepted", reason="ConflictHolder")
    assert kube.conditions(holder)["Ready"]["status"] == "True"
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}
    held = standin.association(blue, app, "app-sa")
    kube.delete_binding(blue, app, "newer")
    kube.wait_gone(blue, app, "newer")
    assert standin.association(blue, app, "app-sa") == held


def test_the_loser_of_a_conflict_takes_over_without_a_gap(blue, standin, operator, namespace):
    app = namespace(blue)
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "older", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "older")
    held = standin.association(blue, app, "app-sa")
    wait_for_next_second(blue, app)
    kube.kubectl_apply(blue, kube.binding(app, "newer", "app-sa", "writer-role"))
    kube.wait_condition(blue, app, "newer", status="False", reason="Conflict")
    kube.delete_binding(blue, app, "older")
    kube.wait_gone(blue, app, "older")
    bound = kube.wait_condition(blue, app, "newer")
    taken = standin.association(blue, app, "app-sa")
    assert (taken["associationId"], taken["roleArn"]) == (held["associationId"], f"{ROLE_ARN}writer-role")
    assert taken["tags"]["podbind.dev/binding"] == bound["metadata"]["uid"]
    assert "DeletePodIdentityAssociation" not in standin.counters()


def wait_for_next_second(blue, app):
    """creationTimestamp has seconds; within one the name decides who is older."""
    made = kube.get_binding(blue, app, "older")["metadata"]["creationTimestamp"]

    def later():
        probe = kube.service_account(app, "clock")
        answer = blue.api("POST", f"/api/v1/namespaces/{app}/serviceaccounts?dryRun=All", probe)[1]
        return answer["metadata"]["creationTimestamp"] > made

    wait_for(later, 5, "the next second of the API server's clock")


def test_accounts_of_podbinds_own_namespace_are_refused(blue, standin, operator):
    operator(blue)
    own = kube.OPERATOR_NAMESPACE
    kube.kubectl_apply(blue, kube.binding(own, "itself", "podbind", "reader-role"))
    kube.wait_condition(blue, own, "itself", type="Accepted", status="False", reason="Refused")
    assert standin.mutations() == 0
    assert not kube.get_binding(blue, own, "itself")["metadata"].get("finalizers")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::999988887777:role/of-another-account",
        "arn:aws-cn:iam::111122223333:role/of-another-partition",
    ],
    ids=lambda arn: arn.split("/")[1],
)
def test_roles_that_are_always_refused(blue, standin, operator, namespace, arn):
    app = namespace(blue)
    operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", arn))
    kube.wait_condition(blue, app, "reader", type="Accepted", status="False", reason="Refused")
    assert standin.mutations() == 0


def test_the_operator_of_blue_given_green_writes_nothing(blue, green, standin, operator, namespace):
    app = namespace(blue)
    lost = operator(blue, "--cluster-name=eks-green", wait=False)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    bound = kube.wait_condition(blue, app, "reader", status="False", reason="WrongCluster")
    assert standin.mutations() == 0
    assert not bound["metadata"].get("finalizers")
    status, text = lost.get("/readyz")
    assert status == 503 and "eks-green" in text
    assert lost.get("/healthz")[0] == 200
