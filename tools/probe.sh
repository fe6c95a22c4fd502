#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# probe.sh CACHE-FOLDER COMPILER FLAG...: prints those flags that the compiler takes without a word.
# The answer is kept in the folder, by compiler version and flags.
set -eu
cache=$1 compiler=$2
shift 2
key=$( ($compiler --version; printf '%s\n' "$@") | cksum | tr ' ' '-')
if [ ! -f "$cache/$key" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo 'int main(void) { return 0; }' >"$work/main.c"
    for flag in "$@"; do
        if $compiler -Werror "$flag" "$work/main.c" -o "$work/main" >"$work/said" 2>&1; then
            printf '%s ' "$flag" >>"$work/kept"
        fi
    done
    mv "$work/kept" "$cache/$key"
fi
cat "$cache/$key"
