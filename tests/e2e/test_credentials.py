# SPDX-License-Identifier: Apache-2.0
"""Operators that get their AWS credentials from web identity, a profile and the instance."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from lib import kube
from lib.credential_server import CredentialServer
from lib.operator import Operator

from child import wait_for

NO_KEYS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
ROLE = "arn:aws:iam::111122223333:role/podbind"
JWT = "eyJhbGciOi.the-web-identity.of-the-test"


@pytest.fixture
def source(standin) -> Iterator[CredentialServer]:
    with CredentialServer(standin) as server:
        yield server


def bind(cluster, app: str) -> None:
    kube.kubectl_apply(cluster, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(cluster, app, "reader")


def told(child: Operator, message: str) -> list[dict]:
    return [record for record in child.records() if record.get("msg") == message]


def assert_source(child: Operator, name: str) -> None:
    assert told(child, "AWS credentials are there")[-1]["source"] == name
    assert told(child, "podbind starts")[0]["credentials"] == name


def assert_no_secret(child: Operator, *secrets: str) -> None:
    text = child.log.read_text()
    assert [secret for secret in secrets if secret in text] == []


def web_identity(source: CredentialServer, folder: Path) -> dict[str, str]:
    token = folder / "token"
    token.write_text(JWT + "\n")
    return {**NO_KEYS, "AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            "AWS_ROLE_SESSION_NAME": "blue", "AWS_ENDPOINT_URL_STS": source.url}  # fmt: skip


def test_web_identity(blue, operator, namespace, source, tmp_path):
    app = namespace(blue)
    child = operator(blue, **web_identity(source, tmp_path))
    bind(blue, app)
    [(method, _, headers, body)] = source.requests
    form = {name: value for name, [value] in parse_qs(body).items()}
    assert (method, form["Action"]) == ("POST", "AssumeRoleWithWebIdentity")
    assert (form["RoleArn"], form["RoleSessionName"], form["WebIdentityToken"]) == (ROLE, "blue", JWT)
    assert "authorization" not in headers
    assert_source(child, "web identity")
    assert_no_secret(child, JWT, *source.given)


def test_a_profile_with_a_program(blue, operator, namespace, source, tmp_path):
    app = namespace(blue)
    printed, config = tmp_path / "printed", tmp_path / "config"
    given = source.fresh()
    printed.write_text(json.dumps({"Version": 1, "SessionToken": given.pop("Token"), **given}))
    config.write_text(f"[default]\nregion = us-west-2\n[profile prod]\ncredential_process = cat '{printed}'\n")
    child = operator(blue, **NO_KEYS, AWS_CONFIG_FILE=str(config), AWS_PROFILE="prod")
    bind(blue, app)
    assert_source(child, 'profile "prod": credential_process')
    assert_no_secret(child, *source.given)


def test_a_profile_with_region_and_endpoint(blue, standin, operator, namespace, tmp_path):
    app = namespace(blue)
    config = tmp_path / "config"
    config.write_text(f"[profile prod]\nregion = us-west-2\nendpoint_url = {standin.url}\n")
    child = operator(blue, AWS_REGION="", AWS_ENDPOINT_URL="", AWS_CONFIG_FILE=str(config), AWS_PROFILE="prod")
    bind(blue, app)
    assert standin.roles(blue, app) == {"app-sa": "reader-role"}
    [started] = told(child, "podbind starts")
    assert (started["region"], started["region_from"]) == ("us-west-2", "profile")


def test_a_program_that_hangs_holds_up_nothing_else(blue, operator, tmp_path):
    config = tmp_path / "config"
    config.write_text("[default]\ncredential_process = sleep 1000\n")
    child = operator(blue, wait=False, **NO_KEYS, AWS_CONFIG_FILE=str(config))
    wait_for(lambda: told(child, "bindings and service accounts are known"), 20, "the watches")
    wait_for(lambda: told(child, "not working"), 20, "the calls to EKS to be given up")
    assert "waiting for AWS credentials" in told(child, "not working")[0]["error"]
    assert child.get("/healthz")[0] == 200
    start = time.monotonic()
    assert child.terminate() == 0
    assert time.monotonic() - start < 5


def test_instance_metadata(blue, operator, namespace, source):
    app = namespace(blue)
    child = operator(blue, **NO_KEYS, AWS_EC2_METADATA_SERVICE_ENDPOINT=source.url)
    bind(blue, app)
    assert [(method, path.rpartition("/")[2]) for method, path, _, _ in source.requests] == [
        ("PUT", "token"), ("GET", ""), ("GET", "podbind-node")]  # fmt: skip
    assert_source(child, "instance metadata")
    assert_no_secret(child, "session-token-of-imds", *source.given)


def test_a_source_that_is_mended_needs_no_restart(blue, operator, namespace, source, tmp_path):
    app = namespace(blue)
    source.broken = (502, f"<html>{JWT}</html>")
    child = operator(blue, wait=False, **web_identity(source, tmp_path))
    wait_for(lambda: told(child, "no AWS credentials"), 20, "the log to say so")
    assert "STS answered 502" in told(child, "no AWS credentials")[0]["error"]
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    source.broken = None
    kube.wait_condition(blue, app, "reader", seconds=90)
    assert len(source.requests) < 12
    assert len(told(child, "no AWS credentials")) == 1
    assert told(child, "AWS credentials are there")[-1]["source"] == "web identity"
    assert_no_secret(child, JWT, *source.given)
