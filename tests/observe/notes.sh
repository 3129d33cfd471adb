#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The library has the probes that the manual page tells of, with as many arguments, and no other; and
# the script for bpftrace uses none but these.
# usage: notes.sh LIBRARY PAGE SCRIPT
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

sh "$(dirname "$0")/documented.sh" "$2" >"$tmp/documented"
[ -s "$tmp/documented" ]
readelf -n "$1" | awk '
	/Provider:/ { ours = $2 == "gracewalk" }
	/Name:/ { name = $2 }
	/Arguments:/ && ours { print name ":" NF - 1 }' | sort -u >"$tmp/there"
diff -u "$tmp/documented" "$tmp/there"

sed -n 's/^usdt:\$1:gracewalk:\([a-z_]*\),*$/\1/p' "$3" | sort -u >"$tmp/used"
sed 's/:.*//' "$tmp/documented" | comm -13 - "$tmp/used" >"$tmp/unknown"
if [ ! -s "$tmp/used" ] || [ -s "$tmp/unknown" ]; then
	echo "$3 uses probes that there are not:" && cat "$tmp/unknown"
	exit 1
fi
echo "$(wc -l <"$tmp/there") probes, $(wc -l <"$tmp/used") used by the script"
