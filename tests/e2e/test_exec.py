# SPDX-License-Identifier: Apache-2.0
"""Operators whose kubeconfig names a credential plugin, as `aws eks update-kubeconfig` writes it."""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path

import pytest
from lib import chart, kube
from lib.relay import ConnectProxy

from child import wait_for
from cluster import ControlPlane, write_kubeconfig

V1 = "client.authentication.k8s.io/v1"
# It counts its runs, keeps the question, and fails where a file `broken` says how.
PLUGIN = """#!/bin/sh
cd "${0%/*}" || exit 1
echo $$ >>runs
printf '%s' "$KUBERNETES_EXEC_INFO" >question
[ -e broken ] && . ./broken
sed "s/EXPIRES/$(date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ)/" answer
"""


class Plugin:
    """A plugin in a folder of its own, and the kubeconfig beside it that names it."""

    def __init__(self, cluster: ControlPlane, folder: Path, life: int = 0, version: str = V1, **settings: object):
        folder.mkdir()
        self.folder, self.life, self.version = folder, life, version
        self.given: list[str] = []
        plugin = {"apiVersion": version, "command": "./plugin", "args": [str(life)], "interactiveMode": "Never"}
        user = {"exec": {**plugin, **settings}}
        self.kubeconfig = write_kubeconfig(folder / "kubeconfig", cluster.server, cluster.ca_pem, user)

    def change_cluster(self, **fields: str) -> None:
        config = json.loads(self.kubeconfig.read_text())
        config["clusters"][0]["cluster"] |= fields
        self.kubeconfig.write_text(json.dumps(config))

    def install(self) -> None:
        fresh = self.folder / "fresh"
        fresh.write_text(PLUGIN)
        fresh.chmod(0o755)
        fresh.rename(self.folder / "plugin")

    def give(self, **status: str) -> None:
        expiry = {"expirationTimestamp": "EXPIRES"} if self.life else {}
        answer = {"apiVersion": self.version, "kind": "ExecCredential", "status": {**status, **expiry}}
        self.given += status.values()
        fresh = self.folder / "fresh"
        fresh.write_text(json.dumps(answer))
        fresh.rename(self.folder / "answer")

    def fail(self, script: str) -> None:
        (self.folder / "broken").write_text(script)

    def mend(self) -> None:
        (self.folder / "broken").unlink()

    def runs(self) -> list[int]:
        """The process ids of its runs."""
        path = self.folder / "runs"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def question(self) -> dict:
        return json.loads((self.folder / "question").read_text())

    def assert_nothing_given_in(self, log: Path) -> None:
        text = log.read_text()
        assert all(given[-40:] not in text for given in self.given)


@pytest.fixture
def plugin(tmp_path):
    """plugin(cluster, life, ...): none expires where life is 0."""

    def make(cluster: ControlPlane, life: int = 0, **settings: object) -> Plugin:
        return Plugin(cluster, tmp_path / "plugin", life, **settings)

    return make


def mint(cluster: ControlPlane, bound_to: str = "") -> str:
    """A token of the chart's ServiceAccount; one that is bound to a Secret dies with it."""
    if not bound_to:
        return cluster.token(kube.OPERATOR_NAMESPACE, chart.RELEASE)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": bound_to}}
    core = f"/api/v1/namespaces/{kube.OPERATOR_NAMESPACE}"
    assert cluster.api("POST", f"{core}/secrets", secret)[0] == 201
    spec = {"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": bound_to}}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    status, answer = cluster.api("POST", f"{core}/serviceaccounts/{chart.RELEASE}/token", request)
    assert status == 201, answer
    return answer["status"]["token"]


def used(cluster: ControlPlane, token: str) -> list[dict]:
    """The audit records of requests that came with this token."""
    payload = token.split(".")[1]
    jti = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]
    key = "authentication.kubernetes.io/credential-id"
    return [r for r in cluster.audit() if f"JTI={jti}" in r.get("user", {}).get("extra", {}).get(key, [])]


def says(child, *words):
    lines = [str(r) for r in child.records() if r.get("level") in ("warn", "error")]
    return any(all(word in line for word in words) for line in lines)


def bind(cluster: ControlPlane, namespace: str, name: str) -> None:
    kube.kubectl_apply(cluster, kube.binding(namespace, name, f"{name}-sa", "reader-role"))
    kube.wait_condition(cluster, namespace, name, seconds=60)


@pytest.fixture
def rights(blue, operator_kubeconfig):
    kube.install_crd(blue)
    operator_kubeconfig(blue)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.usefixtures("rights")
def test_tokens_are_renewed_before_they_expire(blue, operator, namespace, plugin, version):
    app = namespace(blue)
    source = plugin(blue, life=20, version=f"client.authentication.k8s.io/{version}", provideClusterInfo=True)
    first, second = mint(blue), mint(blue)
    source.install()
    source.give(token=first)
    child = operator(blue, kubeconfig=source.kubeconfig)
    start = time.monotonic()
    assert len(source.runs()) == 1
    bind(blue, app, "reader")
    source.give(token=second)
    wait_for(lambda: used(blue, second), 30, "a request with the second token")
    wait_for(lambda: time.monotonic() > start + 30, 60, "the end of the first token")
    bind(blue, app, "later")
    assert used(blue, first)
    assert 2 <= len(source.runs()) <= 2 + (time.monotonic() - start) / 9
    spec = source.question()["spec"]
    assert spec["interactive"] is False
    assert spec["cluster"]["server"] == blue.server
    assert base64.b64decode(spec["cluster"]["certificate-authority-data"]) == blue.ca_pem
    assert not says(child, "credential")
    source.assert_nothing_given_in(child.log)


