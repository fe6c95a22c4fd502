# SPDX-License-Identifier: Apache-2.0
"""`build/podbind-standin`, the AWS of a test, and what its /_standin/ endpoints show and change."""

from __future__ import annotations

import http.client
import json
import os
from pathlib import Path

from child import Child, Failed, free_port, wait_for
from cluster import ControlPlane, issuer_for

from . import ROOT
from .policy import Policy

BINARY = Path(os.environ.get("PODBIND_STANDIN", ROOT / "build" / "podbind-standin"))
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Standin(Child):
    """Knows a cluster eks-<name> for each name, with the issuer that ControlPlane(name) has, and a key for its
    operator, which may do what the policy of docs/iam.md allows it, and no more. Whatever key is made besides may do
    what the first of them may."""

    def __init__(self, log: Path, names: list[str], *flags: str):
        if not BINARY.exists():
            raise Failed(f"expected the AWS stand-in at {BINARY}; `make programs` builds it")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        clusters = [f"--cluster=eks-{name},issuer={issuer_for(name)}" for name in names]
        self.policies = {name: Policy({"Cluster": f"eks-{name}"}) for name in names}
        self.expects_refusals = False  # set by a test that takes rights away
        keys = [f"--credentials={self.key_id(name)}:{SECRET}" for name in names]
        flags = (f"--port={self.port}", *keys, *self._policy_flags(log), *clusters, *flags)
        super().__init__("podbind-standin", [BINARY, *flags], log)

    def key_id(self, name: str) -> str:
        number = list(self.policies).index(name)
        return f"{KEY_ID}{number or ''}"

    def _policy_flags(self, log: Path) -> list[str]:
        flags = []
        for number, (name, policy) in enumerate(self.policies.items()):
            path = log.with_name(f"{log.stem}.{name}.policy.json")
            path.write_text(json.dumps(policy.document(), indent=2))
            flags.append(f"--policy={self.key_id(name)}={path}" if number else f"--policy={path}")
        return flags

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

    def aws_environment(self, name: str = "") -> dict[str, str]:
        """What sends an AWS client here, as the operator of eks-<name>, or of the first there is."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": self.key_id(name or next(iter(self.policies))),
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    # By hand. What is changed here is visible at once and asks for no permission.

    def control(self, method: str, path: str, body: object = None):
        """One request below /_standin/; the answer, or None for a 404 to a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, f"/_standin/{path}", None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status == 404 and method == "GET":
            return None
        if answer.status != 200:
            raise Failed(f"{method} /_standin/{path} answered {answer.status}: {text}")
        return json.loads(text)

    def associations(self, cluster: ControlPlane) -> dict[tuple[str, str], dict]:
        """What EKS holds, by (namespace, service account): what is written, whether or not reads show it yet."""
        rows = self.control("GET", f"clusters/eks-{cluster.name}/associations")
        return {(row["namespace"], row["serviceAccount"]): row for row in rows if row["state"] != "ghost"}

    def association(self, cluster: ControlPlane, namespace: str, service_account: str) -> dict | None:
        return self.associations(cluster).get((namespace, service_account))

    def roles(self, cluster: ControlPlane, namespace: str) -> dict[str, str]:
        """What EKS holds for a namespace: the role's name, with its path, by service account."""
        rows = self.associations(cluster).items()
        return {key[1]: row["roleArn"].split(":role/")[1] for key, row in rows if key[0] == namespace}

    def wait_roles(self, cluster: ControlPlane, namespace: str, wanted: dict[str, str], seconds: float = 30) -> None:
        """Waits until EKS holds exactly these for the namespace."""
        what = f"EKS to hold {wanted} for {namespace} on {cluster.name}"
        try:
            wait_for(lambda: self.roles(cluster, namespace) == wanted, seconds, what)
        except Failed as error:
            raise Failed(f"{error}; EKS holds {self.roles(cluster, namespace)}") from None

    def mutations(self) -> int:
        """How many calls that change EKS it has been asked for, granted or not."""
        verbs = ("Create", "Update", "Delete", "Tag", "Untag")
        return sum(sum(row.values()) for name, row in self.counters().items() if name.startswith(verbs))

    def put_association(self, cluster: ControlPlane, namespace: str, service_account: str, **members: object) -> dict:
        """Makes one, or replaces it whole: roleArn=..., tags={...}."""
        return self.control("PUT", self._path(cluster, namespace, service_account), members)

    def change_association(self, cluster: ControlPlane, namespace: str, service_account: str, **members) -> dict:
        """Changes the given members only."""
        return self.control("PATCH", self._path(cluster, namespace, service_account), members)

    def delete_association(self, cluster: ControlPlane, namespace: str, service_account: str) -> None:
        self.control("DELETE", self._path(cluster, namespace, service_account))

    def put_role(self, name: str, **members: object) -> None:
        """Makes a role, or replaces it whole: path="/team/a/", trust={...}, missing=True, getDenied=True."""
        self.control("PUT", f"roles/{name}", members)

    def fault(self, operation: str = "*", **members: object) -> None:
        """Adds one: fault("CreatePodIdentityAssociation", kind="reset", afterEffect=True, count=1)."""
        self.control("POST", "faults", {"operation": operation, **members})

    def clear_faults(self) -> None:
        self.control("DELETE", "faults")

    def settings(self, **members: object) -> dict:
        """Changes the given ones: settings(propagation="2s", rate=5). Returns them all."""
        return self.control("PUT", "settings", members)

    def counters(self) -> dict[str, dict[str, int]]:
        """How often each operation ended how: {"ListPodIdentityAssociations": {"ok": 3}}."""
        return self.control("GET", "counters")["counters"]

    def requests(self) -> list[dict]:
        """The last requests that it served, oldest first."""
        return self.control("GET", "requests")

    def allow(self, name: str, *extras: str, **places: str) -> None:
        """Gives the operator of eks-<name> what docs/iam.md says that some need besides; or another Cluster, Instance
        or RolePath."""
        policy = self.policies[name]
        before = policy.document()
        policy.extras |= set(extras)
        policy.places |= places
        if policy.document() != before:  # it may not run: a test may have ended it
            self._put_policy(name)

    def follow(self, name: str, *flags: str) -> None:
        """The policy that fits an operator with these flags."""
        given = dict(flag[2:].split("=", 1) for flag in flags if "=" in flag)
        cluster = given.get("cluster-name", f"eks-{name}")
        places = {"Instance": given["instance"]} if "instance" in given else {}
        if cluster != "auto":
            places["Cluster"] = cluster
        self.allow(name, *(["auto"] if cluster == "auto" else []), **places)

    def deny(self, name: str, *actions: str) -> None:
        """The policy without these actions; without any, whole again."""
        self.expects_refusals = True
        self.policies[name].without = set(actions)
        self._put_policy(name)

    def _put_policy(self, name: str) -> None:
        own = "" if name == next(iter(self.policies)) else f"/{self.key_id(name)}"
        self.control("PUT", f"policy{own}", self.policies[name].document())

    def permissions(self) -> dict[str, dict[str, int]]:
        """How often which action was allowed and denied: {"allowed": {"eks:ListClusters": 1}, "denied": {}}."""
        return self.control("GET", "policy")

    def listens(self) -> bool:
        self.check()
        return self.control("GET", "clusters") is not None

    def _path(self, cluster: ControlPlane, namespace: str, service_account: str) -> str:
        return f"clusters/eks-{cluster.name}/associations/{namespace}/{service_account}"
