#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds the fuzz target of one format with clang's libFuzzer and sanitizers, and runs it from nothing.
# GW_FUZZ_RUNS and GW_FUZZ_SEED make it longer and different; a crash is kept in the current directory.
# usage: run.sh SOURCE-ROOT FORMAT
# exit: 0 well, 1 not, 77 no clang
set -eu
root=$1 format=$2
if ! command -v clang >/dev/null; then
	echo "SKIP: clang is not installed; packages.txt names its package"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2046 # no name has a space in it
clang -std=gnu11 -g1 -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all -DGW_FORMAT="$format" -I"$root/include" -I"$root/src" \
	"$root/tests/fuzz/format_fuzz.c" $(find "$root/src/heap" "$root/src/table" -name '*.c') \
	"$root/src/env/bare/bare.c" -o "$dir/fuzz"
"$dir/fuzz" -seed="${GW_FUZZ_SEED:-1}" -runs="${GW_FUZZ_RUNS:-3000}" -max_len=500 -len_control=0 \
	-verbosity=0 -print_final_stats=1
