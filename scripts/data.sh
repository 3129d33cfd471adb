#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Measures what docs/data.md tells, puts its tables into it and draws its pictures. Takes about half
# an hour on two cores, which should have nothing else to do. What was measured stays in build/data.
set -eu
cd "$(dirname "$0")/.."
gracewalk=build/cli/gracewalk
results=build/data
mkdir -p $results

for arch in s390 user ppc64-radix ppc64-hash; do
	echo "measuring with the sizes of $arch"
	$gracewalk compare --arch $arch --rounds 5 --json --samples $results/$arch.csv traces/*.gwt \
		>$results/$arch.json
done
echo "measuring a table at a time"
build/bench/bench_schemes --json $results/bench.json >$results/bench.txt

python3 scripts/data.py $results docs/data.md
(cd $results && gnuplot -e "out='../../docs/data/'" ../../scripts/data.gp)
