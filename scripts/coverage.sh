#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Runs the tests of a build directory with -Db_coverage=true, and shows what they reached: lines and branches
# of the library, of lab/ and of cli/.
# usage: coverage.sh DIRECTORY
# exit: 0 well, 1 a test failed
set -u
dir=$1
cd "$(dirname "$0")/.." || exit 1
failed=0

find "$dir" -name '*.gcda' -delete
GW_TORTURE_SECONDS=${GW_TORTURE_SECONDS:-1} meson test -C "$dir" --timeout-multiplier 10 --print-errorlogs \
	--suite core --suite bare --suite torture --suite cli --suite lab || failed=1

# The core is compiled once a format, and a header with each file that includes it: gcovr adds them up, line by
# line.
gcovr --root . --object-directory "$dir" --exclude-unreachable-branches \
	--filter src/ --filter include/gracewalk/ --filter lab/ --filter cli/ \
	--json "$dir/coverage.json" "$dir" || exit 1
mkdir -p "$dir/html"
gcovr --add-tracefile "$dir/coverage.json" --html-details "$dir/html/index.html"

show() { # a title, and gcovr's arguments
	echo
	echo "== $1"
	shift
	gcovr --add-tracefile "$dir/coverage.json" "$@" | grep -v '^-*$\|GCC Code Coverage\|^Directory'
}
show 'src, include: lines' --filter src/ --filter include/gracewalk/
show 'src, include: branches' --filter src/ --filter include/gracewalk/ --branches
for part in src/ include/gracewalk/ lab/ cli/; do
	echo
	echo "== $part"
	gcovr --add-tracefile "$dir/coverage.json" --filter $part --print-summary --output "$dir/part.txt"
done
echo
echo "each line: $dir/html/index.html"
exit $failed
