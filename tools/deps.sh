#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [package...]: installs the Debian packages that building and testing needs, and those given,
# if any is missing.
# Prints the line it runs; where it may not run it, prints it and stops.
set -euo pipefail

packages=(
    gcc libc6-dev make pkg-config
    libcurl4-openssl-dev libjansson-dev libyaml-dev libexpat1-dev libwebsockets-dev libssl-dev
    libcmocka-dev libmicrohttpd-dev
    clang-14 clang-tidy-14 clang-format-14 libclang-rt-14-dev
    openssl ca-certificates python3 python3-venv
    "$@"
)
# The AWS SDK for JavaScript judges the stand-in. Whoever has node has npm with it; Debian's are two packages.
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps: this is not a Debian machine: please install what these Debian 12 packages hold: ${packages[*]}" >&2
    pkg-config --exists libcurl jansson yaml-0.1 expat libwebsockets libcrypto libssl cmocka libmicrohttpd
    exit
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

become=()
[ "$(id -u)" = 0 ] || become=(sudo)
update=("${become[@]}" apt-get -qq update)
install=("${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=600
    install --no-install-recommends "${missing[@]}")

if [ ${#become[@]} -gt 0 ] && ! command -v sudo >/dev/null; then
    printf '%s\n' "apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    echo "deps: packages are missing and this user is not root and has no sudo: please run the line above as root." >&2
    exit 1
fi
if [ ${#become[@]} -gt 0 ] && [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
    printf '%s\n' "${update[*]} && ${install[*]}"
    echo "deps: packages are missing and sudo asks for a password here: please run the line above at a terminal." >&2
    exit 1
fi

printf '%s\n' "${update[*]} && ${install[*]}"
# apt-get update does not wait for the lock of the package lists, so it is tried again.
for try in 1 2 3 4 5; do
    "${update[@]}" && break
    [ "$try" -lt 5 ] || { echo "deps: apt-get update failed 5 times; its words are above." >&2; exit 1; }
    sleep $((try * 5))
done
"${install[@]}"
