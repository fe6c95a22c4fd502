#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# node.sh: makes build/node/node_modules from tests/standin/js/package-lock.json (versions and hashes pinned),
# unless it was made from the same files with the same node. Prints the folder that holds it.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=tests/standin/js
folder=build/node
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    echo "node: node and npm are not both here: run tools/deps.sh" >&2
    exit 1
fi

mkdir -p "$folder"
exec 9>"$folder.lock"
flock -w 600 9
stamp="$(node --version) $(cat "$wanted/package.json" "$wanted/package-lock.json" | sha256sum)"
if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
    echo "node: making $folder/node_modules from $wanted" >&2
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "$wanted/package.json" "$wanted/package-lock.json" "$folder"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    printf '%s\n' "$stamp" >"$folder/stamp"
fi
echo "$folder"
