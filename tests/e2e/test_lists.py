# SPDX-License-Identifier: Apache-2.0
"""An API server that does not stream the first state: it is listed by pages."""

from __future__ import annotations

import pytest
from lib import chart, kube, rights

from cluster import ControlPlane


@pytest.fixture(scope="module")
def listing(bin_dir, tmp_path_factory):
    """A blue of this file's own, without WatchList."""
    directory = tmp_path_factory.mktemp("listing")
    with ControlPlane("blue", directory, bin_dir, apiserver_args=("--feature-gates=WatchList=false",)) as cluster:
        yield cluster


def test_where_nothing_is_streamed_pages_are_listed(listing, standin, operator, namespace):
    kube.install_crd(listing)
    app = namespace(listing)
    rows = [kube.binding(app, f"b{i:03d}", f"sa{i:03d}", "reader-role") for i in range(120)]
    kube.kubectl_apply(listing, [*rows, kube.service_account(app, "work", queue="work")])
    kube.kubectl_apply(listing, kube.binding(app, "selected", {"matchLabels": {"queue": "work"}}, "reader-role"))
    operator(listing)
    kube.wait_all_ready(listing, app, 121)
    assert len(standin.roles(listing, app)) == 121
    kube.kubectl_apply(listing, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(listing, app, "later")
    lists = [row for row in rights.records_of(listing, chart.USER) if row["verb"] == "list"]
    assert {row["objectRef"]["resource"] for row in lists} == {"podidentitybindings", "serviceaccounts"}
    assert any("continue=" in row["requestURI"] for row in lists), "121 bindings are more than a page"
