#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The shared library shows exactly what public headers declare, for every format that it has: gcc
# says which functions those are. Of the environment without an operating system it has nothing.
# usage: exported.sh INCLUDE-DIRECTORY LIBRARY FORMAT...
set -eu
include=$1 library=$2
shift 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for header in gracewalk heap env urcu; do
	echo "#include <gracewalk/$header.h>"
done >"$tmp/all.c"
for format; do
	gcc -std=gnu11 -I"$include" -DGW_FORMAT="$format" -fsyntax-only \
		-aux-info "$tmp/declared" "$tmp/all.c"
	sed -n '/ static /d; s/.*[ *]\(gw_[a-z0-9_]*\) (.*/\1/p' "$tmp/declared"
	echo "gw_${format}_ops"
done | sort -u >"$tmp/expected"
nm -D --defined-only "$library" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' |
	sort >"$tmp/shown"
# This looks where it should.
grep -qx "gw_$1_map" "$tmp/expected"
diff "$tmp/expected" "$tmp/shown" || {
	echo "exported.sh: < is in a public header, > in the shared library"
	exit 1
}
echo "$(wc -l <"$tmp/shown") names"
