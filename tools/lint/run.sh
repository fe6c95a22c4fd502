#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [check...]: runs the checks, all of them by default. One line each when it holds; else what it
# found. The cheap ones come first; layers, purity and tidy read what the gcc and clang builds left.
set -uo pipefail
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS
export PYTHONPYCACHEPREFIX=build/pycache

check_format() { tools/lint/format.sh; }
check_banned() { tools/lint/banned.py; }
check_sizes() { tools/lint/sizes.py; }
check_text() { tools/lint/text.py; }
check_reasons() { tools/lint/reasons.py; }
check_gcc() { make -k CC=gcc objects && echo "no warnings"; }
check_headers() { make -k CC=gcc headers && echo "each compiles alone"; }
check_clang() { make -k CC=clang-14 BUILD=build/clang objects && echo "no warnings"; }
check_layers() { tools/lint/layers.py; }
check_purity() { tools/lint/purity.py; }
check_tidy() { tools/lint/tidy.py; }

checks=("$@")
[ $# -gt 0 ] || checks=(format banned sizes text reasons gcc headers clang layers purity tidy)
said=$(mktemp)
trap 'rm -f "$said"' EXIT
failed=()
for check in "${checks[@]}"; do
    start=$EPOCHREALTIME
    if "check_$check" >"$said" 2>&1; then
        word=ok
    else
        word=FAIL failed+=("$check")
        cat "$said"
    fi
    seconds=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    if [ "$word" = ok ]; then
        printf '  %-5s %-8s %5s s  %s\n' ok "$check" "$seconds" "$(tail -n 1 "$said")"
    else
        printf '  %-5s %-8s %5s s\n' FAIL "$check" "$seconds"
    fi
done
if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: failed: ${failed[*]}"
    exit 1
fi