@pytest.mark.usefixtures("rights")
def test_a_401_runs_the_plugin_again(blue, operator, namespace, plugin):
    app = namespace(blue)
    source, bound = plugin(blue), f"bound-{secrets.token_hex(3)}"
    source.install()
    source.give(token=mint(blue, bound_to=bound))
    child = operator(blue, kubeconfig=source.kubeconfig)
    bind(blue, app, "reader")
    assert len(source.runs()) == 1
    fresh = mint(blue)
    source.give(token=fresh)
    blue.kubectl("delete", "secret", bound, "-n", kube.OPERATOR_NAMESPACE)
    wait_for(lambda: used(blue, fresh), 60, "a request with the new token")
    bind(blue, app, "later")
    assert child.running()
    assert len(source.runs()) == 2
    source.assert_nothing_given_in(child.log)


@pytest.mark.usefixtures("rights")
def test_a_plugin_that_fails_for_a_while(blue, operator, namespace, plugin):
    app = namespace(blue)
    source = plugin(blue, life=50)
    source.install()
    first, second = mint(blue), mint(blue)
    source.give(token=first)
    child = operator(blue, kubeconfig=source.kubeconfig)
    source.give(token=second)
    source.fail("echo 'no way to the token service' >&2; exit 255")
    wait_for(lambda: says(child, "plugin", "exit status 255", "no way to the token service"), 60, "its failure")
    bind(blue, app, "reader")  # the token that it has still lives
    assert not used(blue, second)
    source.mend()
    wait_for(lambda: used(blue, second), 60, "a request with the second token")
    bind(blue, app, "later")
    assert child.running()
    source.assert_nothing_given_in(child.log)


@pytest.mark.usefixtures("rights")
def test_a_plugin_that_is_not_there(blue, operator, namespace, plugin):
    app = namespace(blue)
    source = plugin(blue, installHint="Install it:\nsee the handbook")
    child = operator(blue, wait=False, kubeconfig=source.kubeconfig)
    wait_for(lambda: says(child, "user", "credential plugin", str(source.folder / "plugin"), "see the handbook"), 20,
             "what it lacks")  # fmt: skip
    assert child.get("/readyz")[0] == 503
    assert child.get("/healthz")[0] == 200
    source.give(token=mint(blue))
    source.install()
    child.wait_ready(90)
    bind(blue, app, "reader")
    source.assert_nothing_given_in(child.log)


@pytest.fixture
def proxy():
    with ConnectProxy() as relay:
        yield relay


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_client_certificates(blue, operator, namespace, plugin, proxy, transport):
    """Each of two, with its own name. The second comes while the watches of the first are open; what watches
    after them has the second."""
    app = namespace(blue)
    names = [f"exec-{secrets.token_hex(3)}" for _ in range(2)]
    source = plugin(blue, life=20)
    source.install()
    source.change_cluster(**{"proxy-url": f"http://127.0.0.1:{proxy.port}"})

    def give(name: str) -> None:
        certificate = blue.pki.client(name, "system:masters")
        key = certificate.with_suffix(".key")
        source.give(clientCertificateData=certificate.read_text(), clientKeyData=key.read_text())

    def verbs(name: str) -> set[str]:
        return {r["verb"] for r in blue.audit() if r["user"].get("username") == name}

    give(names[0])
    child = operator(blue, f"--watch-transport={transport}", kubeconfig=source.kubeconfig)
    bind(blue, app, "reader")
    wait_for(lambda: {"watch", "patch", "update"} <= verbs(names[0]), 20, "all kinds of requests with the first")
    give(names[1])
    wait_for(lambda: "update" in verbs(names[1]), 40, "the lease's renewal with the second certificate")
    bind(blue, app, "later")
    assert "patch" in verbs(names[1])
    assert "watch" not in verbs(names[1])
    proxy.cut()
    wait_for(lambda: "watch" in verbs(names[1]), 40, "a watch with the second certificate")
    bind(blue, app, "last")
    assert not says(child, "credential")


def test_it_ends_while_the_plugin_hangs(blue, operator, plugin):
    source = plugin(blue)
    source.install()
    source.fail("sleep 1000 & sleep 1000; wait")
    child = operator(blue, wait=False, kubeconfig=source.kubeconfig)
    wait_for(source.runs, 20, "the plugin's run")
    start = time.monotonic()
    assert child.terminate() == 0
    assert time.monotonic() - start < 5
    [pid] = source.runs()
    assert not Path(f"/proc/{pid}").exists()
    assert "WARN" not in child.log.read_text()


def test_a_plugin_that_needs_a_terminal(blue, operator, plugin):
    source = plugin(blue, interactiveMode="Always")
    child = operator(blue, wait=False, kubeconfig=source.kubeconfig)
    assert child.wait_end(10) == 1
    assert says(child, str(source.kubeconfig), "user", "exec.interactiveMode is Always", "no terminal")
