# SPDX-License-Identifier: Apache-2.0
"""The chart's ServiceAccount and its rights, without its Deployment."""

from __future__ import annotations

from pathlib import Path

from cluster import ControlPlane

from . import ROOT, kube

CHART = ROOT / "helm" / "podbind"
RELEASE = "podbind"
USER = f"system:serviceaccount:{kube.OPERATOR_NAMESPACE}:{RELEASE}"
TEMPLATES = ("serviceaccount", "rbac")
DAY = 24 * 3600


def render(cluster: ControlPlane, *settings: str, release: str = RELEASE) -> str:
    """The manifests of the ServiceAccount and its rights."""
    only = [f"--show-only=templates/{name}.yaml" for name in TEMPLATES]
    flags = [f"--set={setting}" for setting in ("clusterName=eks-blue", f"fullnameOverride={release}", *settings)]
    return kube.helm(cluster, "template", release, CHART, "-n", kube.OPERATOR_NAMESPACE, *only, *flags)


def kubeconfig(cluster: ControlPlane, *settings: str, release: str = RELEASE) -> Path:
    """A kubeconfig with a token of the release's ServiceAccount, whose rights are installed first. Its name is that
    of the release."""
    path = cluster.directory / f"{release}.kubeconfig"
    cluster.kubectl("apply", "-f", "-", stdin=render(cluster, *settings, release=release))
    return cluster.write_kubeconfig_for_token(path, cluster.token(kube.OPERATOR_NAMESPACE, release, DAY))
