#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Gives each harness to GenMC, a stateless model checker of C11, under the models RC11 and IMM. Sound
# ones have to pass; in the others an error has to be found. GENMC_SECONDS: for each; default 600.
#
# usage: genmc.sh source-directory
set -u
cd "$1" || exit 1

if ! command -v genmc >/dev/null; then
	echo "SKIP: genmc is not on the PATH: the harnesses of tests/model were not checked by it"
	exit 77
fi

failed=0
while read -r kind harness flags; do
	case $kind in
	sound | fault | order) ;;
	*) continue ;;
	esac
	for order in rc11 imm; do
		# shellcheck disable=SC2086 # a list
		out=$(timeout "${GENMC_SECONDS:-600}" genmc --$order -- -DGW_C11_CHECKER $flags \
			-std=gnu11 -Iinclude -Isrc -Itests/model "tests/model/$harness.c" 2>&1 </dev/null)
		code=$?
		# An error is found in the program, unless it is one of what GenMC takes.
		error=$(printf '%s\n' "$out" | grep 'Error detected' | grep -iv mixed-size)
		case $kind:$code:${error:+found} in
		sound:0: | fault:*:found | order:*:found) verdict=ok ;;
		*:124:*) verdict="FAILED: out of time" ;;
		*) verdict="FAILED: status $code" ;;
		esac
		echo "$order $kind $harness $flags: $verdict"
		[ "$verdict" = ok ] && continue
		failed=$((failed + 1))
		printf '%s\n' "$out" | tail -n 20
	done
done <tests/model/variants
[ $failed = 0 ]
