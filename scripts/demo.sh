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

program='
import random
random.seed(1)
kept = []
for round in range(40):
    kept += [bytearray(random.randrange(1 << 10, 1 << 16)) for _ in range(2000)]
    random.shuffle(kept)
    del kept[len(kept) // 4:]
'

echo "Recording: a Python program that allocates and discards, with jemalloc as its allocator"
if "$gracewalk" record -o "$trace" -- /usr/bin/env "LD_PRELOAD=$jemalloc" \
	"$(command -v /usr/bin/python3 || command -v python3)" -c "$program"; then
	:
else
	echo "perf may not run here (see above): using a trace that was recorded before"
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
