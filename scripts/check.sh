#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Builds and tests in three build directories: plain, AddressSanitizer with UndefinedBehaviorSanitizer, and
# ThreadSanitizer. The last line counts tests over all three: "N passed, N failed, N skipped".
# usage: check.sh PLAIN ASAN TSAN [ARGUMENT...]    the arguments are meson test's
set -u
cd "$(dirname "$0")/.." || exit 1

plain=$1 asan=$2 tsan=$3
shift 3
passed=0 failed=0 skipped=0
# One more than there are processors: some tests wait for most of their time.
at_once=$(($(nproc) + 1))

# The figures of Meson's own summary, by the name in front of the colon.
count() {
	sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1 | grep . || echo 0
}

build_failed() {
	echo "the build in $dir failed"
	failed=$((failed + 1))
}

run() { # build directory, meson test's arguments
	dir=$1
	shift
	log=$dir/check.log
	echo "== $dir"
	# Meson builds what its tests need; here everything has to build.
	if [ "$dir" = "$plain" ] && ! ninja -C "$dir" >"$dir/build.log" 2>&1; then
		cat "$dir/build.log"
		build_failed
		return
	fi
	meson test -C "$dir" --print-errorlogs --num-processes $at_once "$@" 2>&1 | grep -v '^\[[0-9]*/[0-9]*\] ' | tee "$log"
	grep -q '^Ok: ' "$log" || build_failed
	passed=$((passed + $(count Ok) + $(count 'Expected Fail')))
	failed=$((failed + $(count Fail) + $(count Timeout) + $(count 'Unexpected Pass')))
	skipped=$((skipped + $(count Skipped)))
}

run "$plain" "$@"
run "$asan" --no-suite freestanding --no-suite control --no-suite model "$@"
run "$tsan" --suite torture --suite bare --suite control --suite lab --suite model "$@"

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
