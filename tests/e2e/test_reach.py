# SPDX-License-Identifier: Apache-2.0
"""How AWS is reached: whom the operator trusts as AWS, and with what clock it signs."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from lib import kube
from lib.relay import Relay
from lib.standin import KEY_ID, SECRET

from child import wait_for
from pki import Pki

WRONG = "this machine's clock is wrong: requests are signed with the time of AWS"
RIGHT = "this machine's clock agrees with that of AWS again"


class TlsEndpoint(Relay):
    """The stand-in behind TLS, with a certificate of a CA that nobody knows."""

    def __init__(self, directory: Path, port: int):
        super().__init__()
        pki = Pki(directory)
        certificate = pki.server("aws", "IP:127.0.0.1")
        self.far, self.ca = port, pki.ca()
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, certificate.with_suffix(".key"))

    async def meet(self, reader, writer):
        return await self.connect("127.0.0.1", self.far)


@pytest.fixture
def endpoint(standin, tmp_path) -> Iterator[TlsEndpoint]:
    with TlsEndpoint(tmp_path / "pki", standin.port) as relay:
        yield relay


def said(child, message: str) -> list[dict]:
    return [record for record in child.records() if record.get("msg") == message]


@pytest.mark.parametrize(("ahead", "word"), [("1h", "behind"), ("-1h", "ahead")])
def test_a_clock_an_hour_off_is_said_once_and_stops_nothing(blue, standin, operator, namespace, ahead, word):
    app = namespace(blue)
    standin.settings(clockAhead=ahead)
    child = operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}
    (record,) = said(child, WRONG)
    assert (record["level"], record["clock"].split()[1]) == ("warn", word)
    assert record["clock"].split()[0] in ("60m0s", "59m59s", "60m1s")


def test_a_clock_that_is_mended_is_noticed(blue, standin, operator, namespace):
    app = namespace(blue)
    standin.settings(clockAhead="1h")
    child = operator(blue)
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    standin.settings(clockAhead="0s")
    kube.kubectl_apply(blue, kube.binding(app, "writer", "writer-sa", "writer-role"))
    kube.wait_condition(blue, app, "writer")
    wait_for(lambda: said(child, RIGHT), 10, "a line that says so")
    assert len(said(child, WRONG)) == 1
    assert standin.roles(blue, app) == {"app-sa": "reader-role", "writer-sa": "writer-role"}


@pytest.mark.parametrize("ahead", ["1h", "-1h"])
def test_a_clock_an_hour_off_keeps_no_role_from_being_assumed(blue, standin, operator, namespace, tmp_path, ahead):
    """STS is the first that sees a signature, and while it refuses, nobody else can tell the time."""
    app = namespace(blue)
    config = tmp_path / "config"
    config.write_text(
        "[default]\nrole_arn = arn:aws:iam::111122223333:role/podbind\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    standin.settings(clockAhead=ahead)
    child = operator(blue, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_CONFIG_FILE=str(config))
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert len(said(child, WRONG)) == 1


# ---- certificates ----


def test_a_ca_bundle_makes_an_endpoint_trusted(blue, standin, endpoint, operator, namespace):
    app = namespace(blue)
    operator(blue, AWS_ENDPOINT_URL=f"https://127.0.0.1:{endpoint.port}", AWS_CA_BUNDLE=str(endpoint.ca))
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}


def test_an_endpoint_that_nobody_vouches_for_gets_no_call(blue, standin, endpoint, operator, namespace):
    namespace(blue)
    child = operator(blue, wait=False, AWS_ENDPOINT_URL=f"https://127.0.0.1:{endpoint.port}")
    wait_for(lambda: said(child, "not working"), 30, "a line that says why")
    assert "certificate" in said(child, "not working")[0]["error"].lower()
    assert standin.counters() == {}


def test_a_ca_bundle_that_is_not_there_ends_it_at_once(blue, operator, namespace, tmp_path):
    namespace(blue)
    child = operator(blue, wait=False, AWS_CA_BUNDLE=str(tmp_path / "none.pem"))
    assert child.wait_end(10) == 2
    assert f"AWS_CA_BUNDLE: cannot open {tmp_path / 'none.pem'}: No such file or directory" in child.log.read_text()
