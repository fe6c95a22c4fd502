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


@pytest.fixture(scope="session")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One whose definition of the bindings may go."""
    from lib import kube

    from cluster import ControlPlane

    with ControlPlane("blue", tmp_path_factory.mktemp("own")) as blue:
        kube.install_crd(blue)
        yield blue


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, cluster: object, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Of all that was selected, run side by side."""
    from together import Outcomes

    asked = [(item.originalname, item.callspec.params) for item in request.session.items if hasattr(item, "callspec")]
    own = any(name == "test_nothing_goes_with_the_definition" for name, _ in asked)
    own_cluster = request.getfixturevalue("own_cluster") if own else None
    return Outcomes(asked).run(cluster, own_cluster, tmp_path_factory.mktemp("worlds"))
