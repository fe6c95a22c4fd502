# SPDX-License-Identifier: Apache-2.0
"""Helpers on a control plane: objects in, conditions out."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path

from child import Failed, wait_for
from cluster import ControlPlane

from . import ROOT

BINDINGS = "/apis/podbind.dev/v1alpha1"
CRD = ROOT / "crds" / "podidentitybindings.yaml"
OPERATOR_NAMESPACE = "podbind-system"
MERGE_PATCH = "application/merge-patch+json"


def kubectl_apply(cluster: ControlPlane, manifest: str | Path | dict | list[dict]) -> str:
    """Applies YAML text, a file or folder, or objects. Returns what kubectl said."""
    if isinstance(manifest, Path):
        return cluster.kubectl("apply", "-f", manifest).stdout
    if isinstance(manifest, list):
        manifest = {"apiVersion": "v1", "kind": "List", "items": manifest}
    text = manifest if isinstance(manifest, str) else json.dumps(manifest)
    return cluster.kubectl("apply", "-f", "-", stdin=text).stdout


def helm(cluster: ControlPlane, *args: str | Path) -> str:
    program = cluster.bin_dir / "helm"
    if not program.exists():
        raise Failed(f"expected helm in {cluster.bin_dir}, beside the other programs of the control plane")
    argv = [program, "--kubeconfig", cluster.kubeconfig(), *args]
    env = {"HOME": str(cluster.directory), "PATH": "/usr/bin:/bin"}
    run = subprocess.run(argv, capture_output=True, text=True, timeout=300, env=env, check=False)
    if run.returncode:
        raise Failed(f"helm {' '.join(map(str, args))} ended with {run.returncode}: {run.stderr or run.stdout}")
    return run.stdout


def kubeconfig_at(kubeconfig: Path, server: str, path: Path) -> Path:
    """The same cluster and user, at another address."""
    config = json.loads(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = server
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1) + "\n")
    return path


def install_crd(cluster: ControlPlane) -> None:
    """The CRD and the operator's own namespace. Idempotent."""
    kubectl_apply(cluster, CRD)
    kubectl_apply(cluster, namespace(OPERATOR_NAMESPACE))
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/podidentitybindings.podbind.dev")


def namespace(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_account(namespace: str, name: str, **labels: str) -> dict:
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def binding(namespace: str, name: str, service_account: str | dict, role: str, **spec: object) -> dict:
    """A PodIdentityBinding. A service account given as a dict is a selector; a role is a name or an ARN."""
    account = {"name": service_account} if isinstance(service_account, str) else {"selector": service_account}
    return {
        "apiVersion": "podbind.dev/v1alpha1",
        "kind": "PodIdentityBinding",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"serviceAccount": account, "role": {"arn" if role.startswith("arn:") else "name": role}, **spec},
    }


def get_binding(cluster: ControlPlane, namespace: str, name: str) -> dict | None:
    """None only when the API server says that there is none."""
    status, answer = cluster.api("GET", f"{BINDINGS}/namespaces/{namespace}/podidentitybindings/{name}")
    if status == 404 and isinstance(answer, dict) and answer["reason"] == "NotFound":
        return None
    return expect(200, status, answer)


def patch_binding(cluster: ControlPlane, namespace: str, name: str, **spec: object) -> None:
    """Merges into its spec; None removes a field."""
    path = f"{BINDINGS}/namespaces/{namespace}/podidentitybindings/{name}"
    expect(200, *cluster.api("PATCH", path, {"spec": spec}, MERGE_PATCH))


def delete_binding(cluster: ControlPlane, namespace: str, name: str) -> None:
    """Asks for it, and waits for nothing."""
    path = f"{BINDINGS}/namespaces/{namespace}/podidentitybindings/{name}"
    expect(200, *cluster.api("DELETE", path))


def list_bindings(cluster: ControlPlane, namespace: str | None = None) -> list[dict]:
    folder = f"{BINDINGS}/namespaces/{namespace}" if namespace else BINDINGS
    return expect(200, *cluster.api("GET", f"{folder}/podidentitybindings"))["items"]


def expect(wanted: int, status: int, answer):
    if status != wanted:
        raise Failed(f"the API server answered {status}, expected {wanted}: {answer!s:.1000}")
    return answer


def conditions(bound: dict) -> dict[str, dict]:
    """The conditions by type, those only that speak of the present spec."""
    generation = bound["metadata"]["generation"]
    rows = bound.get("status", {}).get("conditions", [])
    return {row["type"]: row for row in rows if row["observedGeneration"] == generation}


def wait_condition(
    cluster: ControlPlane, namespace: str, name: str, type: str = "Ready", status: str = "True",
    reason: str | None = None, seconds: float = 30,
) -> dict:  # fmt: skip
    """Waits until the binding's condition has the status (and reason), for its present spec. Returns the binding."""
    seen = None

    def holds():
        nonlocal seen
        seen = get_binding(cluster, namespace, name)
        row = conditions(seen).get(type, {}) if seen else {}
        return row.get("status") == status and reason in (None, row["reason"])

    wanted = f"{type}={status}" + (f", reason {reason}" if reason else "")
    try:
        wait_for(holds, seconds, f"{wanted} of {namespace}/{name} on {cluster.name}")
    except Failed as error:
        shown = seen and {**seen, "metadata": {**seen["metadata"], "managedFields": "...", "annotations": "..."}}
        raise Failed(f"{error}\nthe binding: {json.dumps(shown, indent=1)}") from None
    return seen


def wait_all_ready(cluster: ControlPlane, namespace: str, count: int, seconds: float = 60) -> list[dict]:
    """Waits until the namespace has so many bindings and each is Ready for its present spec. Returns them."""

    def holds():
        rows = list_bindings(cluster, namespace)
        ready = sum(conditions(row).get("Ready", {}).get("status") == "True" for row in rows)
        return rows if ready == len(rows) == count else False

    return wait_for(holds, seconds, f"{count} Ready bindings in {namespace} on {cluster.name}", every=0.2)


def wait_gone(cluster: ControlPlane, namespace: str, name: str, seconds: float = 30) -> None:
    wait_for(lambda: get_binding(cluster, namespace, name) is None, seconds, f"{namespace}/{name} to be gone")


def drop_binding(cluster: ControlPlane, namespace: str, name: str) -> None:
    """Without an operator: takes it away with its finalizers, so that what it has in EKS stays."""
    path = f"{BINDINGS}/namespaces/{namespace}/podidentitybindings/{name}"
    expect(200, *cluster.api("PATCH", path, {"metadata": {"finalizers": None}}, MERGE_PATCH))
    expect(200, *cluster.api("DELETE", path))


def wipe(cluster: ControlPlane, *namespaces: str) -> None:
    """Without an operator: removes every binding, finalizers and all, the operator's Leases, and the namespaces."""
    status, answer = cluster.api("GET", f"{BINDINGS}/podidentitybindings")
    rows = [row["metadata"] for row in answer["items"]] if status == 200 else []
    for folder in {row["namespace"] for row in rows}:
        cluster.api("DELETE", f"{BINDINGS}/namespaces/{folder}/podidentitybindings")
    with closing(cluster.connection()) as connection:
        for row in rows:
            if row.get("finalizers"):
                path = f"{BINDINGS}/namespaces/{row['namespace']}/podidentitybindings/{row['name']}"
                connection.request("PATCH", path, '{"metadata":{"finalizers":null}}', {"Content-Type": MERGE_PATCH})
                connection.getresponse().read()
    cluster.api("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases")
    for name in namespaces:
        cluster.api("DELETE", f"/api/v1/namespaces/{name}")
