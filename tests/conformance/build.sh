#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds one image. Without its compiler the image is an empty file, which run.sh skips.
# usage: build.sh ROOT IMAGE DEPFILE FORMAT FOLDER COMPILER [ARGUMENT...]
set -eu

root=$1 image=$2 depfile=$3 format=$4 folder=$5 cc=$6
shift 6
if ! command -v "$cc" >/dev/null; then
	: >"$image"
	: >"$depfile"
	exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
here=$root/tests/conformance

set -- -std=gnu11 -O1 -Wall -Wextra -Werror -ffreestanding -fno-tree-loop-distribute-patterns \
	-fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
	-I"$root/include" -I"$root/src" "-DGW_FORMAT=$format" "$@"
for file in "$root"/src/heap/*.c "$root"/src/table/*.c "$root"/src/env/bare/*.c \
	"$here"/*.c "$here/$folder"/*.[cS]; do
	object=$dir/$(echo "${file#"$root"/}" | tr / _).o
	"$cc" "$@" -c "$file" -o "$object" -MMD -MT "$image" -MF "$object.d"
done
"$cc" "$@" -static -nostdlib -no-pie -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-T,"$here/$folder/link.ld" \
	-o "$dir/image" "$dir"/*.o -lgcc
cat "$dir"/*.d >"$depfile"
mv "$dir/image" "$image"
