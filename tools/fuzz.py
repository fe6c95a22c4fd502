#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzzes the parsers with libFuzzer, two targets at a time, and says how many inputs each has run.

    tools/fuzz.py --seconds 60 [arn watch_frame ...]     all targets when none is named
    tools/fuzz.py --keep                                 puts the smallest of what was found into tests/fuzz/corpus

A target begins with what is kept, with what earlier runs have found (build/fuzz/found), and with seeds made of
tests/cases. What makes it crash is cut down, put into build/fuzz/crashes, and named with the command that shows it
again. Once mended, it belongs into tests/fuzz/corpus/<target>, which `make check` replays.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUZZ = Path("tests/fuzz")
BUILT = Path("build/fuzz")
AT_ONCE = 2
LIMITS = ("-timeout=20", "-rss_limit_mb=2048", "-malloc_limit_mb=256")
LONGEST = {"tape": 4096, "arn": 1024}  # bytes; else 8192
CUT_SECONDS = 30
KEPT_FILES, KEPT_BYTES = 85, 1024


# ---- first inputs ----


def plain(file: str) -> Callable[[Path], bytes]:
    return lambda folder: (folder / file).read_bytes()


def aws_answer(folder: Path) -> bytes:
    """answer.txt as fuzz_aws_error reads it: status, name, type, body."""
    head, _, body = (folder / "answer.txt").read_bytes().partition(b"\n\n")
    status = re.search(rb"^HTTP/1.1 (\d+)", head)
    headers = [re.search(rb"^%s: (.*)$" % name, head, re.M | re.I) for name in (b"x-amzn-errortype", b"content-type")]
    first = [status[1] if status else b"0", *(found[1] if found else b"" for found in headers)]
    return b"\n".join([*first, body])


def tape(file: Path) -> bytes:
    """The words of a kept history, two bytes each."""
    words = [word for line in file.read_text().splitlines() if not line.startswith("#") for word in line.split()]
    numbers = []
    for word in words:
        number, _, times = word.partition("*")
        numbers += [int(number)] * int(times or 1)
    return b"".join((number & 0xFFFF).to_bytes(2, "little") for number in numbers)[: LONGEST["tape"]]


ID = "a-abcdefghijklmnop1"
EKS_ARN = f"arn:aws:eks:us-west-2:111122223333:podidentityassociation/prod/{ID}"
SUMMARY = f"""{{"clusterName":"prod","namespace":"app","serviceAccount":"app-sa","associationId":"{ID}",
"associationArn":"{EKS_ARN}"}}"""
WHOLE = SUMMARY[:-1] + (
    ',"roleArn":"arn:aws:iam::111122223333:role/reader","policy":"{\\"Version\\":\\"2012-10-17\\"}","externalId":"x",'
    '"tags":{"a":"b","podbind.dev/owner":"c"},"createdAt":1.703780359717E9,"modifiedAt":"2026-01-01T00:00:00Z",'
    '"disableSessionTags":true,"ownerArn":null,"targetRoleArn":"arn:aws:iam::444455556666:role/t"}'
)
CLUSTER = (
    '{"cluster":{"name":"prod","arn":"arn:aws:eks:us-west-2:111122223333:cluster/prod","status":"ACTIVE","identity":'
    '{"oidc":{"issuer":"https://oidc.example/id/A"}},"certificateAuthority":{"data":"LS0tLS1CRUdJTi0="}}}'
)
META = '"metadata":{"name":"reader","namespace":"app","uid":"1-2","resourceVersion":"7","generation":1,"labels":{"a":"b"}'
BINDING = (
    '{"apiVersion":"podbind.dev/v1alpha1","kind":"PodIdentityBinding",' + META + ',"finalizers":["podbind.dev/association"],'
    '"creationTimestamp":"2026-01-01T00:00:00Z","annotations":{"podbind.dev/reconcile-at":"x"},"managedFields":[{"a":[]}]},'
    '"spec":{"serviceAccountSelector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"k","operator":"In",'
    '"values":["v"]}]},"serviceAccountName":"app-sa","role":"team/a/reader","targetRole":'
    '"arn:aws:iam::444455556666:role/t","sessionPolicy":"{}","tags":{"k":"v"},"adoption":"SameAccess","deletionPolicy":'
    '"Retain","suspend":true},"status":{"observedGeneration":1,"conditions":[{"type":"Ready","status":"True",'
    '"reason":"Ready","message":"m","lastTransitionTime":"2026-01-01T00:00:00Z","observedGeneration":1}],'
    '"associations":[{"serviceAccount":"app-sa","id":"' + ID + '","state":"Associated"}]}}'
)
ACCOUNT = '{"kind":"ServiceAccount",' + META + ',"annotations":{"eks.amazonaws.com/role-arn":"x"}}}'
REQUESTS = ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD http://h/metrics?x HTTP/1.0\n\n", "OPTIONS * HTTP/1.1\r\n\r\n")

