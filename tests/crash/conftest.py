# SPDX-License-Identifier: Apache-2.0
"""The crash points: tests/e2e/lib is shared; the control plane is this folder's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "controlplane")]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "chosen: the crash points of `make test`, spread over all scenarios")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    from lib import kube

    from cluster import ControlPlane

    with ControlPlane("blue", tmp_path_factory.mktemp("blue")) as blue:
        kube.install_crd(blue)
        yield blue
