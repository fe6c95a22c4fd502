# SPDX-License-Identifier: Apache-2.0
"""Two replicas: one leads and one stands by, through hand-overs, kills, a pause and the API server's absence.

Each has a ServiceAccount and an access key of its own, so that the logs of both sides tell who wrote."""

from __future__ import annotations

import json
import os
import re
import statistics
import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
from lib import chart, kube, terms
from lib.standin import KEY_ID, Standin

from child import wait_for
from cluster import ControlPlane

FIRST, SECOND = "first", "second"
SECOND_KEY, SECOND_SECRET = "AKIAIOSFODNN7EXAMPLE2", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"
SECOND_RELEASE = "podbind-second"
USERS = {chart.USER: FIRST, f"system:serviceaccount:{kube.OPERATOR_NAMESPACE}:{SECOND_RELEASE}": SECOND}
KEYS = {KEY_ID: FIRST, SECOND_KEY: SECOND}
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{kube.OPERATOR_NAMESPACE}/leases/podbind"


@pytest.fixture
def standin(tmp_path):
    with Standin(tmp_path / "standin.log", ["blue"], f"--credentials={SECOND_KEY}:{SECOND_SECRET}") as aws:
        yield aws


@pytest.fixture(scope="module")
def own_cluster(bin_dir, tmp_path_factory):
    """A blue of this file's own, whose API server may be stopped."""
    with ControlPlane("blue", tmp_path_factory.mktemp("own"), bin_dir) as cluster:
        kube.install_crd(cluster)
        yield cluster
        if not cluster.apiserver.running():
            cluster.start_apiserver()


def holder(cluster) -> str:
    status, lease = cluster.api("GET", LEASE)
    return lease["spec"].get("holderIdentity") or "" if status == 200 else ""


def start_both(cluster, operator, *flags):
    """The first, leading, and the second, standing by."""
    kube.install_crd(cluster)
    first = operator(cluster, *flags, f"--lease-identity={FIRST}")
    wait_for(lambda: holder(cluster) == FIRST, 20, "the first to hold the lease")
    config = chart.kubeconfig(cluster, "lease.name=podbind", release=SECOND_RELEASE)
    key = {"AWS_ACCESS_KEY_ID": SECOND_KEY, "AWS_SECRET_ACCESS_KEY": SECOND_SECRET}
    second = operator(cluster, *flags, f"--lease-identity={SECOND}", kubeconfig=config, **key)
    return first, second


class Records:
    """Of one test: what is in the logs since it was made."""

    def __init__(self, cluster, standin):
        self.cluster, self.standin, self.skip = cluster, standin, sum(1 for _ in cluster.audit())

    def audit(self):
        return list(self.cluster.audit())[self.skip :]

    def holds(self):
        return terms.holds(self.audit(), "podbind")

    def writes(self):
        eks = terms.eks_writes(self.standin.requests(), KEYS)
        return sorted([*terms.kube_writes(self.audit(), USERS), *eks])

    def wait_first_write(self, by, since, seconds):
        """The first write by that one after the moment; the audit log may lag behind a little."""

        def look():
            return next((row for row in self.writes() if row.by == by and row.at > since), None)

        return wait_for(look, seconds, f"a write by the {by} one", every=0.2)

    def assert_all_under_the_lease(self):
        time.sleep(0.5)  # the last audit records
        rows, writes = self.holds(), self.writes()
        assert writes
        assert terms.outside(rows, writes) == []


@contextmanager
def edits(cluster, namespace, every, start=0):
    """Creates bindings, one after the other, while the block runs. Yields their names."""
    over, names = threading.Event(), []

    def create():
        path = f"{kube.BINDINGS}/namespaces/{namespace}/podidentitybindings"
        with closing(cluster.connection()) as connection:
            while not over.wait(every):
                name = f"{start + len(names):04d}"
                body = json.dumps(kube.binding(namespace, f"b{name}", f"sa{name}", "reader-role"))
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 201:
                    names.append(name)

    thread = threading.Thread(target=create)
    thread.start()
    try:
        yield names
    finally:
        over.set()
        thread.join()


