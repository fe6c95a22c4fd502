#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One real Kubernetes control plane on 127.0.0.1: etcd, kube-apiserver and a few controllers. No nodes.

As a library:

    with ControlPlane("blue", directory) as blue:
        blue.kubectl("get", "namespaces")

As a command:

    cluster.py up DIR --name blue     prints the admin's kubeconfig when the cluster is ready
    cluster.py down DIR

It looks like an EKS cluster from inside: the issuer of its service account tokens has the form of EKS's, and
differs by name. RBAC is on; every request is in DIR/audit.log at level Metadata, what is
written to a Lease with its body. DIR keeps the state: a second start in the same place has the same objects, keys
and issuer, on new ports.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import os
import select
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from child import Child, Ended, Failed, free_port, wait_for
from pki import Pki

HERE = Path(__file__).resolve().parent
AUDIENCE = "https://kubernetes.default.svc"  # as on EKS
CONTROLLERS = [
    "serviceaccount-controller",  # the default ServiceAccount of each namespace
    "serviceaccount-token-controller",
    "root-ca-certificate-publisher-controller",
    "namespace-controller",  # namespaces terminate
    "garbage-collector-controller",
    "clusterrole-aggregation-controller",
]
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {  # with what was written: who held it until when
            "level": "Request",
            "verbs": ["create", "update"],
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "Metadata"},
    ],
}


@cache
def binaries() -> Path:
    """The directory of the binaries, built by build.sh where they are not there yet."""
    run = subprocess.run([HERE / "build.sh"], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise Failed(f"{HERE / 'build.sh'} failed; its last line above says why")
    return Path(run.stdout.strip())


def issuer_for(name: str) -> str:
    number = hashlib.sha256(name.encode()).hexdigest()[:32].upper()
    return f"https://oidc.eks.us-west-2.amazonaws.com/id/{number}"


def write_kubeconfig(path: Path, server: str, ca_pem: bytes, user: dict[str, str]) -> Path:
    """A kubeconfig without references to other files. JSON, which is YAML too."""
    ca = base64.b64encode(ca_pem).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "default", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "default",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=1) + "\n")
    return path


