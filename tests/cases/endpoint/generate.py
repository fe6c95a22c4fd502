#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes rows.tsv: what botocore's own endpoint rule sets compute for EKS, IAM and STS.

    build/venv/bin/python tests/cases/endpoint/generate.py            # compares, says what differs
    build/venv/bin/python tests/cases/endpoint/generate.py --write    # writes the file anew

Columns: service, region, flags, override, URL or "error: <what botocore says>", signing region. A dash is
nothing; as signing region it is "the rule set leaves it to the client".
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError
from botocore.loaders import Loader

FILE = Path(__file__).with_name("rows.tsv")
SERVICES = ("eks", "iam", "sts")
FLAGS = ("fips", "dual-stack", "legacy")  # legacy: AWS_STS_REGIONAL_ENDPOINTS, of STS alone
OVERRIDE = "https://vpce.example:8443"
UNKNOWN = ("us-future-9", "cn-south-9", "us-gov-middle-9", "us-iso-south-9", "eu-isoe-north-9", "xx-far-9")
HEADER = "# service\tregion\tflags\toverride\tURL or error\tsigning region"


def regions(loader: Loader) -> list[str]:
    """Those that botocore knows, without its pseudo regions such as aws-global, and some that nobody knows yet."""
    known = [name for partition in loader.load_data("partitions")["partitions"] for name in partition["regions"]]
    return sorted(name for name in known if not name.endswith("-global")) + list(UNKNOWN)


def combinations(service: str) -> Iterator[tuple[str, ...]]:
    flags = FLAGS if service == "sts" else FLAGS[:2]
    return itertools.chain.from_iterable(itertools.combinations(flags, n) for n in range(len(flags) + 1))


def row(provider: EndpointProvider, service: str, region: str, flags: tuple[str, ...], override: str) -> str:
    parameters = {"Region": region, "UseFIPS": "fips" in flags, "UseDualStack": "dual-stack" in flags}
    if service == "sts":
        parameters["UseGlobalEndpoint"] = "legacy" in flags
    if override:
        parameters["Endpoint"] = override
    try:
        endpoint = provider.resolve_endpoint(**parameters)
        url = endpoint.url
        schemes = endpoint.properties.get("authSchemes", [{}])
        signing = schemes[0].get("signingRegion", "-" if service == "iam" else region)
    except EndpointProviderError as err:
        url, signing = f"error: {err.kwargs.get('msg', err)}", "-"
    return "\t".join((service, region, ",".join(flags) or "-", override or "-", url, signing))


def rows() -> list[str]:
    loader = Loader()
    partitions = loader.load_data("partitions")
    found = [HEADER]
    for service in SERVICES:
        provider = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
        for region, flags in itertools.product(regions(loader), combinations(service)):
            found.append(row(provider, service, region, flags, ""))
        for region, flags in itertools.product(("us-west-2", "cn-north-1"), combinations(service)):
            found.append(row(provider, service, region, flags, OVERRIDE))
    return found


def main() -> int:
    text = "".join(f"{line}\n" for line in rows())
    if "--write" in sys.argv[1:]:
        FILE.write_text(text)
        return 0
    if FILE.read_text() == text:
        return 0
    print(f"{FILE.name} is not what this botocore computes: run {Path(__file__).name} --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
