# SPDX-License-Identifier: Apache-2.0
"""How watches reach the API server: by WebSocket or HTTP, past what lets no WebSocket through, through proxies."""

from __future__ import annotations

import json
import os
import re
import ssl
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from lib import kube
from lib.relay import ConnectProxy, Gate, SocksProxy

from child import wait_for

FALLS_BACK = "WebSockets do not get through"


def change(path: Path, name: Path, **cluster: str) -> Path:
    """A kubeconfig like that at `path`, with other fields of its cluster."""
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"] |= cluster
    name.write_text(json.dumps(config))
    return name


def label(cluster, namespace, account, **labels):
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}"
    kube.expect(200, *cluster.api("PATCH", path, {"metadata": {"labels": labels}}, kube.MERGE_PATCH))


def settle(cluster, standin, app, wanted):
    """A binding may be Ready a moment before the service accounts that it selects are seen."""
    wait_for(lambda: standin.roles(cluster, app) == wanted, 30, f"the associations {wanted}")
    kube.wait_all_ready(cluster, app, 2)


def do_the_job(cluster, standin, app):
    """Everything that a watch must bring: a binding's making, change and end; a service account's labels."""
    kube.kubectl_apply(cluster, [
        kube.service_account(app, "web", tier="web"),
        kube.service_account(app, "db", tier="db"),
        kube.binding(app, "reader", "app-sa", "reader-role"),
        kube.binding(app, "picky", {"matchLabels": {"tier": "web"}}, "web-role"),
    ])  # fmt: skip
    settle(cluster, standin, app, {"app-sa": "reader-role", "web": "web-role"})
    kube.patch_binding(cluster, app, "reader", role={"name": "writer-role"})
    label(cluster, app, "db", tier="web")
    settle(cluster, standin, app, {"app-sa": "writer-role", "web": "web-role", "db": "web-role"})
    kube.delete_binding(cluster, app, "reader")
    kube.wait_gone(cluster, app, "reader")
    assert standin.roles(cluster, app) == {"web": "web-role", "db": "web-role"}


def transport(child) -> str:
    rows = child.metrics()
    used = [name for name in ("websocket", "http") if rows[f'podbind_watch_transport{{transport="{name}"}}'] == 1]
    assert len(used) == 1, used
    return used[0]


def watches(cluster, since: int) -> dict[str, list[int]]:
    """The operator's watches of each resource in the audit log from that record on: the lengths it asked for.
    A watch is there when its answer begins. WebSockets ask for 300 to 600 s, HTTP for 60 to 120."""
    found: dict[str, dict[str, int]] = {"podidentitybindings": {}, "serviceaccounts": {}}
    for number, row in enumerate(cluster.audit()):
        reference = row.get("objectRef", {})
        if number < since or not row.get("userAgent", "").startswith("podbind/") or row["verb"] != "watch":
            continue
        query = parse_qs(urlsplit(row["requestURI"]).query)
        found.get(reference.get("resource"), {})[row["auditID"]] = int(query["timeoutSeconds"][0])
    return {resource: list(lengths.values()) for resource, lengths in found.items()}


def records_so_far(cluster) -> int:
    return sum(1 for _ in cluster.audit())


def threads(child) -> set[str]:
    return {(task / "comm").read_text().strip() for task in Path(f"/proc/{child.pid}/task").iterdir()}


def direct_connections(child, port: int) -> int:
    """How many TCP connections the process has to that port of 127.0.0.1 itself."""
    names = []
    for descriptor in Path(f"/proc/{child.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(os.readlink(descriptor))
    inodes = {match[1] for name in names if (match := re.fullmatch(r"socket:\[(\d+)\]", name))}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2] == f"0100007F:{port:04X}" and row[9] in inodes for row in rows)


def test_http_watches_do_the_whole_job(blue, standin, operator, namespace):
    app = namespace(blue)
    start = records_so_far(blue)
    child = operator(blue, "--watch-transport=http")
    assert transport(child) == "http"
    do_the_job(blue, standin, app)
    wait_for(lambda: all(watches(blue, start).values()), 10, "both watches in the audit log")
    seen = watches(blue, start)
    assert all(60 <= length <= 120 for lengths in seen.values() for length in lengths), seen
    assert "watch" in threads(child)
    assert child.terminate() == 0


def test_websockets_are_the_first_choice(blue, standin, operator, namespace):
    app = namespace(blue)
    start = records_so_far(blue)
    child = operator(blue)
    assert transport(child) == "websocket"
    do_the_job(blue, standin, app)
    wait_for(lambda: all(watches(blue, start).values()), 10, "both watches in the audit log")
    seen = watches(blue, start)
    assert all(300 <= length <= 600 for lengths in seen.values() for length in lengths), seen
    assert "watch" not in threads(child)
    assert not [row for row in child.records() if FALLS_BACK in row.get("msg", "")]


