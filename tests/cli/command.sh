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
expect 2 'no format "vax".*x86-64 s390x index64' "$gracewalk" replay --format vax "$trace"
expect 2 'no flavour "x".*memb' "$gracewalk" replay --flavour x "$trace"
expect 2 'exact or linux' "$gracewalk" replay --policy x "$trace"
expect 2 'walkers' "$gracewalk" replay --walkers -1 "$trace"
expect 2 'seconds' "$gracewalk" replay --seconds -1 "$trace"
expect 2 'unknown option' "$gracewalk" replay --nonsense "$trace"
expect 1 'No such file' "$gracewalk" replay "$dir/none"
expect 2 'standard-test' "$gracewalk" standard-test --size 0
expect 2 '.' "$gracewalk" record

# A damaged trace is refused, with the place.
head -c 3000 "$trace" >"$dir/short"
expect 1 'short.*(byte|offset|at )' "$gracewalk" replay "$dir/short"
{ head -c 2000 "$trace"; printf 'XXXX'; tail -c +2005 "$trace"; } >"$dir/bent"
expect 1 'bent' "$gracewalk" replay "$dir/bent"
printf 'not a trace' >"$dir/text"
expect 1 'text' "$gracewalk" replay "$dir/text"

# The kept trace, walked while it is replayed. Nothing is wrong, nothing stays.
for format in x86-64 s390x index64; do
	expect 0 'stale answers +0' "$gracewalk" replay --seconds 0.2 --format $format "$trace"
	also 'wrong answers +0'
	also 'walks +[1-9]'
done
for flavour in memb mb qsbr bp; do
	expect 0 'wrong answers +0' "$gracewalk" replay --seconds 0 --flavour $flavour "$trace"
done
expect 0 '"stale_answers":	0' "$gracewalk" replay --seconds 0 --json "$trace"

# Under the kernel's rules, what the kernel reported: every sample within 3 %.
expect 0 '; 0 of [1-9][0-9]* samples more than 3 %' "$gracewalk" replay --seconds 0 --policy linux "$trace"

# A small standard test: back to the root.
expect 0 'held now: 4096 bytes, of which 0 below the root' "$gracewalk" standard-test --size 1
also 'wrong answers 0, stale answers 0'

[ $failures = 0 ] && echo "all as expected"
exit $((failures > 0))
