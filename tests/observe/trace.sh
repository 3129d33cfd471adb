#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Has bpftrace run its script on a program, and compares its sums with what the program says.
# usage: trace.sh PROGRAM SCRIPT
# exit: 0 well, 1 not, 77 bpftrace is not here, or may not trace
set -eu
skip() {
	echo "SKIP: $*"
	exit 77
}
command -v bpftrace >/dev/null || skip "bpftrace is not installed"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
timeout 60 bpftrace -c "$1" -e "uprobe:$1:main { @main = count(); }" >"$tmp/try" 2>&1 || :
grep -q '^@main: 1$' "$tmp/try" || skip "bpftrace cannot attach to programs here: $(grep -v '^leaf' "$tmp/try" | tail -n 1)"

# Without the lines of each second: what happens between print and clear is in none of them.
sed '/^interval/,/^}/d' "$2" >"$tmp/script.bt"
timeout 60 bpftrace -c "$1" "$tmp/script.bt" "$1" >"$tmp/out" 2>&1 || { cat "$tmp/out" && exit 1; }

sum() { # as bpftrace has it
	sed -n "s/^@a_second\[$1\]: //p" "$tmp/out"
}
said() {
	sed -n "s/^$1 .*\<$2 \([0-9]*\).*/\1/p" "$tmp/out"
}
compare() { # what, found, expected
	echo "$1: $2"
	[ "$2" = "$3" ] || { echo "WRONG: expected $3" && wrong=yes; }
}
wrong=
compare maps "$(sum maps)" $(($(said calls map) + $(said calls map_many)))
compare unmaps "$(sum unmaps)" "$(said calls unmap)"
compare "tables given out" "$(sum 'tables given out')" "$(said stats allocs)"
compare "tables deferred" "$(sum 'tables deferred')" "$(said stats defers)"
compare "tables released" "$(sum 'tables released')" "$(said stats defers)"
compare "calls that failed" "$(sed -n 's/^@failed\[map, 17\]: //p' "$tmp/out")" "$(said calls failed)"
grep -q '^@grace_us\[tables\]' "$tmp/out" && grep -q '^@wait_us' "$tmp/out" || wrong=yes
[ -z "$wrong" ] || { cat "$tmp/out" && exit 1; }
