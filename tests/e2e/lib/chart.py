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


def render(cluster: ControlPlane, *settings: str) -> str:
    """The manifests of the ServiceAccount and its rights."""
    only = [f"--show-only=templates/{name}.yaml" for name in TEMPLATES]
    flags = [f"--set={setting}" for setting in ("clusterName=eks-blue", *settings)]
    return kube.helm(cluster, "template", RELEASE, CHART, "-n", kube.OPERATOR_NAMESPACE, *only, *flags)


def kubeconfig(cluster: ControlPlane, *settings: str) -> Path:
    """A kubeconfig with a token of the chart's ServiceAccount, whose rights are installed first."""
    path = cluster.directory / f"{RELEASE}.kubeconfig"
    cluster.kubectl("apply", "-n", kube.OPERATOR_NAMESPACE, "-f", "-", stdin=render(cluster, *settings))
    token = cluster.token(kube.OPERATOR_NAMESPACE, RELEASE, DAY)
    return cluster.write_kubeconfig_for_token(path, token)
