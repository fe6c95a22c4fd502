#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs the "podbind-" cases with botocore: what is expected in them is botocore's work, not ours.

    build/venv/bin/python tests/cases/sigv4/generate.py            # compares, says what differs
    build/venv/bin/python tests/cases/sigv4/generate.py --write    # writes the expected files anew

A new case needs its request.txt and context.json; the other files come from here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FOLDER = Path(__file__).parent
TIMESTAMP = "20150830T123600Z"  # of every case


def read_request(text: str) -> AWSRequest:
    head, _, body = text.partition("\n\n")
    first, *lines = head.split("\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(":", 1) for line in lines if line)
    return AWSRequest(method=method, url=f"https://{headers.pop('Host')}{target}", headers=headers, data=body)


def expected(case: Path) -> dict[str, str]:
    context = json.loads((case / "context.json").read_text())
    keys = context["credentials"]
    credentials = Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("token"))
    auth = SigV4Auth(credentials, context["service"], context["region"])
    request = read_request((case / "request.txt").read_text())
    request.context["timestamp"] = TIMESTAMP
    request.headers["X-Amz-Date"] = TIMESTAMP
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    canonical = auth.canonical_request(request)
    to_sign = auth.string_to_sign(request, canonical)
    return {
        "header-canonical-request.txt": canonical,
        "header-string-to-sign.txt": to_sign,
        "header-signature.txt": auth.signature(to_sign, request),
    }


def main() -> int:
    write, wrong = "--write" in sys.argv[1:], []
    for case in sorted(FOLDER.glob("podbind-*")):
        for name, text in expected(case).items():
            file = case / name
            if write:
                file.write_text(text)
            elif not file.exists() or file.read_text() != text:
                wrong.append(f"{case.name}/{name}")
    if wrong:
        print(f"not what this botocore signs: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