class ControlPlane:
    """Starts in the main thread only (see child.py). Two of them start sooner by launch(), launch(), wait_ready()."""

    def __init__(
        self, name: str, directory: str | Path, bin_dir: Path | None = None,
        cidr: str = "10.0.0.0/24", apiserver_args: tuple[str, ...] = (),
    ):  # fmt: skip
        self.name = name
        self.directory = Path(directory).resolve()
        self.bin_dir = bin_dir or binaries()
        self.issuer = issuer_for(name)
        self.pki = Pki(self.directory / "pki")
        self.ca_pem = self.pki.ca().read_bytes()
        self.audit_log = self.directory / "audit.log"
        self._etcd_url = f"http://127.0.0.1:{free_port()}"
        self.port = free_port()
        self.server = f"https://127.0.0.1:{self.port}"
        self._admin_kubeconfig = self.kubeconfig("admin")
        self.etcd = self._child("etcd", self._etcd_args())
        self.apiserver = self._child("kube-apiserver", [*self._apiserver_args(cidr), *apiserver_args])
        self.controllers = self._child("kube-controller-manager", self._controller_args())
        self._tls = self._admin_tls()
        self.startups: list[tuple[float, float]] = []  # each: started, ready, in seconds since 1970

    # Life

    def __enter__(self) -> ControlPlane:
        try:
            self.launch()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def launch(self) -> None:
        """Starts everything and waits for nothing: the API server waits for etcd, the controllers for both."""
        self.etcd.start()
        self.apiserver.start()
        if self.has_controllers():
            self.controllers.start()

    def wait_ready(self, seconds: float = 120) -> None:
        self._wait_apiserver(seconds)
        if self.has_controllers():
            default = "/api/v1/namespaces/default/serviceaccounts/default"
            self._wait_for(lambda: self.api("GET", default)[0] == 200, seconds, "its default ServiceAccount")

    def stop(self) -> None:
        """Kills everything. Idempotent."""
        for child in (self.controllers, self.apiserver, self.etcd):
            child.kill()

    def has_controllers(self) -> bool:
        """Binaries given by the user may lack the controller manager; build.sh has said what that means."""
        return Path(self.controllers.argv[0]).exists()

    def stop_apiserver(self, graceful: bool = False) -> None:
        """Ends the API server: at once, or by SIGTERM as a rolling upgrade does it."""
        self.apiserver.stop(signal.SIGTERM if graceful else signal.SIGKILL, seconds=90)

    def start_apiserver(self, seconds: float = 120) -> None:
        """Starts the API server again on the same port, with the same objects, and waits until it is ready."""
        start = time.time()
        self.apiserver.start()
        self._wait_apiserver(seconds)
        self.startups.append((start, time.time()))

    def pause(self) -> None:
        """The API server takes connections and answers nothing, until resume()."""
        self.apiserver.pause()

    def resume(self) -> None:
        self.apiserver.resume()

    # Access

    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig of a user with a client certificate. admin may do all; any other name has no rights
        until a test grants it some."""
        certificate = self.pki.client(user, "system:masters" if user == "admin" else "")
        path = self.directory / f"{user.replace(':', '-')}.kubeconfig"
        keys = {"client-certificate-data": certificate, "client-key-data": certificate.with_suffix(".key")}
        encoded = {field: base64.b64encode(file.read_bytes()).decode() for field, file in keys.items()}
        return write_kubeconfig(path, self.server, self.ca_pem, encoded)

    def write_kubeconfig_for_token(self, path: str | Path, token: str) -> Path:
        return write_kubeconfig(Path(path), self.server, self.ca_pem, {"token": token})

    def token(self, namespace: str, service_account: str, seconds: int = 3600, audience: str = AUDIENCE) -> str:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        spec = {"expirationSeconds": seconds, "audiences": [audience]}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        status, answer = self.api("POST", path, request)
        if status != 201:
            raise Failed(f"no token for {namespace}/{service_account}: {status} {answer}")
        return answer["status"]["token"]

    def kubectl(self, *args: str | Path, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        """kubectl as admin, with its output as text."""
        argv = [self.bin_dir / "kubectl", "--kubeconfig", self._admin_kubeconfig, *args]
        home = {"HOME": str(self.directory), "PATH": os.environ["PATH"]}  # its cache goes below the directory
        run = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=300, env=home, check=False)
        if check and run.returncode:
            words = " ".join(map(str, args))
            raise Failed(f"kubectl {words} on {self.name} ended with {run.returncode}: {run.stderr or run.stdout}")
        return run

    def connection(self) -> http.client.HTTPSConnection:
        """One connection as admin, for many requests in a row; the caller closes it."""
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self._tls, timeout=30)

    def api(self, method: str, path: str, body: object = None, content_type: str = "application/json"):
        """One request as admin, without the price of a kubectl process. Returns the status and the decoded body
        (text where it is not JSON)."""
        connection = self.connection()
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": content_type, "Accept": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        return answer.status, json.loads(text) if text.startswith("{") else text

    def audit(self) -> Iterator[dict]:
        """The audit records so far, oldest first. A record may come a moment after its answer."""
        with self.audit_log.open() as records:
            for line in records:
                if line.endswith("\n"):
                    yield json.loads(line)

    # Below

    def _child(self, name: str, args: list[str | Path]) -> Child:
        env = {**os.environ, "GOGC": "400"}  # ready a second sooner for 60 MB more
        return Child(name, [self.bin_dir / name, *args], self.directory / f"{name}.log", env)

    def _etcd_args(self) -> list[str | Path]:
        peer = f"http://127.0.0.1:{free_port()}"
        return [
            f"--data-dir={self.directory / 'etcd'}", "--unsafe-no-fsync", "--force-new-cluster",
            f"--listen-client-urls={self._etcd_url}", f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
            "--log-level=warn",
        ]  # fmt: skip

    def _apiserver_args(self, cidr: str) -> list[str | Path]:
        serving = self.pki.server("kube-apiserver", "IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc")
        signing = self.pki.signing_key("service-accounts")
        policy = self.directory / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT_POLICY))
        return [
            f"--etcd-servers={self._etcd_url}",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            f"--cert-dir={self.directory / 'pki'}", f"--client-ca-file={self.pki.ca()}",
            f"--tls-cert-file={serving}", f"--tls-private-key-file={serving.with_suffix('.key')}",
            f"--service-account-issuer={self.issuer}", f"--service-account-jwks-uri={self.issuer}/keys",
            f"--service-account-signing-key-file={signing}",
            f"--service-account-key-file={signing.with_suffix('.pub')}", f"--api-audiences={AUDIENCE}",
            "--authorization-mode=RBAC", f"--service-cluster-ip-range={cidr}",
            f"--audit-policy-file={policy}", f"--audit-log-path={self.audit_log}", "--audit-log-maxsize=1000",
            "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000", "--profiling=false",
            "--shutdown-watch-termination-grace-period=3s",  # else an open watch delays SIGTERM by a minute
        ]  # fmt: skip

    def _controller_args(self) -> list[str | Path]:
        return [
            f"--kubeconfig={self._admin_kubeconfig}", "--secure-port=0", "--leader-elect=false",
            f"--root-ca-file={self.pki.ca()}",
            f"--service-account-private-key-file={self.pki.signing_key('service-accounts')}",
            f"--controllers={','.join(CONTROLLERS)}",
        ]  # fmt: skip

    def _admin_tls(self) -> ssl.SSLContext:
        certificate = self.pki.client("admin", "system:masters")
        context = ssl.create_default_context(cafile=str(self.pki.ca()))
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        return context

    def _wait_apiserver(self, seconds: float) -> None:
        self._wait_for(lambda: self.api("GET", "/readyz")[0] == 200, seconds, "its API server")

    def _wait_for(self, predicate, seconds: float, what: str) -> None:
        def alive_and_so():
            for child in (self.etcd, self.apiserver):
                child.check()
            return predicate()

        wait_for(alive_and_so, seconds, f"cluster {self.name}: {what}")


# The command. `up` leaves a keeper behind, which holds the cluster until its owner ends or `down` comes.


def process_alive(pid: int, directory: Path) -> bool:
    """True for a process that runs and was started for this directory: a pid may have been used again."""
    try:
        return str(directory).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def keeper_pid(directory: Path) -> int | None:
    try:
        pid = int((directory / "keeper.pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if process_alive(pid, directory) else None


def keep(args: argparse.Namespace) -> None:
    """Runs in the background. SIGTERM or the owner's end ends it; the kernel ends the cluster with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    watched = [os.pidfd_open(args.owner)] if args.owner else []
    with ControlPlane(args.name, args.directory, cidr=args.cidr):
        (args.directory / "ready").touch()
        select.select(watched, [], [])
    (args.directory / "ready").unlink()