@pytest.fixture
def identity(blue, operator_kubeconfig) -> Path:
    """The operator's own kubeconfig, to be changed."""
    kube.install_crd(blue)
    return operator_kubeconfig(blue)


@pytest.fixture
def gate(blue):
    """gate("403 Forbidden"): before blue's API server; refuses every WebSocket so."""
    listens = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = blue.pki.server("gate", "IP:127.0.0.1")
    listens.load_cert_chain(certificate, certificate.with_suffix(".key"))
    calls = ssl.create_default_context(cafile=str(blue.pki.ca()))
    return lambda status: Gate(listens, ("127.0.0.1", blue.port), calls, status)


@pytest.mark.parametrize(
    ("status", "words"),
    [("403 Forbidden", "answered 403"), ("400 Bad Request", "answered 400"), ("", "within 5 s")],
    ids=["refused", "not-understood", "swallowed"],
)
def test_auto_falls_back_where_no_websocket_gets_through(
    blue, standin, operator, identity, namespace, gate, tmp_path, status, words
):
    app = namespace(blue)
    with gate(status) as between:
        url = {"server": f"https://127.0.0.1:{between.port}"}
        config = change(identity, tmp_path / "gate.kubeconfig", **url)
        child = operator(blue, kubeconfig=config)
        do_the_job(blue, standin, app)
        wait_for(lambda: transport(child) == "http", 60, "the fall-back to be settled on")
        said = [row for row in child.records() if FALLS_BACK in row.get("msg", "")]
        assert len(said) == 1
        assert words in said[0]["error"]
        assert between.refused >= 4
        assert direct_connections(child, blue.port) == 0
        assert child.terminate() == 0


def test_websocket_alone_stays_unready_where_none_gets_through(blue, operator, identity, gate, tmp_path):
    with gate("403 Forbidden") as between:
        url = {"server": f"https://127.0.0.1:{between.port}"}
        config = change(identity, tmp_path / "gate.kubeconfig", **url)
        child = operator(blue, "--watch-transport=websocket", kubeconfig=config, wait=False)
        wait_for(lambda: between.refused >= 6, 60, "six refused handshakes")
        assert transport(child) == "websocket"
        assert child.get("/readyz")[0] == 503
        assert child.terminate() == 0


@pytest.mark.parametrize("choice", ["auto", "http"])
def test_all_connections_go_through_the_http_proxy(blue, standin, operator, identity, namespace, tmp_path, choice):
    app = namespace(blue)
    with ConnectProxy() as proxy:
        url = {"proxy-url": f"http://127.0.0.1:{proxy.port}"}
        config = change(identity, tmp_path / "proxy.kubeconfig", **url)
        child = operator(blue, f"--watch-transport={choice}", kubeconfig=config)
        assert transport(child) == ("http" if choice == "http" else "websocket")
        do_the_job(blue, standin, app)
        assert direct_connections(child, blue.port) == 0
        assert direct_connections(child, proxy.port) >= 3  # two watches, the requests; the lease now and then
        assert set(proxy.targets) == {("127.0.0.1", blue.port)}
        assert len(proxy.targets) >= 4
        assert child.terminate() == 0


@pytest.mark.parametrize("kind", ["socks5", "https"])
def test_auto_takes_http_at_once_through_a_proxy_that_carries_no_websocket(
    blue, standin, operator, identity, namespace, tmp_path, kind
):
    app = namespace(blue)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = blue.pki.server("proxy", "IP:127.0.0.1")
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with SocksProxy() if kind == "socks5" else ConnectProxy(tls) as proxy:
        url = {"proxy-url": f"{kind}://127.0.0.1:{proxy.port}"}
        config = change(identity, tmp_path / "proxy.kubeconfig", **url)
        child = operator(blue, kubeconfig=config)
        assert transport(child) == "http"
        do_the_job(blue, standin, app)
        assert not [row for row in child.records() if FALLS_BACK in row.get("msg", "")]
        assert direct_connections(child, blue.port) == 0
        assert set(proxy.targets) == {("127.0.0.1", blue.port)}
        assert child.terminate() == 0


def test_websocket_alone_is_refused_with_a_proxy_that_carries_none(blue, operator, identity, tmp_path):
    config = change(identity, tmp_path / "proxy.kubeconfig", **{"proxy-url": "socks5://127.0.0.1:1"})
    child = operator(blue, "--watch-transport=websocket", kubeconfig=config, wait=False)
    assert child.wait_end(20) == 1
    said = child.records()[-1]
    assert "proxy-url can't carry WebSockets" in said["error"] and "--watch-transport=auto" in said["error"]
