#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Compiles the core and env/bare without a C library, links a program of them and looks at what is
# left undefined. Runs it, other architectures' under QEMU's user mode.
# usage: [FREESTANDING=all] check.sh SOURCE-ROOT COMPILER FORMATS [CORE-ARGUMENT...]
#	FORMATS: of these; with FREESTANDING=all of every format
# exit: 0 well, 1 not, 77 no such compiler
set -eu

root=$1 cc=$2 formats=$3
shift 3
if ! command -v "$cc" >/dev/null; then
	echo "SKIP: $cc is not installed; packages.txt names its package"
	exit 77
fi
nm=nm
case $cc in
*-linux-gnu-gcc) nm=${cc%gcc}nm ;;
esac
command -v "$nm" >/dev/null || nm=nm

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Nothing but the compiler's own headers: -nostdinc takes all others out of reach.
own_headers=$("$cc" -print-file-name=include)
[ -d "$own_headers" ] || own_headers=$("$cc" -print-resource-dir)/include
flags="-std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -nostdinc -isystem $own_headers"
flags="$flags -fno-pic -fno-pie"
flags="$flags -fno-stack-protector -fno-asynchronous-unwind-tables -I$root/include -I$root/src"

# Of the core's arguments, those that this compiler knows.
for arg; do
	shift
	! "$cc" -Werror "$arg" -xc -fsyntax-only /dev/null 2>/dev/null || set -- "$@" "$arg"
done
machine=$("$cc" -dumpmachine)
case $machine in
# Otherwise libgcc chooses atomic instructions as the program starts, and asks the C library.
aarch64-*) set -- "$@" -mno-outline-atomics ;;
# Relaxed addresses are relative to gp, which a C library's start would set.
riscv64-*) set -- "$@" -mno-relax ;;
esac

# compile NAME FILE [ARGUMENT...]
compile() {
	name=$1 file=$2
	shift 2
	# shellcheck disable=SC2086 # $flags is a list
	"$cc" $flags "$@" -c "$root/$file" -o "$dir/$name.o" -MD -MF "$dir/$name.d"
}

here=tests/freestanding
for f in "$root"/src/heap/*.c; do
	compile "heap_$(basename "$f" .c)" "src/heap/${f##*/}" "$@"
done
[ "${FREESTANDING-}" != all ] || formats=$(sed -n 's/^\tX(\([a-z0-9_]*\)).*/\1/p' "$root/src/formats.h")
list=
for format in $formats; do
	list="$list X($format)"
	for f in "$root"/src/table/*.c; do
		name=$(basename "$f" .c)
		compile "${format}_$name" "src/table/$name.c" "$@" "-DGW_FORMAT=$format"
	done
	compile "exercise_$format" $here/exercise.c "$@" "-DGW_FORMAT=$format"
done
compile formats src/formats.c "$@" "-DGW_FORMATS(X)=$list"
compile bare src/env/bare/bare.c "$@"
compile main $here/main.c "$@" "-DGW_FORMATS(X)=$list"
compile mem src/env/bare/mem.c "$@"

# Every header read is the project's or the compiler's.
headers=$(cat "$dir"/*.d | tr ' \\' '\n\n' | grep '\.h$')
others=$(echo "$headers" | grep -v -e "^$root/" -e "^$own_headers/" || true)
if [ -n "$others" ]; then
	echo "$cc: read headers of others: $others"
	exit 1
fi

# The linker says what is undefined; nm says it again, of the whole.
"$cc" -static -nostdlib -o "$dir/program" "$dir"/*.o -lgcc
undefined=$("$nm" -u "$dir/program")
if [ -n "$undefined" ]; then
	echo "$cc: undefined symbols: $undefined"
	exit 1
fi
echo "$machine: linked with nothing but libgcc"

# run [WORD...]: the program, with these words in front of it
run() {
	status=0
	"$@" "$dir/program" || status=$?
	echo "$machine: the program ran${*:+ under $*}: exit code $status"
	[ "$status" = 0 ] || exit "$status"
}

case $machine in
"$(uname -m)"-*)
	run
	exit
	;;
powerpc64le-*) qemu=qemu-ppc64le-static ;;
powerpc64-*) qemu=qemu-ppc64-static ;;
*) qemu=qemu-${machine%%-*}-static ;;
esac
if ! command -v "$qemu" >/dev/null; then
	echo "$machine: only linked: no $qemu here"
	exit
fi
run "$qemu"
