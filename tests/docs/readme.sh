#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The README shows examples/first.c as it is, and the example does what it says.
set -eu
readme=$1
source=$2
example=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

sed -n '/^```c$/,/^```$/p' "$readme" | sed '1d;$d' >"$dir/shown"
sed '1,/\*\/$/d' "$source" >"$dir/code"
diff -u "$dir/code" "$dir/shown"

"$example" >"$dir/out"
grep -q '^0x7fffffff is at 0xbfffffff$' "$dir/out"
grep -q '^released 0x80000000, 1048580 KiB$' "$dir/out"
