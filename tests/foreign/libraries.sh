#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds the tests' libraries for another machine, static.
# usage: libraries.sh SOURCES MACHINE DIRECTORY
#	SOURCES as sources.sh left it; MACHINE is the compiler's prefix, such as s390x-linux-gnu
#	leaves DIRECTORY/include, DIRECTORY/lib and DIRECTORY/lib/pkgconfig
set -eu

sources=$(cd "$1" && pwd) machine=$2
mkdir -p "$3"
cd "$3"
prefix=$PWD
[ ! -f complete ] || exit 0

rm -rf build lib include
mkdir build lib include
cd build

# Its own build needs CMake, to find out what glibc has in any case.
has='-DHAVE_INTTYPES_H -DHAVE_MALLOC_H -DHAVE_SIGNAL_H -DHAVE_STRINGS_H -DHAVE_CLOCK_REALTIME'
has="$has -DHAVE_GCC_THREAD_LOCAL_STORAGE -DHAVE_SIGLONGJMP -DHAVE_STRSIGNAL -DHAVE_STRUCT_TIMESPEC"
# shellcheck disable=SC2086 # a list
"$machine-gcc" -O2 -D_GNU_SOURCE $has -I"$sources/cmocka/include" \
	-c "$sources/cmocka/src/cmocka.c" -o cmocka.o
"$machine-ar" rc "$prefix/lib/libcmocka.a" cmocka.o
cp "$sources/cmocka/include/cmocka.h" "$prefix/include"

flavours=$(printf 'liburcu%s.la ' -common '' -memb -mb -qsbr -bp)
if ! {
	"$sources/liburcu/configure" -q --host="$machine" --prefix="$prefix" --disable-shared &&
		make -s -C include install && make -s -C src install lib_LTLIBRARIES="$flavours"
} >log 2>&1; then
	cat log
	exit 1
fi

cat >"$prefix/lib/pkgconfig/cmocka.pc" <<END
Name: cmocka
Description: unit tests
Version: 1
Libs: -L$prefix/lib -lcmocka
Cflags: -isystem $prefix/include
END
cd ..
rm -rf build
: >complete
