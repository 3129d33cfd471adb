#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The command as a user meets it: exit codes, errors that say what to do, and a real trace in every format.
set -u
gracewalk=$1
trace=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# expect STATUS PATTERN COMMAND...: the exit status, and a line of output or error that matches.
expect() {
	status=$1
	pattern=$2
	shift 2
	"$@" >"$dir/out" 2>&1
	got=$?
	if [ "$got" != "$status" ] || ! grep -Eq -e "$pattern" "$dir/out"; then
		echo "FAILED: $*"
		echo "  exit status $got instead of $status, or nothing matches \"$pattern\" in:"
		sed 's/^/  /' "$dir/out"
		failures=$((failures + 1))
	fi
}

# also PATTERN: the output of the last expect matches this too.
also() {
	cp "$dir/out" "$dir/last"
	expect 0 "$1" cat "$dir/last"
}

expect 2 'Usage' "$gracewalk"
expect 0 'Usage' "$gracewalk" --help
expect 0 '^gracewalk [0-9]+\.[0-9]+' "$gracewalk" --version
expect 2 'no command "walk"' "$gracewalk" walk

expect 0 'FORMAT' "$gracewalk" replay --help
expect 2 'name a trace' "$gracewalk" replay
expect 2 'one trace at a time' "$gracewalk" replay "$trace" "$trace"
expect 2 'no format "vax".*x86-64 .*s390x .*index64' "$gracewalk" replay --format vax "$trace"
expect 2 'no flavour "x".*memb' "$gracewalk" replay --flavour x "$trace"
expect 2 'exact or linux' "$gracewalk" replay --policy x "$trace"
expect 2 'walkers' "$gracewalk" replay --walkers -1 "$trace"
expect 2 'seconds' "$gracewalk" replay --seconds -1 "$trace"
expect 2 'unknown option' "$gracewalk" replay --nonsense "$trace"
expect 1 'No such file' "$gracewalk" replay "$dir/none"
expect 2 'standard-test' "$gracewalk" standard-test --size 0
expect 2 '.' "$gracewalk" record

expect 0 'SWITCH' "$gracewalk" torture --help
expect 0 'three-states +sound' "$gracewalk" torture --list
also 'head-per-page +breaks queued-twice with 2 tables'
expect 2 'no scheme "x".*--list' "$gracewalk" torture --scheme x
expect 2 'halves has no switch "x".*--list' "$gracewalk" torture --scheme halves:x
expect 2 'halves is for at most 2 tables' "$gracewalk" torture --scheme halves --tables-per-page 4
expect 2 'tables-per-page is 1, 2, 4' "$gracewalk" torture --tables-per-page 0
expect 2 'holds 1, 2, 4' "$gracewalk" torture --tables-per-page 3
expect 2 '--page-size is 4k' "$gracewalk" torture --page-size 5k
expect 2 '--unmap is single' "$gracewalk" torture --unmap x
expect 2 '--walk is rcu' "$gracewalk" torture --walk x
expect 2 '--deposit is fresh' "$gracewalk" torture --deposit x
expect 2 'never collapsed' "$gracewalk" torture --walk counted --deposit unlinked
expect 2 '--flavour is memb' "$gracewalk" torture --flavour x
expect 2 '--walkers is a number from 1 to 16' "$gracewalk" torture --walkers 17
expect 2 '--updaters is a number from 1 to 64' "$gracewalk" torture --updaters 0
expect 2 '--seconds is a number' "$gracewalk" torture --seconds 0
expect 2 'unknown option' "$gracewalk" torture --nonsense
expect 2 'takes no "halves".*--scheme' "$gracewalk" torture halves

expect 0 'grace periods' "$gracewalk" compare --help
expect 2 'name a trace' "$gracewalk" compare
expect 2 'no scheme "x"' "$gracewalk" compare --schemes x "$trace"
expect 2 'no switch "x"' "$gracewalk" compare --schemes three-states:x "$trace"
expect 2 'single, batch or ipi' "$gracewalk" compare --schemes three-states/x "$trace"
expect 2 'single, batch or ipi' "$gracewalk" compare --unmap x "$trace"
expect 2 'names none' "$gracewalk" compare --schemes ' ' "$trace"
expect 2 'is there twice' "$gracewalk" compare --schemes three-states+three-states "$trace"
expect 2 'breaks queued-twice.*gracewalk torture' "$gracewalk" compare --schemes head-per-page "$trace"
expect 2 'halves is for at most 2 tables' \
	"$gracewalk" compare --arch ppc64-hash --schemes halves "$trace"
