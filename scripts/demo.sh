#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The main job, shown: a real program is recorded, its page tables are rebuilt while threads walk them, as x86-64
# and as s390x; then the standard test. Where perf may not run, a recorded trace from traces/ stands in.
set -eu
cd "$(dirname "$0")/.."
gracewalk=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trace=$dir/demo.gwt
jemalloc=$(ls /usr/lib/*/libjemalloc.so.2 2>/dev/null | head -n 1 || true)

# Buffers of very unlike sizes, two thirds of them thrown away again in each round.
program='
import random
random.seed(1)
sizes = (200, 5000, 70000, 1000000, 8000000)
kept = []
for round in range(25):
    kept += [bytearray(random.choice(sizes)) for _ in range(150)]
    random.shuffle(kept)
    del kept[len(kept) // 3:]
'

echo "Recording a Python program that allocates and discards, over jemalloc"
if ! "$gracewalk" record -o "$trace" -- env LD_PRELOAD="$jemalloc" \
	MALLOC_CONF=dirty_decay_ms:0,muzzy_decay_ms:0 /usr/bin/python3 -c "$program"; then
	echo "perf may not run here (see above): a trace from traces/ stands in"
	trace=traces/python-jemalloc.gwt
fi

for format in x86-64 s390x; do
	echo
	"$gracewalk" replay --format $format --walkers 2 "$trace"
done
echo
echo "The same under the kernel's own rules, against what the kernel held:"
"$gracewalk" replay --policy linux --walkers 1 "$trace"
echo
"$gracewalk" standard-test
