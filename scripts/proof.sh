#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The models of tests/proof within all bounds and with all faults: minutes, and 2.2 GB. Then the
# harnesses of tests/model, where there is GenMC.
set -u
cd "$(dirname "$0")/.." || exit 1

failed=0
run() {
	"$@"
	case $? in
	0 | 77) ;;
	*) failed=1 ;;
	esac
}

for model in heap last_table_out tables three_states; do
	run tests/proof/run.sh "$model" proof
done
run tests/model/genmc.sh .
exit $failed