def assert_settled(cluster, standin, namespace, count):
    """All Ready, with one association each, none of them made twice or deleted."""
    kube.wait_all_ready(cluster, namespace, count)
    assert standin.roles(cluster, namespace) == {f"sa{i:04d}": "reader-role" for i in range(count)}
    assert standin.counters()["CreatePodIdentityAssociation"]["ok"] == count
    assert "DeletePodIdentityAssociation" not in standin.counters()


def wakeups(pid):
    """How often its threads have gone to sleep."""
    texts = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M)[1]) for text in texts)


@pytest.mark.skipif(os.environ.get("PODBIND_VARIANT") == "tsan", reason="ThreadSanitizer has a thread that wakes up")
def test_at_rest_both_hardly_wake_up(blue, standin, operator, namespace, capsys):
    app = namespace(blue)
    kube.install_crd(blue)  # a first state without any objects would be asked for again
    kube.kubectl_apply(blue, [kube.service_account(app, "one"), kube.binding(app, "one", "one", "reader-role")])
    both = start_both(blue, operator)
    with edits(blue, app, 0.01) as names:
        wait_for(lambda: len(names) >= 50, 30, "50 bindings")
    kube.wait_all_ready(blue, app, len(names) + 1)
    time.sleep(3)
    before, start = [wakeups(child.pid) for child in both], time.monotonic()
    time.sleep(15)
    spent = time.monotonic() - start
    rates = [(wakeups(child.pid) - count) / spent for child, count in zip(both, before, strict=True)]
    with capsys.disabled():
        print(f"\nat rest: {rates[0]:.2f} wake-ups a second while leading, {rates[1]:.2f} while standing by")
    assert max(rates) <= 2


@pytest.mark.smoke
def test_a_planned_hand_over_takes_a_second(blue, standin, operator, namespace, capsys):
    app = namespace(blue)
    records = Records(blue, standin)
    both = start_both(blue, operator)
    took, count = [], 0
    for turn in range(5):
        leader, heir = both if turn % 2 == 0 else both[::-1]
        wait_for(lambda wanted=(FIRST, SECOND)[turn % 2]: holder(blue) == wanted, 20, "the other to lead")
        with edits(blue, app, 0.02, count) as names:
            wait_for(lambda seen=names: len(seen) >= 5, 20, "some edits")
            assert leader.terminate() == 0
            released = wait_for(partial(last_release, records, turn + 1), 20, "the release in the audit log")
            first = records.wait_first_write((SECOND, FIRST)[turn % 2], released, 20)
        took.append(first.at - released)
        count += len(names)
        leader.start()
        leader.wait_ready()
    with capsys.disabled():
        print("\nfrom release to the first write:", ", ".join(f"{value * 1000:.0f} ms" for value in took))
    assert_settled(blue, standin, app, count)
    records.assert_all_under_the_lease()
    assert statistics.median(took) <= 1
    assert max(took) <= 3
    assert heir.metrics()['leader_election_master_status{name="podbind"}'] == 1


