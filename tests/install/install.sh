#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Installs a build into an empty directory, and uses it from there as other projects would: a
# program of C and one of C++, by pkg-config with the shared library and with the static one, and as
# a subproject. Then uninstalls it, which leaves nothing.
# usage: install.sh BUILD SOURCE MESON
set -eu
build=$1 source=$2 meson=$3
tests=$source/tests/install
tmp=$(mktemp -d)
log=$build/meson-logs/install-log.txt
# What `ninja uninstall` goes by may be of somebody's own installation.
[ ! -f "$log" ] || cp "$log" "$tmp/log"
trap '[ ! -f "$tmp/log" ] || cp "$tmp/log" "$log"; rm -rf "$tmp"' EXIT

fail() {
	echo "install.sh: $*"
	exit 1
}
quietly() {
	"$@" >"$tmp/out" 2>&1 || { cat "$tmp/out"; fail "$*"; }
}
unset DESTDIR LD_LIBRARY_PATH PKG_CONFIG_PATH MALLOC_PERTURB_ || :

to=$tmp/to
quietly env DESTDIR="$to" "$meson" install -C "$build" --no-rebuild
pc=$(dirname "$(find "$to" -name gracewalk.pc)")
lib=$(dirname "$pc")
prefix=$to$(sed -n 's/^prefix=//p' "$pc/gracewalk.pc")
export PKG_CONFIG_PATH="$pc" PKG_CONFIG_SYSROOT_DIR="$to"

# What is there, with a manual page for each function.
for file in include/gracewalk/gracewalk.h include/gracewalk/format/x86_64.h bin/gracewalk \
	share/man/man1/gracewalk.1 share/man/man3/gracewalk.3 share/man/man3/gw_unmap.3 \
	share/bash-completion/completions/gracewalk share/man/man7/gracewalk-probes.7 \
	share/gracewalk/gracewalk.bt; do
	[ -s "$prefix/$file" ] || fail "no $file"
done
"$prefix/bin/gracewalk" --version
for name in $(nm -D --defined-only "$lib/libgracewalk.so" | sed -n 's/.* T gw_index64_\([^@]*\).*/\1/p
	s/.* T gw_\(\(format\|heap\|retire\|urcu\)_[^@]*\).*/\1/p'); do
	[ -s "$prefix/share/man/man3/gw_$name.3" ] || fail "no manual page for gw_$name"
done

# A program of one line each: the README's with the shared library, one of C++ with the static one.
run() { # program, whether it may ask for a shared library of ours
	readelf -d "$1" | grep -q "NEEDED.*libgracewalk\.so\.0" && shared=yes || shared=no
	[ "$shared" = "$2" ] || fail "$1: asks for the shared library: $shared"
	LD_LIBRARY_PATH=$lib "$1" || fail "$1 failed"
}
# shellcheck disable=SC2046
quietly cc "$source/examples/first.c" -o "$tmp/first" \
	$(pkg-config --cflags --libs gracewalk liburcu-memb)
run "$tmp/first" yes
formats=$(pkg-config --variable=formats gracewalk)
for example in "$source"/examples/*.c; do
	case " $formats " in *" $(sed -n 's/^#define GW_FORMAT //p' "$example") "*) ;; *) continue ;; esac
	# shellcheck disable=SC2046
	quietly cc -std=gnu11 -Wall -Wextra -Werror "$example" -o "$tmp/example" \
		$(pkg-config --cflags --libs gracewalk liburcu-memb) -pthread
done
for format in $formats; do
	case $format in x86_64 | s390x | index64) ;; *) continue ;; esac
	# shellcheck disable=SC2046
	quietly c++ -std=c++17 -DGW_FORMAT="$format" "$tests/outside.cc" -o "$tmp/cc_$format" \
		$(pkg-config --cflags gracewalk) "$lib/libgracewalk.a" $(pkg-config --libs liburcu-memb)
	run "$tmp/cc_$format" no
done

# A project that builds with Meson.
cp -r "$tests/outside" "$tmp/outside"
ln -s "$source" "$tmp/outside/subprojects/gracewalk"
project() { # how, whether it asks for the shared library, Meson's arguments
	how=$1 shared=$2
	shift 2
	quietly "$meson" setup "$tmp/$how" "$tmp/outside" -Doptimization=0 -Ddebug=false "$@"
	quietly ninja -C "$tmp/$how" -j1 outside
	run "$tmp/$how/outside" "$shared"
}
project shared yes --wrap-mode=nofallback
project static no --wrap-mode=nofallback -Dprefer_static=true
project subproject no --force-fallback-for=gracewalk -Dgracewalk:formats=x86_64

unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
quietly ninja -C "$build" uninstall
[ ! -e "$to" ] || fail "uninstalled, but there is $(find "$to" | tail -n 1)"
