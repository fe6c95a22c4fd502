# SPDX-License-Identifier: Apache-2.0
"""`build/podbind-standin`, the AWS of a test."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from child import Child, Failed, free_port, wait_for
from cluster import issuer_for

from . import ROOT

BINARY = Path(os.environ.get("PODBIND_STANDIN", ROOT / "build" / "podbind-standin"))
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Standin(Child):
    """Knows a cluster eks-<name> for each name, with the issuer that ControlPlane(name) has."""

    def __init__(self, log: Path, names: list[str], *flags: str):
        if not BINARY.exists():
            raise Failed(f"expected the AWS stand-in at {BINARY}; `make programs` builds it")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        clusters = [f"--cluster=eks-{name},issuer={issuer_for(name)}" for name in names]
        flags = (f"--port={self.port}", f"--credentials={KEY_ID}:{SECRET}", *clusters, *flags)
        super().__init__("podbind-standin", [BINARY, *flags], log)

    def __enter__(self) -> Standin:
        self.start()
        try:
            wait_for(self.listens, 20, "the AWS stand-in to listen")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def aws_environment(self) -> dict[str, str]:
        """What sends an AWS client here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def listens(self) -> bool:
        self.check()
        socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        return True
