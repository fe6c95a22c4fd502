# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of one throw-away control plane, by the openssl program. EC P-256: about 10 ms each."""

from __future__ import annotations

import subprocess
from pathlib import Path

from child import Failed


def openssl(*args: str | Path) -> None:
    try:
        run = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed("expected the openssl program on PATH, to make the control plane's certificates") from None
    if run.returncode:
        raise Failed(f"openssl {args[0]} failed: {run.stderr.strip()}")


class Pki:
    """Certificates below one directory, each made when it is first asked for."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.config = directory / "openssl.cnf"  # not the machine's own, whose extensions would come on top
        self.config.write_text("[req]\ndistinguished_name = dn\n[dn]\n")

    def ca(self) -> Path:
        usage = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        return self._certificate("ca", "/CN=podbind-test-ca", usage, signed=False)

    def server(self, name: str, alt_names: str) -> Path:
        return self._certificate(name, f"/CN={name}", ["extendedKeyUsage=serverAuth", f"subjectAltName={alt_names}"])

    def client(self, user: str, group: str = "") -> Path:
        """A certificate for a Kubernetes user; its group only counts when it is first made."""
        subject = f"/O={group}/CN={user}" if group else f"/CN={user}"
        return self._certificate(f"user-{user.replace(':', '-')}", subject, ["extendedKeyUsage=clientAuth"])

    def signing_key(self, name: str) -> Path:
        """A key pair <name>.key, <name>.pub without a certificate."""
        key = self.directory / f"{name}.key"
        if not key.exists():
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
            openssl("pkey", "-in", key, "-pubout", "-out", key.with_suffix(".pub"))
        return key

    def _certificate(self, name: str, subject: str, extensions: list[str], signed: bool = True) -> Path:
        certificate, key = self.directory / f"{name}.crt", self.directory / f"{name}.key"
        if certificate.exists():
            return certificate
        extensions = [*extensions, "subjectKeyIdentifier=hash"]
        signer: list[str | Path] = []
        if signed:
            extensions.append("authorityKeyIdentifier=keyid")
            signer = ["-CA", self.ca(), "-CAkey", self.directory / "ca.key"]
        added = [arg for extension in extensions for arg in ("-addext", extension)]
        openssl("req", "-x509", "-config", self.config, "-subj", subject, *added, *signer, "-days", "30",
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate)  # fmt: skip
        return certificate
