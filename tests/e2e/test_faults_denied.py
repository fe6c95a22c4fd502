# SPDX-License-Identifier: Apache-2.0
"""An IAM policy that lacks one action, each in turn: podbind says which, asks seldom, and goes on by itself once the
policy is mended. Every action has an operator, a stand-in and a namespace of its own, and all of them run at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lib import kube, policy
from lib.operator import Operator
from lib.standin import Standin

from child import wait_for
from cluster import ControlPlane

LOOK_SECONDS = 10  # from the first refusal on
MOST_CALLS = 6  # of the denied operation in that time: a back-off that doubles from a second makes no more
LEASE = ("--lease-duration=30s", "--lease-renew-deadline=20s", "--lease-retry-period=5s")  # on a busy machine
CLUSTER = "arn:aws:eks:us-west-2:111122223333:cluster/eks-blue"
ASSOCIATIONS = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/eks-blue/"


@dataclass
class Case:
    """What lacks an action, and how it comes to need it."""

    resource: str
    change: Callable[[Rig], None] | None  # of a settled binding; None: a start is enough
    mended: Callable[[Rig], bool]
    operation: str = ""  # where it is not the action's own name
    names: str = ""  # what stands for the resource in the sentence


@dataclass
class Rig:
    cluster: ControlPlane
    directory: Path
    action: str
    case: Case
    calls: int = 0
    said: str = ""
    standin: Standin = field(init=False)
    operator: Operator = field(init=False)

    def __post_init__(self) -> None:
        name = self.action.replace(":", "-").lower()
        self.namespace = f"denied-{name}-{time.time_ns() % 1_000_000}"
        self.standin = Standin(self.directory / f"{name}.standin.log", [self.cluster.name])
        flags = [
            f"--kubeconfig={self.cluster.kubeconfig()}", f"--cluster-name=eks-{self.cluster.name}",
            f"--watch-namespaces={self.namespace}", f"--lease-name={self.namespace}", *LEASE,
        ]  # fmt: skip
        self.operator = Operator(name, flags, self.directory / f"{name}.log", self.standin.aws_environment())

    @property
    def operation(self) -> str:
        return self.case.operation or self.action.split(":")[1]

    def sentence(self) -> tuple[str, str]:
        return self.action, self.case.names or self.case.resource

    def begin(self) -> None:
        """A settled binding, unless a start is enough."""
        self.standin.__enter__()
        kube.kubectl_apply(self.cluster, kube.namespace(self.namespace))
        if not self.case.change:
            self.deny()
        self.operator.start()
        self.create("reader", "app-sa")

    def create(self, name: str, account: str, role: str = "reader-role") -> None:
        kube.kubectl_apply(self.cluster, kube.binding(self.namespace, name, account, role))

    def patch(self, **spec: object) -> None:
        kube.patch_binding(self.cluster, self.namespace, "reader", **spec)

    def deny(self) -> None:
        self.standin.deny(self.cluster.name, self.action)

    def need(self) -> None:
        """From here on it lacks the action."""
        if self.case.change:
            kube.wait_condition(self.cluster, self.namespace, "reader", seconds=60)
            self.deny()
            self.case.change(self)

    def denied(self) -> list[dict]:
        """The refusals of the first LOOK_SECONDS."""
        rows = [row for row in self.standin.requests() if row["operation"] == self.operation and row["status"] == 403]
        return [row for row in rows if row["at"] <= rows[0]["at"] + LOOK_SECONDS]

    def texts(self) -> str:
        """Everything that a person may read: conditions, and the log."""
        rows = kube.list_bindings(self.cluster, self.namespace)
        said = [row["message"] for bound in rows for row in bound.get("status", {}).get("conditions", [])]
        return "\n".join([*said, self.operator.log.read_text()])

    def end(self) -> None:
        self.standin.deny(self.cluster.name)
        self.operator.terminate()
        self.operator.kill()
        print(f"the end of {self.operator.log}:\n{self.operator.tail()}")
        kube.wipe(self.cluster, self.namespace)
        self.standin.kill()

    # States that show that it goes on

    def ready(self, name: str, condition: str = "Ready") -> bool:
        bound = kube.get_binding(self.cluster, self.namespace, name)
        return kube.conditions(bound).get(condition, {}).get("status") == "True"

    def trusted(self, name: str) -> bool:
        """Looked at anew, as the documents tell people who have mended something."""
        words = ("--overwrite", f"podbind.dev/reconcile-at={time.time()}")
        self.cluster.kubectl("annotate", "pib", name, "-n", self.namespace, *words)
        return self.ready(name, "RoleTrusted")

    def held(self) -> dict:
        return self.standin.association(self.cluster, self.namespace, "app-sa") or {}


def untag(rig: Rig) -> None:
    """The tag is there, and then nobody wants it any more."""
    rig.patch(tags=None)


def second(rig: Rig) -> None:
    rig.create("second", "second-sa")


ROLE = "arn:aws:iam::111122223333:role/reader-role"
CASES = {
    "eks:DescribeCluster": Case(CLUSTER, None, lambda rig: rig.ready("reader")),
    "eks:ListPodIdentityAssociations": Case(CLUSTER, None, lambda rig: rig.ready("reader")),
    "eks:CreatePodIdentityAssociation": Case(CLUSTER, second, lambda rig: rig.ready("second")),
    "eks:DescribePodIdentityAssociation": Case(
        ASSOCIATIONS,
        lambda rig: kube.delete_binding(rig.cluster, rig.namespace, "reader"),
        lambda rig: kube.get_binding(rig.cluster, rig.namespace, "reader") is None,
    ),
    "eks:UpdatePodIdentityAssociation": Case(
        ASSOCIATIONS,
        lambda rig: rig.patch(role={"name": "writer-role"}),
        lambda rig: rig.held()["roleArn"].endswith("/writer-role"),
    ),
    "eks:DeletePodIdentityAssociation": Case(
        ASSOCIATIONS,
        lambda rig: kube.delete_binding(rig.cluster, rig.namespace, "reader"),
        lambda rig: kube.get_binding(rig.cluster, rig.namespace, "reader") is None and not rig.held(),
    ),
    "eks:TagResource": Case(
        ASSOCIATIONS, lambda rig: rig.patch(tags={"team": "data"}), lambda rig: rig.held()["tags"].get("team") == "data"
    ),
    "eks:UntagResource": Case(ASSOCIATIONS, untag, lambda rig: "before" not in rig.held()["tags"]),
    "iam:GetRole": Case(
        "late-role",
        lambda rig: rig.create("second", "second-sa", "late-role"),
        lambda rig: rig.trusted("second"),
    ),
    "iam:PassRole": Case(ROLE, second, lambda rig: rig.ready("second"), operation="CreatePodIdentityAssociation"),
}


@pytest.fixture(scope="module")
def rigs(blue: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Rig]]:
    """All of them with their action missing, and what was seen of each in LOOK_SECONDS."""
    kube.install_crd(blue)
    directory = tmp_path_factory.mktemp("denied")
    made = {action: Rig(blue, directory, action, case) for action, case in CASES.items()}
    try:
        for rig in made.values():
            rig.begin()
        made["eks:UntagResource"].patch(tags={"before": "1"})
        wait_for(lambda: "before" in made["eks:UntagResource"].held().get("tags", {}), 60, "the tag that will go")
        for rig in made.values():
            rig.need()
        for rig in made.values():
            wait_for(rig.denied, 60, f"{rig.action} to be refused")
        time.sleep(LOOK_SECONDS)
        for rig in made.values():
            rig.calls, rig.said = len(rig.denied()), rig.texts()
        for action, rig in made.items():
            assert not rig.case.mended(rig), f"{action} is not needed after all"
            rig.standin.deny(blue.name)
        yield made
    finally:
        for rig in made.values():
            rig.end()


def test_each_action_of_the_policy_is_taken_away_once():
    assert set(CASES) == policy.granted()


@pytest.mark.parametrize("action", CASES)
def test_it_says_which_action_is_missing_and_asks_seldom(rigs, action):
    rig = rigs[action]
    lines = [line for line in rig.said.splitlines() if all(word in line for word in rig.sentence())]
    assert lines, f"nothing says {rig.sentence()}:\n{rig.said}"
    assert 1 <= rig.calls <= MOST_CALLS, f"{rig.operation} was called {rig.calls} times in {LOOK_SECONDS} s"


@pytest.mark.parametrize("action", CASES)
def test_it_goes_on_by_itself_once_the_policy_is_mended(rigs, action):
    rig = rigs[action]
    wait_for(lambda: rig.case.mended(rig), 90, f"{action} to be used again")
    assert rig.operator.running()