def up(args: argparse.Namespace) -> None:
    start, directory = time.monotonic(), args.directory
    directory.mkdir(parents=True, exist_ok=True)
    if keeper_pid(directory):
        raise Failed(f"a control plane runs in {directory} already; `cluster.py down {directory}` stops it")
    binaries()  # here, where its progress can be seen
    (directory / "ready").unlink(missing_ok=True)
    log = directory / "keeper.log"
    argv = [sys.executable, __file__, "keep", directory, "--name", args.name, "--cidr", args.cidr,
            "--owner", str(args.owner)]  # fmt: skip
    with log.open("wb") as output:
        keeper = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    (directory / "keeper.pid").write_text(f"{keeper.pid}\n")

    def ready():
        if keeper.poll() is not None:
            raise Ended(f"control plane {args.name} did not start:\n{log.read_text()}")
        return (directory / "ready").exists()

    try:
        wait_for(ready, 180, f"control plane {args.name}")
    except BaseException:
        keeper.terminate()
        raise
    print(f"control plane {args.name} ready in {time.monotonic() - start:.1f} s", file=sys.stderr)
    print(directory / "admin.kubeconfig")


def down(args: argparse.Namespace) -> None:
    pid = keeper_pid(args.directory)
    if pid is None:
        raise Failed(f"expected a control plane that `cluster.py up {args.directory}` started; none runs there")
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not process_alive(pid, args.directory), 30, f"the end of keeper {pid}")
    (args.directory / "keeper.pid").unlink()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for function, text in ((up, "start a control plane"), (keep, argparse.SUPPRESS), (down, "stop it")):
        command = commands.add_parser(function.__name__, help=text)
        command.set_defaults(function=function)
        command.add_argument("directory", type=lambda text: Path(text).resolve(), metavar="DIR")
        if function is not down:
            command.add_argument("--name", required=True, help="gives the cluster its issuer")
            command.add_argument("--cidr", default="10.0.0.0/24", help="of Services (default %(default)s)")
            command.add_argument("--owner", type=int, default=os.getppid(), metavar="PID",
                                 help="the cluster ends with this process (default: the caller; 0: stay until down)")  # fmt: skip
    args = parser.parse_args()
    try:
        args.function(args)
    except Failed as error:
        print(f"cluster.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
