#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds the tests' libraries for another machine, static. Their own builds would first find out what
# glibc has in any case, which takes longer than to compile them.
# usage: libraries.sh SOURCES MACHINE DIRECTORY
#	SOURCES as sources.sh left it; MACHINE is the compiler's prefix, such as s390x-linux-gnu
#	leaves DIRECTORY/include, DIRECTORY/lib and DIRECTORY/lib/pkgconfig
set -eu

sources=$(cd "$1" && pwd) machine=$2
mkdir -p "$3"
cd "$3"
[ ! -f complete ] || exit 0
rm -rf build lib include
mkdir -p build lib/pkgconfig include

# compile OBJECT FILE ARGUMENT...
compile() {
	object=$1 file=$2
	shift 2
	"$machine-gcc" -O2 -D_GNU_SOURCE "$@" -c "$sources/$file" -o "build/$object.o"
}

# package NAME LIBRARY
package() {
	cat >"lib/pkgconfig/$1.pc" <<END
Name: $1
Description: for the tests
Version: 1
Libs: -L$PWD/lib -l$2
Cflags: -isystem $PWD/include
END
}

has='-DHAVE_INTTYPES_H -DHAVE_MALLOC_H -DHAVE_SIGNAL_H -DHAVE_STRINGS_H -DHAVE_CLOCK_REALTIME'
has="$has -DHAVE_GCC_THREAD_LOCAL_STORAGE -DHAVE_SIGLONGJMP -DHAVE_STRSIGNAL -DHAVE_STRUCT_TIMESPEC"
# shellcheck disable=SC2086 # a list
compile cmocka cmocka/src/cmocka.c $has -I"$sources/cmocka/include"
cp "$sources/cmocka/include/cmocka.h" include
"$machine-ar" rc lib/libcmocka.a build/cmocka.o
package cmocka cmocka

# All flavours in one library; what does not depend on the flavour is in it once.
cp -R "$sources/liburcu/include/." include
for word in SMP TLS HAVE_CLOCK_GETTIME HAVE_MULTIFLAVOR; do
	echo "#define CONFIG_RCU_$word 1"
done >include/urcu/config.h
urcu() {
	compile "$@" -Iinclude -I"$sources/liburcu/src" \
		-DHAVE_RAND_R -DHAVE_SYSCONF -DHAVE_SCHED_GETCPU -DHAVE_SCHED_SETAFFINITY
}
urcu memb liburcu/src/urcu.c -DRCU_MEMBARRIER
urcu mb liburcu/src/urcu.c -DRCU_MB
urcu qsbr liburcu/src/urcu-qsbr.c -DRCU_QSBR
urcu bp liburcu/src/urcu-bp.c
for name in urcu-pointer wfqueue wfcqueue wfstack compat_arch compat_futex; do
	urcu $name "liburcu/src/$name.c"
done
rm build/cmocka.o
"$machine-ar" rc lib/liburcu.a build/*.o
for flavour in '' -memb -mb -qsbr -bp; do
	package "liburcu$flavour" urcu
done
rm -rf build
: >complete