def test_without_the_right_to_watch_the_lease_it_asks(blue, standin, operator, namespace):
    app = namespace(blue)
    first = operator(blue, f"--lease-identity={FIRST}")
    wait_for(lambda: holder(blue) == FIRST, 20, "the first to hold the lease")
    config = chart.kubeconfig(blue, "lease.name=podbind", release="podbind-blind")
    verbs = [{"op": "replace", "path": "/rules/1/verbs", "value": ["get", "update"]}]
    role = ("role", "podbind-blind-lease", "-n", kube.OPERATOR_NAMESPACE)
    blue.kubectl("patch", *role, "--type=json", "-p", json.dumps(verbs))
    second = operator(blue, f"--lease-identity={SECOND}", kubeconfig=config)
    wait_for(lambda: "can't be watched" in second.log.read_text(), 20, "a line about the missing right")
    assert first.terminate() == 0
    wait_for(lambda: holder(blue) == SECOND, 10, "the second to hold the lease")
    kube.kubectl_apply(blue, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(blue, app, "later")


def last_release(records, nth):
    """When the nth release came."""
    releases = [row.at for row in records.holds() if row.holder == ""]
    return releases[nth - 1] if len(releases) >= nth else None


def test_after_kills_the_other_or_the_next_goes_on(blue, standin, operator, namespace, capsys):
    app = namespace(blue)
    records = Records(blue, standin)
    standin.settings(latency="200ms")
    first, second = start_both(blue, operator, "--max-in-flight=4")
    with edits(blue, app, 0.2) as names:
        wait_for(lambda: len(standin.roles(blue, app)) >= 5, 20, "some associations")
        killed = time.time()
        first.kill()
        took = records.wait_first_write(SECOND, killed, 25).at - killed
    with capsys.disabled():
        print(f"\nthe other's first write {took:.1f} s after the kill")
    assert took <= 20
    first.start()
    first.wait_ready()
    with edits(blue, app, 0.05, len(names)) as more:
        wait_for(lambda: len(more) >= 30, 20, "more edits")
    first.kill()
    second.kill()
    killed = time.time()
    first.start()
    second.start()
    took = records.wait_first_write(SECOND, killed, 20).at - killed
    with capsys.disabled():
        print(f"both killed: the holder's first write {took:.1f} s after the kill")
    assert took <= 10, "a lease under one's own identity is not to be waited out"
    assert_settled(blue, standin, app, len(names) + len(more))
    records.assert_all_under_the_lease()


def test_a_stopped_leader_writes_nothing_outside_its_lease(blue, standin, operator, namespace, capsys):
    app = namespace(blue)
    records = Records(blue, standin)
    standin.settings(latency="500ms")
    first, second = start_both(blue, operator, "--max-in-flight=4")
    with edits(blue, app, 0.001) as names:
        wait_for(lambda: len(names) >= 60, 20, "a backlog")
    wait_for(lambda: len(standin.roles(blue, app)) >= 10, 30, "work under way", every=0.01)
    paused = time.time()
    first.pause()
    assert len(standin.roles(blue, app)) < len(names) - 20, "there is to be work for it when it wakes up"
    with edits(blue, app, 0.2, len(names)) as more:
        took = records.wait_first_write(SECOND, paused, 25).at - paused
        time.sleep(max(0, paused + 30 - time.time()))
        assert len(standin.roles(blue, app)) < len(names) + len(more), "there is to be work still"
        first.resume()
        assert first.wait_end(15) == 1
    standin.settings(latency="0s")
    with capsys.disabled():
        print(f"\nthe other's first write {took:.1f} s after the leader was stopped")
    assert took <= 20
    first.start()
    first.wait_ready()
    assert_settled(blue, standin, app, len(names) + len(more))
    records.assert_all_under_the_lease()
    assert holder(blue) == SECOND


def test_without_an_api_server_the_lease_is_lost(own_cluster, standin, operator, namespace):
    app = namespace(own_cluster)
    records = Records(own_cluster, standin)
    first, second = start_both(own_cluster, operator, "--existence-interval=1s")
    with edits(own_cluster, app, 0.02) as names:
        wait_for(lambda: len(names) >= 5, 20, "some edits")
    kube.wait_all_ready(own_cluster, app, len(names))
    stopped = time.monotonic()
    own_cluster.stop_apiserver()
    assert first.wait_end(20) == 1
    standin.delete_association(own_cluster, app, "sa0000")
    time.sleep(max(0, stopped + 25 - time.monotonic()))
    assert second.running()
    assert "sa0000" not in standin.roles(own_cluster, app), "nobody holds the lease"
    own_cluster.start_apiserver()
    first.start()
    with edits(own_cluster, app, 0.1, len(names)) as more:
        wait_for(lambda: len(more) >= 3, 20, "more edits")
    first.wait_ready()
    wait_for(lambda: "sa0000" in standin.roles(own_cluster, app), 30, "the association to be back")
    count = len(names) + len(more)
    kube.wait_all_ready(own_cluster, app, count)
    assert len(standin.roles(own_cluster, app)) == count
    assert standin.counters()["CreatePodIdentityAssociation"] == {"ok": count + 1}
    records.assert_all_under_the_lease()
