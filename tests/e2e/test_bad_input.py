# SPDX-License-Identifier: Apache-2.0
"""What the sources of credentials, EKS's address and the clock can get wrong: each is named in a condition or in the
log, is not asked for again and again, loses nothing, and heals without a restart once it is mended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from lib import kube
from lib.aws_front import Answer, AwsFront

from child import wait_for

WATCHED_SECONDS = 5
STORM = 8  # calls in these seconds: a back-off that begins with a second makes about three
TOKEN = "the-token-of-the-pod"
CREDENTIALS = "/_standin/credentials"


def good(**members: object) -> str:
    expiration = datetime.now(UTC) + timedelta(hours=1)
    answer = {
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE",
        "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYSECRETKEY",
        "Token": "the-session-token",
        "Expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps({name: value for name, value in {**answer, **members}.items() if value is not None})


HTML = "<!DOCTYPE html><html><body>Please log in, the-secret-of-the-portal</body></html>"

# What the credentials endpoint answers, and words that name it.
ANSWERS = {
    "expired": (lambda: Answer(body=good(Expiration="2020-01-01T00:00:00Z")), "hours ago by the clock here"),
    "a_line_break_in_the_token": (lambda: Answer(body=good(Token="a\r\nX-Evil: 1")), "Token"),
    "html": (lambda: Answer(body=HTML, content_type="text/html"), "JSON"),
    "two_megabytes": (lambda: Answer(body='{"a":"' + "x" * (2 << 20) + '"}'), "bytes"),
    "refused": (lambda: Answer(403, json.dumps({"message": "no"})), "403"),
}


@pytest.fixture
def front(standin) -> Iterator[AwsFront]:
    standin.settings(containerToken=TOKEN)
    with AwsFront(standin) as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[AwsFront]:
    """A host that nothing should ever be sent to."""
    with AwsFront() as server:
        yield server


@pytest.fixture
def token(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


@pytest.fixture
def start(operator, front, token):
    """start(cluster): an operator whose credentials come from the container endpoint."""

    def start(cluster, **environment: str):
        settings = {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": front.url + CREDENTIALS,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        }
        return operator(cluster, wait=False, **{**settings, **environment})

    return start


def said(child, cluster, app, *words: str) -> bool:
    """In the log, at warn or error, or in the binding's condition Ready."""
    lines = [str(record) for record in child.records() if record.get("level") in ("warn", "error")]
    ready = kube.conditions(kube.get_binding(cluster, app, "reader")).get("Ready", {})
    return any(all(word in line for word in words) for line in [*lines, ready.get("message", "")])


def endure(child, cluster, app, standin, calls, *words: str) -> None:
    """While it lasts: it is named, there is no storm, and nothing is written."""
    kube.kubectl_apply(cluster, kube.binding(app, "reader", "app-sa", "reader-role"))
    bound = kube.wait_condition(cluster, app, "reader", status="False")
    assert kube.conditions(bound)["Ready"]["reason"] in ("AccessDenied", "EKSUnavailable", "Retrying")
    wait_for(lambda: said(child, cluster, app, *words), 30, f"{child.name} to say {words}")
    before = calls()
    time.sleep(WATCHED_SECONDS)
    assert calls() - before <= STORM
    assert child.get("/healthz")[0] == 200
    assert standin.mutations() == 0
    text = child.log.read_text()
    assert not [secret for secret in (TOKEN, "wJalr", "the-session-token", "the-secret") if secret in text]


def heal(child, cluster, app, standin) -> None:
    """After it is mended: done, by the same process."""
    kube.wait_condition(cluster, app, "reader", seconds=90)
    assert standin.roles(cluster, app) == {"app-sa": "reader-role"}
    assert child.running()


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_of_the_credentials_endpoint(blue, standin, start, front, namespace, what):
    app = namespace(blue)
    answer, word = ANSWERS[what]
    front.answers(CREDENTIALS, answer())
    child = start(blue)
    endure(child, blue, app, standin, lambda: front.asked(CREDENTIALS), word)
    front.clear()
    heal(child, blue, app, standin)


def test_the_credentials_endpoint_redirects(blue, standin, start, front, elsewhere, namespace):
    app = namespace(blue)
    front.answers(CREDENTIALS, Answer(302, headers={"Location": elsewhere.url + CREDENTIALS}))
    child = start(blue)
    endure(child, blue, app, standin, lambda: front.asked(CREDENTIALS), "302")
    assert elsewhere.asked() == 0
    front.clear()
    heal(child, blue, app, standin)


def test_a_token_file_of_two_lines(blue, standin, start, front, token, namespace):
    """Nobody is asked with half a token; white space around a whole one is fine."""
    app = namespace(blue)
    token.write_bytes(f"{TOKEN}\r\nX-Evil: 1".encode())
    child = start(blue)
    endure(child, blue, app, standin, lambda: front.asked(CREDENTIALS), "line breaks")
    assert front.asked() == 0
    token.write_bytes(f"{TOKEN}\r\n".encode())
    heal(child, blue, app, standin)


def test_a_token_file_that_is_not_there_yet(blue, standin, start, front, token, namespace):
    app = namespace(blue)
    token.unlink()
    child = start(blue)
    endure(child, blue, app, standin, lambda: front.asked(CREDENTIALS), str(token), "No such file")
    token.write_text(TOKEN)
    heal(child, blue, app, standin)


def test_a_credentials_endpoint_on_a_foreign_host(blue, standin, start, namespace):
    """Settings that only a restart can change; the token never leaves."""
    app = namespace(blue)
    child = start(blue, AWS_CONTAINER_CREDENTIALS_FULL_URI="http://192.0.2.1/credentials")
    words = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "loopback")
    endure(child, blue, app, standin, lambda: len(standin.requests()), *words)


def test_eks_redirects(blue, standin, operator, front, elsewhere, namespace):
    app = namespace(blue)
    for status in (301, 307):
        front.answers("^/clusters", Answer(status, headers={"Location": elsewhere.url + "/clusters"}))
    child = operator(blue, wait=False, AWS_ENDPOINT_URL=front.url)
    endure(child, blue, app, standin, lambda: front.asked("^/clusters"), "307")
    assert elsewhere.asked() == 0
    front.clear()
    heal(child, blue, app, standin)


def test_credentials_expire_under_it(blue, standin, start, front, namespace):
    """What is there stays, and so does what it says; new ones are fetched as soon as there are some."""
    app = namespace(blue)
    child = start(blue).wait_ready()
    kube.kubectl_apply(blue, kube.binding(app, "reader", "app-sa", "reader-role"))
    kube.wait_condition(blue, app, "reader")
    held = standin.association(blue, app, "app-sa")
    front.answers(CREDENTIALS, Answer(503, "trouble"))
    standin.fault("*", kind="error", error="ExpiredTokenException", status=403, count=1)
    kube.kubectl_apply(blue, kube.binding(app, "later", "later-sa", "reader-role"))
    kube.wait_condition(blue, app, "later", status="False")
    before = front.asked(CREDENTIALS)
    time.sleep(WATCHED_SECONDS)
    assert 1 <= front.asked(CREDENTIALS) - before <= STORM
    assert standin.association(blue, app, "app-sa") == held
    front.clear()
    kube.wait_condition(blue, app, "later", seconds=90)
    kube.wait_condition(blue, app, "reader")
    assert standin.association(blue, app, "app-sa") == held
    assert "DeletePodIdentityAssociation" not in standin.counters()
    assert child.running()
