# SPDX-License-Identifier: Apache-2.0
"""A settled cluster whose operator is reached through a fault proxy (or a gate), and what every fault must leave
as it was."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from child import Failed, wait_for
from cluster import ControlPlane

from . import kube
from .operator import Operator
from .standin import Standin

RECOVERY_SECONDS = 20
MIB = 1 << 20
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{kube.OPERATOR_NAMESPACE}/leases"
# A freed block stays in ASan's quarantine; a short one shows what the operator itself holds.
SANITIZERS = {"ASAN_OPTIONS": "quarantine_size_mb=8:strict_string_checks=1"}


class Rig:
    """Bindings b000 and up, one ServiceAccount each, and `selected` with those that carry the label."""

    numbers = itertools.count(1)

    def __init__(
        self, cluster: ControlPlane, directory: Path, kubeconfig: Path, count: int, *flags: str, variant: str = "san",
        seed: int = 1,
    ):  # fmt: skip
        self.cluster, self.count = cluster, count
        self.namespace = f"faults-{next(self.numbers)}-{time.time_ns() % 1_000_000}"
        self.aws = Standin(directory / "standin.log", ["blue", "green"], f"--seed={seed}")
        flags = (f"--kubeconfig={kubeconfig}", f"--cluster-name=eks-{cluster.name}", *flags)
        log = directory / "operator.log"
        self.operator = Operator("podbind", flags, log, {**self.aws.aws_environment(cluster.name), **SANITIZERS}, variant)
        self.edits = itertools.count(1)
        self.peak = 0

    @contextmanager
    def running(self, settled: bool = True) -> Iterator[Rig]:
        try:
            with self.aws:
                kube.kubectl_apply(self.cluster, kube.namespace(self.namespace))
                self.operator.start()
                self.operator.wait_ready()
                if settled:
                    self.settle()
                yield self
                status = self.operator.terminate()
                assert status == 0, f"it ended with {status}:\n{self.operator.tail()}"
                assert self.aws.permissions()["denied"] == {}
        finally:
            self.operator.kill()
            print(f"the end of {self.operator.log}:\n{self.operator.tail()}")
            kube.wipe(self.cluster, self.namespace)
        assert self.operator.reports() == []

    def settle(self) -> None:
        rows = [kube.binding(self.namespace, f"b{i:03d}", f"sa{i:03d}", "role-0") for i in range(self.count - 1)]
        rows.append(kube.binding(self.namespace, "selected", {"matchLabels": {"faults": "yes"}}, "role-0"))
        self.cluster.kubectl(
            "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows})
        )
        kube.wait_all_ready(self.cluster, self.namespace, self.count)

    def edit(self, name: str) -> str:
        """Gives a binding a role that it never had. Returns the role's name."""
        role = f"role-{next(self.edits)}"
        kube.patch_binding(self.cluster, self.namespace, name, role={"name": role})
        return role

    def select(self) -> str:
        """Makes a ServiceAccount that `selected` matches."""
        name = f"selected-{next(self.edits)}"
        account = kube.service_account(self.namespace, name, faults="yes")
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        kube.expect(201, *self.cluster.api("POST", path, account))
        return name

    def touch(self) -> None:
        """Changes an object of each kind in a way that asks for nothing."""
        value = {"metadata": {"annotations": {"touched": str(next(self.edits))}}}
        for path in ("/api/v1/namespaces/{}/serviceaccounts/default", kube.BINDINGS + "/namespaces/{}/podidentitybindings/b002"):
            answer = self.cluster.api("PATCH", path.format(self.namespace), value, kube.MERGE_PATCH)
            kube.expect(200, *answer)

    def held(self) -> dict[tuple[str, str], str]:
        return {key: row["associationId"] for key, row in self.aws.associations(self.cluster).items()}

    def check_nothing_lost(self, held: dict[tuple[str, str], str]) -> None:
        """Each association is the one that it was, and nobody has asked for a Delete."""
        now = self.held()
        assert {key: now.get(key) for key in held} == held
        assert "DeletePodIdentityAssociation" not in self.aws.counters()
        assert self.operator.running(), self.operator.tail()

    def arrived(self, roles: dict[str, str]) -> bool:
        """EKS holds them by ServiceAccount, and the status of their bindings says Ready."""
        holds = self.aws.roles(self.cluster, self.namespace)
        if any(holds.get(account) != role for account, role in roles.items()):
            return False
        for account in roles:
            name = f"b{account[2:]}" if account.startswith("sa") else "selected"
            bound = kube.get_binding(self.cluster, self.namespace, name)
            if kube.conditions(bound).get("Ready", {}).get("status") != "True":
                return False
        return True

    def sees_all(self) -> bool:
        return self.operator.metrics().get('podbind_bindings{reason="Ready"}') == self.count

    def endure(self, fault: AbstractContextManager[Callable[[], object]], cap: int = 0) -> float:
        """Lives through a fault: a context manager that gives a function, true once it has done its work. Edits
        made during it and after it arrive within 20 s of its end, and nothing is lost. Returns the seconds."""
        held = self.held()
        with fault as consumed:
            roles = {"sa000": self.edit("b000")}
            wait_for(consumed, RECOVERY_SECONDS + 5, "the fault to be met", every=0.02)
            self.check_nothing_lost(held)
            self.peak = max(self.peak, self.operator.memory())
        start = time.monotonic()
        roles["sa001"] = self.edit("b001")
        roles[self.select()] = "role-0"
        try:
            wait_for(lambda: self.arrived(roles) and self.sees_all(), RECOVERY_SECONDS, f"{roles} to arrive")
        except Failed as error:
            raise Failed(f"{error}\nEKS: {self.aws.roles(self.cluster, self.namespace)}\n"
                         f"metrics: { {k: v for k, v in self.operator.metrics().items() if k.startswith('podbind')} }\n"
                         f"the end of its log:\n{self.operator.tail(30)}") from None  # fmt: skip
        seconds = time.monotonic() - start
        self.check_nothing_lost(held)
        self.peak = max(self.peak, self.operator.memory())
        if cap:
            assert self.peak < cap, f"{self.peak / MIB:.0f} MiB of {cap / MIB:.0f}"
        return seconds
