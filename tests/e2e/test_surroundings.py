# SPDX-License-Identifier: Apache-2.0
"""What the operator says and does while the API server, AWS or its own settings are not as they should be."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from lib import chart, kube
from lib.operator import binary

from child import wait_for
from cluster import ControlPlane


@pytest.fixture(scope="module")
def own_cluster(bin_dir, tmp_path_factory):
    """A blue of this file's own, whose API server may be stopped."""
    with ControlPlane("blue", tmp_path_factory.mktemp("own"), bin_dir) as cluster:
        kube.install_crd(cluster)
        yield cluster
        if not cluster.apiserver.running():
            cluster.start_apiserver()


def says(child, *words):
    """A line of its log, of level warn or error, with all the words."""

    def said():
        lines = [str(r) for r in child.records() if r.get("level") in ("warn", "error")]
        return any(all(word in line for word in words) for line in lines)

    wait_for(said, 20, f"{child.name} to say {words}")


def assert_not_ready_but_alive(child):
    assert child.get("/readyz")[0] == 503
    assert child.get("/healthz")[0] == 200


def assert_ready_and_alive(child):
    """What EKS has not confirmed is not known to be wrong."""
    assert child.get("/readyz")[0] == 200
    assert child.get("/healthz")[0] == 200


def test_no_api_server_at_the_start(own_cluster, standin, operator, namespace):
    app = namespace(own_cluster)
    kube.kubectl_apply(own_cluster, kube.binding(app, "reader", "app-sa", "reader-role"))
    child = operator(own_cluster)
    assert child.terminate() == 0
    own_cluster.stop_apiserver()
    child.start()
    says(child, f"127.0.0.1:{own_cluster.port}")
    assert_not_ready_but_alive(child)
    held = standin.associations(own_cluster)
    own_cluster.start_apiserver()
    child.wait_ready(60)
    kube.wait_condition(own_cluster, app, "reader", seconds=60)
    kube.kubectl_apply(own_cluster, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(own_cluster, app, "later", seconds=60)
    assert {key: standin.associations(own_cluster)[key] for key in held} == held


@pytest.mark.parametrize("graceful", [True, False], ids=["gracefully", "at-once"])
def test_the_api_server_restarts_under_it(own_cluster, standin, operator, namespace, graceful):
    app = namespace(own_cluster)
    child = operator(own_cluster)
    kube.kubectl_apply(own_cluster, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(own_cluster, app, "reader")
    held = standin.associations(own_cluster)
    own_cluster.stop_apiserver(graceful=graceful)
    own_cluster.start_apiserver()
    kube.kubectl_apply(own_cluster, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(own_cluster, app, "later", seconds=60)
    assert child.running()
    assert {key: standin.associations(own_cluster)[key] for key in held} == held
    assert "DeletePodIdentityAssociation" not in standin.counters()


def test_no_credentials_at_all(blue, standin, operator, namespace):
    app = namespace(blue)
    child = operator(blue, wait=False, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader", status="False")
    says(child, "credentials")
    assert_ready_and_alive(child)
    assert standin.mutations() == 0


def test_wrong_credentials(blue, standin, operator, namespace):
    app = namespace(blue)
    child = operator(blue, wait=False, AWS_SECRET_ACCESS_KEY="not-the-secret")
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    bound = kube.wait_condition(blue, app, "reader", status="False", reason="AccessDenied")
    assert "signature" in kube.conditions(bound)["Ready"]["message"]
    says(child, "signature")
    assert child.get("/healthz")[0] == 200
    assert standin.associations(blue) == {}


def test_credentials_of_the_container_endpoint(blue, standin, operator, namespace, tmp_path):
    app = namespace(blue)
    token = tmp_path / "token"
    token.write_text("the-token-of-the-pod")
    standin.settings(containerToken="the-token-of-the-pod")
    child = operator(
        blue,
        AWS_ACCESS_KEY_ID="",
        AWS_SECRET_ACCESS_KEY="",
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{standin.url}/_standin/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(token),
    )
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert "the-token-of-the-pod" not in child.log.read_text()


def test_aws_goes_away_and_comes_back(blue, standin, operator, namespace):
    app = namespace(blue)
    child = operator(blue, "--existence-interval=1s")
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")
    uid = kube.get_binding(blue, app, "reader")["metadata"]["uid"]
    standin.kill()
    kube.kubectl_apply(blue, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(blue, app, "later", status="False")
    says(child, standin.url.removeprefix("http://"))
    assert child.get("/healthz")[0] == 200
    standin.__enter__()  # the same port, and nothing of what it knew
    members = {name: held[name] for name in ("roleArn", "tags")}
    standin.put_association(blue, app, "app-sa", **members)
    kube.wait_condition(blue, app, "later", seconds=60)
    assert kube.get_binding(blue, app, "reader")["metadata"]["uid"] == uid
    wait_for(lambda: set(standin.roles(blue, app)) == {"app-sa", "later-sa"}, 60, "both associations")


def test_aws_is_not_there_at_the_start(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.kill()
    child = operator(blue, wait=False)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader", status="False")
    assert_ready_and_alive(child)
    standin.__enter__()
    kube.wait_condition(blue, app, "reader", seconds=60)


def test_a_namespace_without_rights_holds_up_no_other(blue, standin, operator, namespace):
    """As when a namespace of watchNamespaces was made anew, and its Role is missing."""
    kube.install_crd(blue)
    app = namespace(blue)
    bare = f"a-{app}"[:63]  # it comes first
    kube.kubectl_apply(blue, kube.namespace(bare))
    config = chart.kubeconfig(blue, f"watchNamespaces={{{app},{bare}}}", release="narrow")
    role = blue.kubectl("get", "rolebinding", "narrow", "-n", bare, "-o", "json").stdout
    blue.kubectl("delete", "rolebinding", "narrow", "-n", bare)
    try:
        child = operator(blue, "--lease-name=narrow", f"--watch-namespaces={app},{bare}", kubeconfig=config)
        rows = [kube.binding(bare, f"b{i:02d}", f"sa{i:02d}", "reader-role") for i in range(12)]
        kube.kubectl_apply(blue, rows)
        wait_for(lambda: child.metrics()["podbind_refused_bindings"] == 12, 60, "each to be refused")
        for role_name in ("one", "two", "three"):
            kube.kubectl_apply(blue, kube.binding(app, "good", "good-sa", role_name))
            kube.wait_condition(blue, app, "good", seconds=5)
        says(child, "refuses", "forbidden")
        assert standin.roles(blue, bare) == {}
        metadata = {"name": "narrow", "namespace": bare}
        kube.kubectl_apply(blue, {**json.loads(role), "metadata": metadata})
        kube.wait_all_ready(blue, bare, 12)
        assert len(standin.roles(blue, bare)) == 12
    finally:
        blue.api("DELETE", f"/api/v1/namespaces/{bare}")


# ---- settings that can't work -------------------------------------------------------------------

TAB = """apiVersion: v1
kind: Config
clusters:
- name: blue
\tcluster: {server: "https://127.0.0.1:1"}
"""
MISSING = """apiVersion: v1
kind: Config
clusters:
- name: blue
  cluster: {server: "https://127.0.0.1:1", certificate-authority: not-there.crt}
users:
- name: admin
  user: {token: abc}
contexts:
- name: blue
  context: {cluster: blue, user: admin}
current-context: blue
"""
KUBECONFIGS = {
    "tab": (TAB, ["{file}", "5"]),
    "missing-file": (MISSING, ["not-there.crt"]),
    "not-yaml": ("{", ["{file}"]),
    "empty": ("", ["{file}"]),
    "unknown-context": (MISSING.replace("current-context: blue", "current-context: red"), ["{file}", "red"]),
    "absent": (None, ["{file}"]),
}


def run_once(*flags, **env):
    inherited = {k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}
    argv = [binary(), "controller", "--listen-address=127.0.0.1:0", "--log-format=text", *flags]
    env = {**inherited, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", **env}
    start = time.monotonic()
    run = subprocess.run(argv, capture_output=True, text=True, timeout=20, env=env, check=False)
    assert time.monotonic() - start < 5
    return run


@pytest.mark.parametrize("kind", KUBECONFIGS)
def test_a_kubeconfig_that_does_not_work(tmp_path, kind):
    text, words = KUBECONFIGS[kind]
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    run = run_once(f"--kubeconfig={file}", "--cluster-name=eks-blue", "--aws-region=us-west-2")
    assert run.returncode in (1, 2), run.stderr
    for word in words:
        assert word.format(file=file) in run.stderr


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ([], "cluster-name"),
        (["--cluster-name=eks-blue", "--mode=guess"], "observe"),
        (["--cluster-name=eks-blue", "--existence-interval=5 minutes"], "existence-interval"),
        (["--cluster-name=eks-blue", "--no-such-flag"], "no-such-flag"),
        (["--cluster-name=eks-blue"], "region"),
    ],
    ids=["no-cluster-name", "mode", "duration", "unknown", "no-region"],
)
def test_a_flag_that_does_not_work(tmp_path, flags, word):
    file = tmp_path / "kubeconfig"
    file.write_text(MISSING)
    run = run_once(f"--kubeconfig={file}", *flags)
    assert run.returncode in (1, 2)
    assert word in run.stderr
