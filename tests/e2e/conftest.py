# SPDX-License-Identifier: Apache-2.0
"""Fixtures. The clusters live as long as the run; the stand-in and the operators as long as one test.

    blue, green     real control planes, with the CRD where a test starts an operator
    standin         the AWS stand-in, fresh, with the clusters eks-blue and eks-green
    operator        a function that starts an operator: operator(blue), operator(green, "--mode=observe"),
                    with the rights that the chart gives it
    namespace       a namespace of this test's own in each cluster that it asks for: namespace(blue)
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lib import chart, kube
from lib.operator import Operator
from lib.standin import Standin

from cluster import ControlPlane, binaries


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "smoke: the main job; runs under ThreadSanitizer as well")
    config.pluginmanager.register(Selection(), "selection")


@pytest.fixture(scope="session")
def bin_dir() -> Path:
    return binaries()


@pytest.fixture(scope="session")
def blue(bin_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane("blue", tmp_path_factory.mktemp("blue"), bin_dir) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def green(bin_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane("green", tmp_path_factory.mktemp("green"), bin_dir) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def permitted() -> set[str]:
    """The actions that AWS has allowed so far, of those that were asked for."""
    return set()


@pytest.fixture
def standin(tmp_path: Path, permitted: set[str]) -> Iterator[Standin]:
    """Knows both clusters by the issuers they have, running or not. No operator may have asked it for what its policy
    lacks, unless the test took it away."""
    with Standin(tmp_path / "standin.log", ["blue", "green"]) as aws:
        yield aws
        if aws.running():
            asked = aws.permissions()
            permitted |= set(asked["allowed"])
            assert aws.expects_refusals or asked["denied"] == {}, "docs/iam.md lacks an action"


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[Callable[[ControlPlane], str]]:
    """namespace(cluster) makes it and returns its name, the same in every cluster."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"{words[:50]}-{secrets.token_hex(3)}"
    clusters: list[ControlPlane] = []

    def make(cluster: ControlPlane) -> str:
        kube.kubectl_apply(cluster, kube.namespace(name))
        clusters.append(cluster)
        return name

    yield make
    for cluster in clusters:
        kube.wipe(cluster, name)


@pytest.fixture
def report(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture) -> Callable[..., None]:
    """report("text", ...): a line that is shown of a test that passes too."""

    def say(*text: str) -> None:
        with capsys.disabled():
            print(f"\n    {request.node.name}: {', '.join(text)}", flush=True)

    return say


@pytest.fixture(scope="session")
def operated() -> set[ControlPlane]:
    """The clusters in which an operator ran so far as the chart's ServiceAccount."""
    return set()


@pytest.fixture(scope="session")
def operator_kubeconfig(operated: set[ControlPlane]) -> Callable[[ControlPlane], Path]:
    """operator_kubeconfig(cluster): the kubeconfig of the chart's ServiceAccount, its rights installed once."""
    made: dict[ControlPlane, Path] = {}

    def of(cluster: ControlPlane) -> Path:
        if cluster not in made:
            made[cluster] = chart.kubeconfig(cluster)
            operated.add(cluster)
        return made[cluster]

    return of


# What is asked of the whole run.

# Half of it, by time; as in tools/test.py.
BESIDE = ("test_bad_input.py", "test_exec.py", "test_faults_*.py", "test_reach.py", "test_transport.py", "test_visible.py")


class Selection:
    """Whether all tests of this folder run, but for those beside; those of test_rights.py last."""

    def __init__(self) -> None:
        self.missing = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.path.name == "test_rights.py")
        here = {path.name for path in Path(__file__).parent.glob("test_*.py")}
        beside = {path.name for name in BESIDE for path in Path(__file__).parent.glob(name)}
        files = here - beside - {item.path.name for item in items}
        parts = [arg for arg in config.args if "::" in arg]
        self.missing = self.missing or " ".join([*sorted(files), *(f"all but {part}" for part in parts)])

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.missing = f"{len(items)} deselected"


@pytest.fixture
def whole_run(request: pytest.FixtureRequest) -> None:
    """Skips where only some of the tests were selected."""
    missing = request.config.pluginmanager.get_plugin("selection").missing
    if missing:
        pytest.skip(f"is asked of the whole run only; missing here: {missing}")


@pytest.fixture
def operator(
    standin: Standin, namespace: object, operator_kubeconfig: Callable[[ControlPlane], Path], tmp_path: Path
) -> Iterator[Callable[..., Operator]]:
    """operator(cluster, *flags, **env) starts one, as the chart's ServiceAccount where no kubeconfig is given,
    and waits until it is ready; wait=False returns at once. At the test's end each that still runs must exit 0
    on SIGTERM, none may have ended by itself (but for wait_end()), and nothing of podbind stays in the clusters.
    It asks for `namespace` so that the namespaces go after that."""
    started: list[Operator] = []
    clusters: list[ControlPlane] = []
    numbers = itertools.count(1)

    def start(
        cluster: ControlPlane, *flags: str, kubeconfig: Path | None = None, wait: bool = True, variant: str = "",
        **env: str,
    ) -> Operator:  # fmt: skip
        if cluster not in clusters:
            kube.install_crd(cluster)
            clusters.append(cluster)
        name = f"podbind-{cluster.name}-{next(numbers)}"
        common = [f"--kubeconfig={kubeconfig or operator_kubeconfig(cluster)}", f"--cluster-name=eks-{cluster.name}"]
        standin.follow(cluster.name, *flags)
        env = {**standin.aws_environment(cluster.name), **env}
        child = Operator(name, [*common, *flags], tmp_path / f"{name}.log", env, variant)
        child.start()
        started.append(child)
        return child.wait_ready() if wait else child

    yield start
    try:
        statuses = {child.name: child.terminate() for child in started if child.running()}
        assert all(status == 0 for status in statuses.values()), f"exit statuses on SIGTERM: {statuses}"
        assert [child.name for child in started if child.crashed()] == []
        assert {child.name: child.reports() for child in started if child.reports()} == {}
    finally:
        for child in started:
            child.kill()
            print(f"the end of {child.log}:\n{child.tail()}")  # pytest shows it where the test failed
        for cluster in clusters:
            kube.wipe(cluster)