expect 2 'no architecture "vax".*s390' "$gracewalk" compare --arch vax "$trace"
expect 2 'page-size is 4k' "$gracewalk" compare --page-size 5k "$trace"
expect 2 'leaf-size is 4k' "$gracewalk" compare --leaf-size 128k "$trace"
expect 2 'power of two' "$gracewalk" compare --tables-per-page 3 "$trace"
expect 2 'too small' "$gracewalk" compare --tables-per-page 128 "$trace"
expect 2 'exact or linux' "$gracewalk" compare --policy x "$trace"
expect 2 'walkers is a number' "$gracewalk" compare --walkers 17 "$trace"
expect 2 'rounds is a number' "$gracewalk" compare --rounds -1 "$trace"
expect 1 'No such file' "$gracewalk" compare "$dir/none"
expect 1 "$dir/none/x" "$gracewalk" compare --samples "$dir/none/x" "$trace"

# A damaged trace is refused, with the place.
head -c 3000 "$trace" >"$dir/short"
expect 1 'short.*(byte|offset|at )' "$gracewalk" replay "$dir/short"
{ head -c 2000 "$trace"; printf 'XXXX'; tail -c +2005 "$trace"; } >"$dir/bent"
expect 1 'bent' "$gracewalk" replay "$dir/bent"
printf 'not a trace' >"$dir/text"
expect 1 'text' "$gracewalk" replay "$dir/text"

# The kept trace, walked while it is replayed. Nothing is wrong, nothing stays.
for format in x86-64 x86-64-la57 aarch64-4k aarch64-16k aarch64-64k sv48 sv57 s390x s390x-5 \
	ppc64-4k ppc64-64k index64; do
	expect 0 'stale answers +0' "$gracewalk" replay --seconds 0.2 --format $format "$trace"
	also 'wrong answers +0'
	also 'walks +[1-9]'
done
# Its addresses are those of a machine with larger ones.
expect 1 'beyond the 39 bits of sv39' "$gracewalk" replay --format sv39 "$trace"
expect 1 'beyond the 42 bits of s390x-3' "$gracewalk" replay --format s390x-3 "$trace"
for flavour in memb mb qsbr bp; do
	expect 0 'wrong answers +0' "$gracewalk" replay --seconds 0 --flavour $flavour "$trace"
done
expect 0 '"stale_answers":	0' "$gracewalk" replay --seconds 0 --json "$trace"

# Under the kernel's rules, what the kernel reported: every sample within 3 %.
expect 0 '; 0 of [1-9][0-9]* samples more than 3 %' "$gracewalk" replay --seconds 0 --policy linux "$trace"

# Schemes compared: every page comes back, or the exit status is 1.
expect 0 'three-states/batch +[1-9]' "$gracewalk" compare --rounds 1 --policy linux --arch user \
	--schemes 'last-table-out+three-states/batch' --samples "$dir/samples" "$trace"
also 'Memory, at the recorded pace'
also 'Speed, as fast as it goes'
expect 0 '^trace,scheme,seconds,held,in_use,waiting,wasted$' cat "$dir/samples"
also 'last-table-out,[0-9.]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+$'
also 'kernel VmPTE,'
"$gracewalk" compare --rounds 2 --arch s390 --schemes three-states/ipi --json "$trace" >"$dir/json"
expect 0 'three-states/ipi 1 0 2 True' python3 -c "
import json, sys
one = json.load(open('$dir/json'))['traces'][0]
three = one['schemes'][0]
memory = three['memory']
print(three['name'], len(one['schemes']), memory['pages_after'], len(three['speed']['rounds']),
      memory['held_bytes_peak'] > memory['wasted_bytes_peak'])"

# A small standard test: back to the root.
expect 0 'held now: 4096 bytes, of which 0 below the root' "$gracewalk" standard-test --size 1
also 'wrong answers 0, stale answers 0'
expect 0 'of which 0 below the root' "$gracewalk" standard-test --size 1 --format sv39
expect 0 'of which 0 below the root' "$gracewalk" standard-test --size 1 --format ppc64-64k

# A scheme that is sound, and one that is not: what broke, and the command that repeats it.
expect 0 '^no invariant was broken' "$gracewalk" torture --seconds 0.1
expect 0 '"breach":	null' "$gracewalk" torture --seconds 0.1 --json
expect 1 '^broken: queued-twice: an rcu_head is in the queue once' "$gracewalk" torture \
	--scheme head-per-page --seed 7
also 'again +gracewalk torture --scheme head-per-page .*--seed 7 '
expect 1 '"invariant":	"queued-twice"' "$gracewalk" torture --scheme head-per-page --json

[ $failures = 0 ] && echo "all as expected"
exit $((failures > 0))