# target -> (folder of cases, how a case becomes an input)
CASES: dict[str, tuple[str, str, Callable[[Path], bytes]]] = {
    "aws_error": ("tests/cases/awserror", "*/", aws_answer),
    "exec_credential": ("tests/cases/execcredential", "*/", plain("answer")),
    "kubeconfig": ("tests/cases/kubeconfig", "*/", plain("config")),
    "watch_frame": ("tests/cases/watch", "*/", lambda folder: b"\x09" + (folder / "frame").read_bytes()),
    "tape": ("tests/sim/kept", "*.tape", tape),
    "policy": ("tests/cases/trust", "*/", plain("policy.json")),
}
TEXTS: dict[str, tuple[str, ...]] = {
    "arn": (EKS_ARN, ID, "us-west-2", "team/a/reader", "arn:aws:iam::111122223333:role/team/a/reader", "prod_1"),
    "credentials": (
        '{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s/e+c","Token":"t","Expiration":"2036-11-22T19:28:09Z"}',
    ),
    "eks_read": (
        f'{{"association":{WHOLE}}}',
        f'{{"associations":[{SUMMARY}],"nextToken":"t"}}',
        CLUSTER,
        '{"clusters":["prod","blue"],"nextToken":null}',
        "{}",
    ),
    "health_request": REQUESTS,
    "iam_xml": (
        '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><Path>/</Path><Arn>'
        "arn:aws:iam::111122223333:role/reader</Arn><AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C"
        "%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>",
        '<?xml version="1.0"?><ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role &lt;'
        "a&gt; &#x41; cannot be found.</Message></Error><RequestId>1</RequestId></ErrorResponse>",
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><SecretAccessKey>s</Secret"
        "AccessKey></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    ),
    "profile_file": (
        "[default]\nregion = us-west-2\n[profile p]\nrole_arn=arn # c\nsource_profile = default\ns3 =\n  eks = 1\n"
        "[sso-session s]\na=b\n[services v]\neks =\n  endpoint_url = http://h\n\xff[default]\naws_access_key_id = A\n"
        "aws_secret_access_key = s\n",
    ),
    "kube_page": (
        '{"kind":"PodIdentityBindingList","metadata":{"resourceVersion":"9","continue":"c"},"items":[' + BINDING + "]}",
        '{"kind":"ServiceAccountList","metadata":{"resourceVersion":"9"},"items":[' + ACCOUNT + "]}",
        '{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"too old"}',
    ),
    "watch_frame": tuple(
        f'\x40{{"type":"{kind}","object":{text}}}\n' for kind, text in (("ADDED", BINDING), ("MODIFIED", ACCOUNT))
    ),
}


def write_seeds(target: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    seeds = [text.encode("latin-1") for text in TEXTS.get(target, ())]
    if target in CASES:
        place, pattern, convert = CASES[target]
        seeds += [convert(case) for case in sorted((ROOT / place).glob(pattern)) if case.name[0] != "."]
    for number, seed in enumerate(seeds):
        (folder / f"{number:04}").write_bytes(seed[: longest(target)])


# ---- a target ----


def longest(target: str) -> int:
    return LONGEST.get(target, 8192)


@dataclass
class Outcome:
    target: str
    runs: int = 0
    speed: int = 0
    found: int = 0
    crash: Path | None = None
    said: str = ""


def environment() -> dict[str, str]:
    ours = {"ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return {k: v for k, v in os.environ.items() if not k.startswith("MAKE")} | ours


def program(target: str) -> Path:
    return BUILT / "tests/fuzz" / f"fuzz_{target}"


def run(target: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [program(target), *LIMITS, *arguments], cwd=ROOT, env=environment(), capture_output=True, check=False
    )


def cut_down(target: str, input_: Path, crashes: Path) -> Path:
    """A smaller input that crashes too, under a name that tells the target."""
    with tempfile.TemporaryDirectory() as folder:
        smaller = Path(folder) / "smaller"
        run(target, "-minimize_crash=1", f"-max_total_time={CUT_SECONDS}", f"-exact_artifact_path={smaller}", input_)
        best = smaller if smaller.exists() and run(target, smaller).returncode else input_
        data = best.read_bytes()
    kept = crashes / f"{target}-{hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]}"
    kept.write_bytes(data)
    return kept


def number(said: str, name: str) -> int:
    found = re.search(rf"^stat::{name}:\s*(\d+)", said, re.M)
    return int(found[1]) if found else 0


def fuzz(target: str, seconds: int, seed: int) -> Outcome:
    found, seeds, crashes = BUILT / "found" / target, BUILT / "seeds" / target, ROOT / BUILT / "crashes"
    (ROOT / found).mkdir(parents=True, exist_ok=True)
    crashes.mkdir(exist_ok=True)
    write_seeds(target, ROOT / seeds)
    words = FUZZ / f"fuzz_{target}.dict"
    kept = FUZZ / "corpus" / target
    with tempfile.TemporaryDirectory() as artifacts:
        ran = run(
            target,
            f"-max_total_time={seconds}",
            f"-max_len={longest(target)}",
            f"-seed={seed}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
            *([f"-dict={words}"] if (ROOT / words).exists() else []),
            *(folder for folder in (found, kept, seeds) if (ROOT / folder).is_dir()),
        )
        said = ran.stderr.decode(errors="replace")
        runs, speed = number(said, "number_of_executed_units"), number(said, "average_exec_per_sec")
        outcome = Outcome(target, runs, speed, number(said, "new_units_added"))
        if ran.returncode:
            outcome.said = said[-4000:]
            files = sorted(Path(artifacts).iterdir())
            outcome.crash = cut_down(target, files[0], crashes) if files else Path("?")
    return outcome


def say(outcome: Outcome) -> None:
    print(
        f"  {outcome.target:16} {outcome.runs:10,} executions {outcome.speed:8,}/s {outcome.found:6} new inputs"
        f"  {'CRASH' if outcome.crash else 'ok'}",
        flush=True,
    )
    if outcome.crash:
        print(outcome.said)
        again = outcome.crash.relative_to(ROOT) if outcome.crash.is_absolute() else outcome.crash
        print(f"  again with: {program(outcome.target)} {again}", flush=True)


# ---- what is kept ----


def keep(target: str) -> int:
    """The fewest inputs that reach all that was reached, the small ones of them."""
    kept, folder = ROOT / FUZZ / "corpus" / target, ROOT / BUILT / "merged" / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_seeds(target, ROOT / BUILT / "seeds" / target)
    kept.mkdir(parents=True, exist_ok=True)
    places = (kept, ROOT / BUILT / "seeds" / target, ROOT / BUILT / "found" / target)
    run(target, "-merge=1", folder, *(place for place in places if place.is_dir()))
    small = sorted((path for path in folder.iterdir() if path.stat().st_size <= KEPT_BYTES), key=lambda p: p.stat().st_size)
    for path in small[:KEPT_FILES]:
        shutil.copy(path, kept / path.name[:16])
    return len(list(kept.iterdir()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument("--seed", type=int, default=0, help="0: another each time")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    known = [path.stem.removeprefix("fuzz_") for path in sorted((ROOT / FUZZ).glob("fuzz_*.c"))]
    targets = options.targets or known
    if unknown := [target for target in targets if target not in known]:
        parser.error(f"no target {unknown[0]}: there are {', '.join(known)}")

    make = ["make", "-s", f"-j{AT_ONCE}", "CC=clang-14", "VARIANT=fuzz", *(program(target) for target in targets)]
    subprocess.run(make, cwd=ROOT, env=environment(), check=True)
    if options.keep:
        for target in targets:
            print(f"  {target:16} {keep(target):4} inputs kept", flush=True)
        return 0
    total, crashes = 0, 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(lambda target: fuzz(target, options.seconds, options.seed), targets):
            say(outcome)
            total += outcome.runs
            crashes += outcome.crash is not None
    print(f"{total:,} executions, {crashes} crashes, {len(targets)} targets")
    return 1 if crashes else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except subprocess.CalledProcessError as err:
        sys.exit(f"fuzz: {' '.join(str(word) for word in err.cmd)}: status {err.returncode}")
