#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds the tests of the core for another architecture and runs them, under QEMU's user mode if it
# is not one of this machine's.
# usage: [FOREIGN=all] run.sh SOURCE-ROOT DIRECTORY ARCHITECTURE FORMAT...
#	DIRECTORY keeps what is built, for all architectures
#	FORMAT: these are built, and the tests of these and of no format run; with FOREIGN=all every
#	format and test
# exit: 0 well, 77 something is missing here that packages.txt or the network has, else not
set -eu

root=$1 dir=$2 arch=$3
shift 3
formats=$* variant=
if [ "${FOREIGN-}" = all ]; then
	formats=all variant=-all
fi
machine=$arch-linux-gnu
family=$arch endian=little qemu=qemu-$arch-static page=
case $arch in
aarch64 | riscv64) ;;
i686) family=x86 qemu= ;; # runs as it is
powerpc64) family=ppc64 endian=big qemu=qemu-ppc64-static ;;
powerpc64le) family=ppc64 qemu=qemu-ppc64le-static page=65536 ;;
s390x) endian=big ;;
*)
	echo "run.sh: no architecture $arch"
	exit 2
	;;
esac

skip() {
	echo "SKIP: $*"
	exit 77
}
for tool in "$machine-gcc" $qemu; do
	command -v "$tool" >/dev/null || skip "$tool is not installed; packages.txt names its package"
done
mkdir -p "$dir/$arch$variant"
echo 'int main(void) { return 0; }' | "$machine-gcc" -static -xc - -o "$dir/$arch$variant/nothing" 2>/dev/null ||
	skip "no C library for $machine-gcc; packages.txt names its package"
[ -n "$qemu" ] || "$dir/$arch$variant/nothing" || skip "$arch's programs do not run on this kernel"

# What Meson tells the programs that it tests is not meant for compilers.
unset MALLOC_PERTURB_
build=$dir/$arch$variant
if [ ! -f "$build/build.ninja" ]; then
	"$root/tests/foreign/sources.sh" "$dir/sources"
	"$root/tests/foreign/libraries.sh" "$dir/sources" "$machine" "$dir/libraries/$arch"
	# QEMU notes every page that was ever mapped, 24 bytes for each, and forgets none: a heap of
	# 16 GiB took 100 MB and 50 ms of it. Hence small heaps, and one small piece of address space
	# (-R) to put them in.
	wrapper="'prlimit', '--as=12884901888', '$qemu', '-R', '8G'"
	[ -z "$page" ] || wrapper="$wrapper, '-p', '$page'"
	cat >"$build/cross.ini" <<END
[binaries]
c = '$machine-gcc'
ar = '$machine-ar'
strip = '$machine-strip'
pkgconfig = 'pkg-config'
${qemu:+exe_wrapper = [$wrapper]}

[properties]
pkg_config_libdir = '$(cd "$dir" && pwd)/libraries/$arch/lib/pkgconfig'

[built-in options]
c_args = ['-DGW_HEAP_BYTES=0x4000000', '-Wno-psabi']
c_link_args = ['-static']

[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$arch'
endian = '$endian'
END
	meson setup "$build" "$root" --cross-file "$build/cross.ini" -Dcore_only=true -Ddebug=false \
		-Doptimization=1 -Ddefault_library=static -Dformats="$(echo "$formats" | tr ' ' ,)"
fi

# Names of tests; no name stands for all of them.
set --
[ "${FOREIGN-}" = all ] || {
	# QEMU is ten times slower.
	export GW_STEPS=2000 GW_REGRESS_MILLISECONDS=200
	set -- heap heap_points heap_random urcu 'torture regress' bare_x86_64 bare_skip_grace
	# More where something is new: the byte order, the size of pages, that of words.
	case $arch in
	s390x | powerpc64le | i686)
		names='by_hand format limit property retire table'
		set -- "$@" 'torture small memb lazy'
		;;
	*)
		names='by_hand format table'
		set -- "$@" 'torture x86_64 memb lazy --shared'
		;;
	esac
	for format in $formats; do
		for name in $names; do
			set -- "$@" "$name $format"
		done
	done
	if [ "$(meson test -C "$build" --no-rebuild --list "$@" | grep -c ' / ')" != $# ]; then
		echo "run.sh: not all of these are tests: $*"
		exit 1
	fi
}
exec meson test -C "$build" --print-errorlogs --num-processes 1 --timeout-multiplier 10 "$@"
