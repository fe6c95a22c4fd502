# SPDX-License-Identifier: Apache-2.0
"""Instance metadata and STS on 127.0.0.1, which hand out credentials that the AWS stand-in takes."""

from __future__ import annotations

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from .standin import Standin

ROLE = "podbind-node"
DOOR = "the-door-of-the-test"  # to the stand-in's own endpoint for credentials
STS = "https://sts.amazonaws.com/doc/2011-06-15/"
MEMBERS = {"AccessKeyId": "AccessKeyId", "SecretAccessKey": "SecretAccessKey", "SessionToken": "Token",
           "Expiration": "Expiration"}  # fmt: skip


class CredentialServer:
    """`broken`, when it is set, is the status and body that every request is answered with."""

    def __init__(self, standin: Standin):
        self.standin = standin
        standin.settings(containerToken=DOOR)
        self.requests: list[tuple[str, str, dict[str, str], str]] = []  # method, path, headers, body
        self.broken: tuple[int, str] | None = None
        self.given: list[str] = []  # all secrets that it told

    def __enter__(self) -> CredentialServer:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                owner.handle(self)

            do_GET = do_PUT = do_POST = handle_one

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def fresh(self) -> dict[str, str]:
        """New credentials, as the stand-in's container endpoint gives them."""
        connection = http.client.HTTPConnection("127.0.0.1", self.standin.port, timeout=10)
        try:
            connection.request("GET", "/_standin/credentials", headers={"Authorization": DOOR})
            given = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        self.given += [given["SecretAccessKey"], given["Token"]]
        return given

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((request.command, request.path, headers, body))
        status, text = self.broken or self.answer(request.command, request.path, headers, body)
        request.send_response(status)
        request.send_header("Content-Length", str(len(text.encode())))
        request.end_headers()
        request.wfile.write(text.encode())

    def answer(self, method: str, path: str, headers: dict[str, str], body: str) -> tuple[int, str]:
        below = "/latest/meta-data/"
        if method == "POST":
            return self.sts(parse_qs(body))
        if method == "PUT" and path == "/latest/api/token" and "x-aws-ec2-metadata-token-ttl-seconds" in headers:
            return 200, "session-token-of-imds"
        if headers.get("x-aws-ec2-metadata-token") != "session-token-of-imds":
            return 401, ""
        if path == f"{below}iam/security-credentials/":
            return 200, ROLE
        if path == f"{below}iam/security-credentials/{ROLE}":
            return 200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", **self.fresh()})
        return (200, "us-west-2") if path == f"{below}placement/region" else (404, "")

    def sts(self, form: dict[str, list[str]]) -> tuple[int, str]:
        [action] = form["Action"]
        given = self.fresh()
        inside = "".join(f"<{name}>{given[key]}</{name}>" for name, key in MEMBERS.items())
        return 200, (f'<{action}Response xmlns="{STS}"><{action}Result><Credentials>{inside}</Credentials>'
                     f"</{action}Result></{action}Response>")  # fmt: skip
