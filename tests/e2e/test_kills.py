# SPDX-License-Identifier: Apache-2.0
"""Killed, cut off and frozen while it works: the operator, the API server, etcd. What comes out is what would
have come out without."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest
from lib import kube

from child import wait_for
from cluster import ControlPlane

FOREIGN = {"roleArn": "arn:aws:iam::111122223333:role/somebody-elses", "tags": {"made": "by hand"}}
SLOW = ("--max-in-flight=4", "--lease-identity=podbind-0")
PATIENT = ("--lease-duration=60s", "--lease-renew-deadline=50s")  # on a busy machine a start of the API server lasts
RECOVERED = 20  # seconds after the trouble is over
KILLS = 10


@pytest.fixture(scope="module")
def frail(bin_dir, tmp_path_factory):
    """A blue of this file's own, whose API server and etcd may be stopped."""
    with ControlPlane("blue", tmp_path_factory.mktemp("frail"), bin_dir) as cluster:
        yield cluster


def create_many(cluster, namespace, prefix, count, role="reader-role"):
    """Sooner than kubectl would, and than podbind makes them slowly."""
    path = f"{kube.BINDINGS}/namespaces/{namespace}/podidentitybindings"
    with closing(cluster.connection()) as connection:
        for i in range(count):
            row = kube.binding(namespace, f"{prefix}-b{i:02d}", f"{prefix}-sa{i:02d}", role)
            connection.request("POST", path, json.dumps(row), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            kube.expect(201, answer.status, answer.read())
    return {f"{prefix}-sa{i:02d}": role for i in range(count)}


def created(standin) -> int:
    return standin.counters().get("CreatePodIdentityAssociation", {}).get("ok", 0)


def effects(standin) -> dict[str, dict[str, int]]:
    """How the calls that change EKS ended."""
    verbs = ("Create", "Update", "Delete", "Tag", "Untag")
    return {name: row for name, row in standin.counters().items() if name.startswith(verbs)}


def roles_of(held: dict) -> dict[str, str]:
    return {key[1]: row["roleArn"].split(":role/")[1] for key, row in held.items()}


def settle_calls(standin):
    wait_for(lambda: standin.control("GET", "counters")["inFlight"] == 0, 10, "no call under way", every=0.01)


def count_relists(child) -> float:
    return child.metrics()['podbind_relists_total{resource="podidentitybindings"}']


def test_ten_kills_while_fifty_converge(blue, standin, operator, namespace):
    """Each round: 50 new bindings, changes and deletions of earlier ones, and a kill -9 when a certain number
    of the 50 was made, another number each time."""
    app = namespace(blue)
    standin.put_association(blue, app, "foreign", **FOREIGN)
    standin.put_association(blue, "elsewhere", "foreign", **FOREIGN)
    foreign = standin.associations(blue)
    child = operator(blue, *SLOW)
    kube.kubectl_apply(blue, kube.binding(app, "taken", "foreign", "reader-role"))
    kube.wait_condition(blue, app, "taken", status="False", reason="KeyTaken")
    wanted, ended, moments = {}, {}, []
    for number in range(KILLS):
        before = created(standin)
        standin.settings(latency="100ms")
        child.pause()
        for i in range(3) if number else ():
            kube.patch_binding(blue, app, f"r{number - 1}-b{i:02d}", role={"name": f"role-{number}"})
            wanted[f"r{number - 1}-sa{i:02d}"] = f"role-{number}"
        if number:
            kube.delete_binding(blue, app, f"r{number - 1}-b49")
            ended |= {f"r{number - 1}-sa49": wanted.pop(f"r{number - 1}-sa49")}
        wanted |= create_many(blue, app, f"r{number}", 50)
        child.resume()
        aim = 1 + number * 48 // KILLS
        wait_for(lambda: created(standin) >= before + aim, 30, f"{aim} of 50", every=0.005)  # noqa: B023
        child.kill()
        settle_calls(standin)
        moments.append(created(standin) - before)
        assert 0 < moments[-1] < 50
        standin.settings(latency="10ms")
        child.start()
        wait_for(lambda: wanted.items() <= standin.roles(blue, app).items(), 30, "all that is wanted")  # noqa: B023
        assert standin.roles(blue, app).items() <= (wanted | ended | roles_of(foreign)).items()
    assert moments[0] < 20 and moments[-1] > 35, f"the moments must spread: {moments}"
    # Who takes over deletes nothing for 75 s: a call of the one before may be under way yet.
    wait_for(lambda: len(kube.list_bindings(blue, app)) == len(wanted) + 1, 120, "the deleted bindings to go")
    kube.delete_binding(blue, app, "taken")
    kube.wait_all_ready(blue, app, len(wanted))
    held = standin.associations(blue)
    assert {key: held.pop(key) for key in foreign} == foreign
    assert roles_of(held) == wanted
    assert effects(standin) == {
        "CreatePodIdentityAssociation": {"ok": 50 * KILLS},
        "UpdatePodIdentityAssociation": {"ok": 3 * (KILLS - 1)},
        "DeletePodIdentityAssociation": {"ok": KILLS - 1},
    }


@pytest.mark.parametrize("graceful", [True, False], ids=["gracefully", "at-once"])
def test_the_api_server_is_away_while_a_hundred_converge(frail, standin, operator, namespace, graceful):
    app = namespace(frail)
    child = operator(frail, *SLOW, *PATIENT)
    standin.settings(latency="100ms")
    wanted = create_many(frail, app, "x", 100)
    wait_for(lambda: created(standin) >= 20, 30, "a fifth of them", every=0.01)
    frail.stop_apiserver(graceful=graceful)
    settle_calls(standin)
    assert created(standin) < 100
    time.sleep(3)
    frail.start_apiserver()
    kube.wait_all_ready(frail, app, 100, RECOVERED)
    assert child.running()
    assert standin.roles(frail, app) == wanted
    assert effects(standin) == {"CreatePodIdentityAssociation": {"ok": 100}}


def test_what_changed_while_it_was_stopped_and_the_history_was_lost(frail, standin, operator, namespace):
    """The new API server's watch cache begins later than what the operator saw last: a true 410."""
    app = namespace(frail)
    child = operator(frail, *SLOW, *PATIENT)
    wanted = create_many(frail, app, "x", 20)
    kube.wait_all_ready(frail, app, 20)
    ends = 'podbind_watch_ends_total{resource="podidentitybindings",cause="gone"}'
    relists = count_relists(child)
    assert child.metrics().get(ends, 0) == 0
    child.pause()
    kube.patch_binding(frail, app, "x-b00", role={"name": "other-role"})
    kube.delete_binding(frail, app, "x-b01")
    kube.kubectl_apply(frail, kube.binding(app, "new", "new-sa", "reader-role"))
    # The events above may wait in the socket of the stopped operator: the history has to go beyond them.
    frail.kubectl("create", "configmap", "later", "-n", app)
    frail.stop_apiserver()
    frail.start_apiserver()
    kube.patch_binding(frail, app, "x-b02", role={"name": "other-role"})
    kube.delete_binding(frail, app, "x-b03")
    child.resume()
    del wanted["x-sa01"], wanted["x-sa03"]
    wanted |= {"x-sa00": "other-role", "x-sa02": "other-role", "new-sa": "reader-role"}
    standin.wait_roles(frail, app, wanted, RECOVERED)
    kube.wait_all_ready(frail, app, 19, RECOVERED)
    assert child.metrics()[ends] == 1
    assert count_relists(child) == relists + 1
    assert effects(standin) == {
        "CreatePodIdentityAssociation": {"ok": 21},
        "UpdatePodIdentityAssociation": {"ok": 2},
        "DeletePodIdentityAssociation": {"ok": 2},
    }


def test_etcd_hangs_for_twenty_seconds(frail, standin, operator, namespace):
    """Nothing can be renewed: the operator ends, as it does without a lease, and is started again, as by its
    Deployment."""
    app = namespace(frail)
    child = operator(frail, *SLOW)
    wanted = create_many(frail, app, "x", 50)
    kube.wait_all_ready(frail, app, 50)
    standin.settings(latency="100ms")
    wanted |= create_many(frail, app, "y", 50)
    wait_for(lambda: created(standin) >= 60, 30, "a fifth of the new ones", every=0.01)
    frail.etcd.pause()
    start = time.monotonic()
    try:
        patch = json.dumps({"spec": {"role": {"name": "other-role"}}})
        for name in ("x-b00", "y-b00"):  # it may yet come through: whoever asks is not told
            args = ("patch", "pib", name, "-n", app, "--type=merge", "-p", patch, "--request-timeout=1s")
            assert frail.kubectl(*args, check=False).returncode != 0
        assert child.wait_end(20) == 1
        child.start()
        time.sleep(max(0, start + 20 - time.monotonic()))
    finally:
        frail.etcd.resume()
    kube.patch_binding(frail, app, "x-b00", role={"name": "other-role"})
    kube.patch_binding(frail, app, "y-b00", role={"name": "other-role"})
    wanted |= {"x-sa00": "other-role", "y-sa00": "other-role"}
    kube.wait_all_ready(frail, app, 100, RECOVERED)
    assert standin.roles(frail, app) == wanted
    assert "DeletePodIdentityAssociation" not in standin.counters()
    assert effects(standin)["CreatePodIdentityAssociation"] == {"ok": 100}
