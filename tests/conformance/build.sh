#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds an image, or what several have in common as one object: the core of a format and the
# program. Without the compiler either is an empty file, which run.sh skips.
# usage: build.sh ROOT OUTPUT DEPFILE COMPILER common [ARGUMENT...]
#        build.sh ROOT OUTPUT DEPFILE COMPILER FOLDER COMMON [ARGUMENT...]
set -eu

root=$1 output=$2 depfile=$3 cc=$4 folder=$5
shift 5
if ! command -v "$cc" >/dev/null; then
	: >"$output"
	: >"$depfile"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
here=$root/tests/conformance

build() { # the compiler's arguments
	"$cc" -std=gnu11 -O1 -Wall -Wextra -Werror -ffreestanding -fno-tree-loop-distribute-patterns \
		-fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
		-I"$root/include" -I"$root/src" "$@"
}
compile() { # file, arguments
	object=$dir/$(echo "${1#"$root"/}" | tr / _).o
	build "$@" -c -o "$object" -MMD -MT "$output" -MF "$object.d"
}

if [ "$folder" = common ]; then
	for file in "$root"/src/heap/*.c "$root"/src/table/*.c "$root"/src/env/bare/*.c "$here"/*.c; do
		compile "$file" "$@"
	done
	build "$@" -nostdlib -r -o "$dir/output" "$dir"/*.o
else
	common=$1
	shift
	for file in "$here/$folder"/*.[cS]; do
		compile "$file" "$@"
	done
	build "$@" -static -nostdlib -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments \
		-Wl,-T,"$here/$folder/link.ld" -o "$dir/output" "$dir"/*.o "$common" -lgcc
fi
cat "$dir"/*.d >"$depfile"
mv "$dir/output" "$output"
