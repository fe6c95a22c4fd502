# SPDX-License-Identifier: Apache-2.0
"""Connections that fall silent and stay open, with HTTP/2 from end to end; and what is said of faults that last.

The claims on silence are those of test_faults_kube.py.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

import pytest
from lib import faults, kube
from lib.fault_proxy import FaultProxy
from lib.fault_rig import Rig
from lib.faults import Answer
from lib.tcp_gate import TcpGate

from child import wait_for

# ---- what is said, and what fails a test: before the rig below, whose operator holds the Lease -----


def test_watches_that_do_not_come_back_are_in_the_log_and_the_metrics(
    blue, standin, operator, namespace, operator_kubeconfig, tmp_path
):
    app = namespace(blue)
    kube.install_crd(blue)
    with FaultProxy(blue) as proxy:
        config = kube.kubeconfig_at(operator_kubeconfig(blue), proxy.url, tmp_path / "kubeconfig")
        child = operator(blue, "--watch-transport=websocket", kubeconfig=config, variant="san")
        kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
        kube.wait_condition(blue, app, "reader")
        proxy.add(Answer(503, faults.HTML, "text/html"), watch=True)
        proxy.cut_watches()

        def said(level, message):
            return [r for r in child.records() if (r.get("level"), r.get("msg")) == (level, message)]

        wait_for(lambda: said("warn", "not working"), 20, "a line in the log")
        assert "503" in said("warn", "not working")[0]["error"]
        ends = 'podbind_watch_ends_total{resource="podidentitybindings",cause="transient"}'
        assert child.metrics()[ends] >= 2
        proxy.clear()
        wait_for(lambda: said("info", "working again"), 20, "the end of it in the log")
        assert child.get("/readyz")[0] == 200
        assert child.terminate() == 0


def test_a_report_of_a_sanitizer_fails_a_test(blue, standin, operator, namespace):
    """The rigs above rest on it: an end with another status than 0, and its text."""
    child = operator(blue, variant="san", wait=False, ASAN_OPTIONS="hard_rss_limit_mb=20")
    wait_for(lambda: not child.running(), 20, "AddressSanitizer to end it")
    assert child.crashed()
    assert child.reports() != []
    assert child.wait_end(1) != 0
    child.log.write_text("")  # else it fails this test too


# ---- HTTP/2, from end to end ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def gated(blue, operator_kubeconfig, tmp_path_factory):
    kube.install_crd(blue)
    directory = tmp_path_factory.mktemp("gated")
    with TcpGate(blue) as gate:
        config = kube.kubeconfig_at(operator_kubeconfig(blue), gate.url, directory / "kubeconfig")
        with Rig(blue, directory, config, 10).running() as running:
            running.gate = gate
            yield running


def test_connections_that_fall_silent(gated, report):
    """Requests, watches and the Lease: each open connection is dead, and nobody says so. New ones work."""

    @contextmanager
    def silence():
        assert gated.gate.freeze() >= 4
        opened = gated.gate.opened
        yield lambda: True
        assert gated.gate.opened >= opened

    seconds = gated.endure(silence())
    report(f"recovered in {seconds:.1f} s")


def test_a_server_that_falls_silent(gated, report):
    """For 6 s nothing is answered, on connections new and old; then all that was held back comes."""

    @contextmanager
    def silence():
        gated.gate.freeze(new_ones=True)
        end = time.monotonic() + 6
        yield lambda: time.monotonic() > end
        gated.gate.thaw()

    report(f"recovered in {gated.endure(silence()):.1f} s")


def test_connections_that_are_reset(gated, report):
    @contextmanager
    def cut():
        gated.gate.cut()
        yield lambda: True

    report(f"recovered in {gated.endure(cut()):.1f} s")
