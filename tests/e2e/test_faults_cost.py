# SPDX-License-Identifier: Apache-2.0
"""What faults of every tenth call cost in calls: at most a fifth more than none.

Chances come from fixed seeds: 400 calls are too few for a tenth of them to be a tenth each time."""

from __future__ import annotations

import json
import time

import pytest
from lib import faults, kube
from lib.fault_proxy import FaultProxy
from lib.fault_rig import Rig
from lib.faults import Answer, Reset, ResetAfter

MANY = 200
BAD_EKS = [
    {"operation": "*", "probability": 0.025, "kind": "error", "error": "ServerException", "status": 500},
    {"operation": "*", "probability": 0.025, "kind": "error", "error": "ThrottlingException", "status": 429},
    {"operation": "*", "probability": 0.025, "kind": "reset"},
    {"operation": "*", "probability": 0.025, "kind": "reset", "afterEffect": True},
]
BAD_KUBE = [
    Answer(500, faults.status(500, "InternalError")),
    Answer(429, faults.status(429, "TooManyRequests", retryAfterSeconds=1), headers={"Retry-After": "1"}),
    Reset(),
    ResetAfter(),
]


def spend(rig: Rig, proxy: FaultProxy) -> tuple[int, int]:
    """200 bindings converge, and then each changes its role. Calls to EKS, and writes to Kubernetes."""
    rows = [kube.binding(rig.namespace, f"b{i:03d}", f"sa{i:03d}", "role-0") for i in range(MANY)]
    rig.cluster.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": rows}))
    kube.wait_all_ready(rig.cluster, rig.namespace, MANY)
    for row in rows:
        kube.patch_binding(rig.cluster, rig.namespace, row["metadata"]["name"], role={"name": "role-1"})
    kube.wait_all_ready(rig.cluster, rig.namespace, MANY)
    wanted = {f"sa{i:03d}": "role-1" for i in range(MANY)}
    rig.aws.wait_roles(rig.cluster, rig.namespace, wanted)
    time.sleep(1)  # for what might come late
    return sum(sum(row.values()) for row in rig.aws.counters().values()), proxy.writes().total()


@pytest.fixture
def fresh(blue, operator_kubeconfig, tmp_path):
    """fresh(eks, kube): (calls to EKS, writes to Kubernetes) of a new operator and a new EKS with these faults."""
    kube.install_crd(blue)

    def run(name: str, eks: list[dict], rules: list) -> tuple[int, int]:
        directory = tmp_path / name
        directory.mkdir()
        with FaultProxy(blue) as proxy:
            config = kube.kubeconfig_at(operator_kubeconfig(blue), proxy.url, directory / "kubeconfig")
            with Rig(blue, directory, config, MANY).running(settled=False) as rig:
                rig.aws.control("PUT", "faults", eks)
                placed = [
                    proxy.add(rule, path="^(?!.*/leases)", watch=False, probability=0.025, seed=seed)
                    for seed, rule in enumerate(rules, 1)
                ]
                spent = spend(rig, proxy)
                assert len(rig.held()) == MANY
                assert "DeletePodIdentityAssociation" not in rig.aws.counters()
                assert all(rule.hits for rule in placed)
                return spent

    return run


def test_faults_of_every_tenth_call_cost_a_fifth_at_most(fresh, report):
    calls, writes = fresh("none", [], [])
    bad_calls, _ = fresh("eks", BAD_EKS, [])
    _, bad_writes = fresh("kube", [], BAD_KUBE)
    report(
        f"EKS calls {calls}, with faults {bad_calls} ({bad_calls / calls:.2f} x)",
        f"Kubernetes writes {writes}, with faults {bad_writes} ({bad_writes / writes:.2f} x)",
    )
    assert bad_calls <= 1.2 * calls
    assert bad_writes <= 1.2 * writes
