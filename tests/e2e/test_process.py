# SPDX-License-Identifier: Apache-2.0
"""The operator as a process: ended, replaced, slowed down, at rest, and with a thousand bindings."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from lib import chart, kube, rights

from child import wait_for

MUTATING = ("create", "update", "patch", "delete", "deletecollection")
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{kube.OPERATOR_NAMESPACE}/leases/podbind"


def apply_many(cluster, namespace, count, role="reader-role"):
    rows = [kube.binding(namespace, f"b{i:04d}", f"sa{i:04d}", role) for i in range(count)]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": rows})
    cluster.kubectl("create", "-f", "-", stdin=text)


def holder(cluster) -> str:
    status, lease = cluster.api("GET", LEASE)
    return lease["spec"].get("holderIdentity") or "" if status == 200 else ""


def count_passes(child) -> float:
    return sum(v for k, v in child.metrics().items() if k.startswith("controller_runtime_reconcile_total"))


@pytest.mark.smoke
def test_sigterm_ends_it_within_five_seconds_and_frees_the_lease(blue, standin, operator, namespace):
    app = namespace(blue)
    child = operator(blue, "--lease-identity=podbind-0")
    wait_for(lambda: holder(blue) == "podbind-0", 20, "the lease to be held")
    standin.settings(latency="3s")
    apply_many(blue, app, 20)
    wait_for(lambda: standin.control("GET", "counters")["inFlight"] > 0, 20, "calls under way", every=0.01)
    start = time.monotonic()
    assert child.terminate() == 0
    assert time.monotonic() - start < 5
    assert holder(blue) == ""


def test_a_settled_cluster_is_left_in_peace(blue, standin, operator, namespace):
    app = namespace(blue)
    child = operator(blue, "--existence-interval=1s", "--describe-interval=1s", "--describe-rate=20")
    apply_many(blue, app, 5)
    kube.kubectl_apply(blue, kube.service_account(app, "work", queue="work"))
    kube.kubectl_apply(blue, kube.binding(app, "selected", {"matchLabels": {"queue": "work"}}, "reader-role"))
    kube.kubectl_apply(blue, kube.binding(app, "loser", "sa0001", "other-role"))
    kube.wait_condition(blue, app, "loser", status="False", reason="Conflict")
    kube.wait_condition(blue, app, "selected")

    settle = count_passes(child) + 2
    wait_for(lambda: count_passes(child) >= settle, 30, "two passes in which all comes to rest")
    calls, mutations = len(list(blue.audit())), standin.mutations()
    start = count_passes(child)
    wait_for(lambda: count_passes(child) >= start + 3, 30, "three passes over the settled cluster")
    records = [r for r in list(blue.audit())[calls:] if r.get("userAgent", "").startswith("podbind/")]
    writes = [(r["verb"], r["requestURI"].partition("?")[0]) for r in records if r["verb"] in MUTATING]
    assert set(writes) == {("update", LEASE)}
    assert standin.mutations() == mutations


@pytest.mark.smoke
def test_a_throttled_account_gets_there(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.settings(rate=5, burst=5)
    operator(blue)
    apply_many(blue, app, 30)
    kube.wait_all_ready(blue, app, 30)
    calls = standin.counters()["CreatePodIdentityAssociation"]
    assert calls["ok"] == 30
    assert len(standin.roles(blue, app)) == 30


def test_writes_that_show_late_are_not_repeated(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.settings(propagation="3s")
    operator(blue, "--existence-interval=1s")
    apply_many(blue, app, 5)
    kube.wait_all_ready(blue, app, 5)
    kube.patch_binding(blue, app, "b0000", role={"name": "other-role"})
    kube.delete_binding(blue, app, "b0001")
    kube.wait_gone(blue, app, "b0001")
    kube.wait_condition(blue, app, "b0000")
    wait_for(lambda: standin.association(blue, app, "sa0001") is None, 30, "the deletion")
    counters = standin.counters()
    assert counters["CreatePodIdentityAssociation"] == {"ok": 5}
    assert counters["UpdatePodIdentityAssociation"] == {"ok": 1}
    assert counters["DeletePodIdentityAssociation"] == {"ok": 1}


def usage(pid: int) -> tuple[float, dict[str, int]]:
    """CPU seconds so far, and memory in KiB."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    memory = dict(re.findall(r"^(RssAnon|VmHWM):\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M))
    return ticks / os.sysconf("SC_CLK_TCK"), {name: int(size) for name, size in memory.items()}


def calls_to(standin, operation: str) -> int:
    return sum(standin.counters().get(operation, {}).values())


def assert_quiet(blue, standin, child, passes=3, pages=10):
    """Nothing is written while EKS is listed so many times, and no more is read than that takes."""
    lists, describes, mutations = "ListPodIdentityAssociations", "DescribePodIdentityAssociation", standin.mutations()
    next_list = calls_to(standin, lists) + 1
    wait_for(lambda: calls_to(standin, lists) >= next_list, 30, "the next List to begin")
    records, listed, described = (
        len(rights.records_of(blue, chart.USER)), calls_to(standin, lists), calls_to(standin, describes),
    )  # fmt: skip
    start, before = time.monotonic(), count_passes(child)
    wait_for(lambda: calls_to(standin, lists) >= listed + passes * pages, 60, f"{passes} Lists of {pages} pages")
    wait_for(lambda: count_passes(child) >= before + passes, 60, f"{passes} passes")
    seconds = time.monotonic() - start
    new = rights.records_of(blue, chart.USER)[records:]
    writes = [(r["verb"], r["requestURI"].partition("?")[0]) for r in new if r["verb"] in MUTATING]
    assert set(writes) == {("update", LEASE)}
    assert len(writes) < seconds / 2 + 3
    assert standin.mutations() == mutations
    assert calls_to(standin, lists) - listed <= (passes + 1) * pages
    assert calls_to(standin, describes) - described <= seconds + 3, "--describe-rate is 1"
    assert calls_to(standin, "DescribeCluster") <= 2


def test_a_thousand_bindings_become_ready_and_are_left_in_peace(blue, standin, operator, namespace, capsys):
    kube.install_crd(blue)
    app = namespace(blue)
    apply_many(blue, app, 1000)
    start = time.monotonic()
    child = operator(blue, "--existence-interval=5s")
    wait_for(lambda: child.metrics().get('podbind_bindings{reason="Ready"}') == 1000, 120, "1,000 Ready bindings")
    seconds = time.monotonic() - start
    cpu, memory = usage(child.pid)
    kube.wait_all_ready(blue, app, 1000)
    calls = {name: sum(outcomes.values()) for name, outcomes in standin.counters().items()}
    with capsys.disabled():
        print(
            f"\n1,000 bindings Ready after {seconds:.1f} s: {cpu:.2f} s of CPU, "
            f"RssAnon {memory['RssAnon'] / 1024:.1f} MiB, VmHWM {memory['VmHWM'] / 1024:.1f} MiB, EKS calls {calls}"
        )
    assert standin.counters()["CreatePodIdentityAssociation"] == {"ok": 1000}
    assert len(standin.roles(blue, app)) == 1000
    assert_quiet(blue, standin, child)
