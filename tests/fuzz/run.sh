#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Builds a fuzz target with clang's libFuzzer and sanitizers, gives it the inputs that are kept in corpus/,
# and then random ones made of them.
# usage: run.sh SOURCE-ROOT TARGET [FILE...]    TARGET: trace, image, or a format; FILE: these inputs alone
# GW_FUZZ_RUNS random inputs, or as many as fit into GW_FUZZ_SECONDS; GW_FUZZ_SEED for others.
# GW_FUZZ_DIR: where the program and what it finds stay, to go on from; without it nothing but a crash stays.
# GW_FUZZ_LIBRARY: libgracewalk.a, for the target image.
# exit: 0 well, 1 not, 77 no clang
set -eu
root=$1 target=$2
shift 2
if ! command -v clang >/dev/null; then
	echo "SKIP: clang is not installed; packages.txt names its package"
	exit 77
fi
if [ "${GW_FUZZ_DIR:-}" ]; then
	dir=$GW_FUZZ_DIR crash=$GW_FUZZ_DIR/crash
else
	dir=$(mktemp -d) crash=$PWD/fuzz-$target-crash
	trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir/found"

compile() { # engine, then the compiler's arguments
	engine=$1
	shift
	clang -std=gnu11 -D_GNU_SOURCE -g1 -O1 -Wall -Wextra -Werror -fsanitize="$engine",address,undefined \
		-fno-sanitize-recover=all -I"$root/include" -I"$root/src" -I"$root/cli" "$@"
}

corpus=$root/tests/fuzz/corpus/$target length=1024 runs=5000
here=$root/tests/fuzz cli=$root/cli
case $target in
trace)
	runs=10000
	compile fuzzer "$here/trace_fuzz.c" "$cli/trace_format.c" "$cli/trace_read.c" "$cli/trace_write.c" \
		"$cli/whole_file.c" "$cli/space.c" "$cli/space_map.c" -lzstd -o "$dir/fuzz"
	;;
image)
	# All formats are the library's as it is, but for one of each kind, whose decoding is watched too.
	for format in x86_64 aarch64_4k sv39 s390x ppc64_64k index64; do
		compile fuzzer-no-link -DGW_FORMAT=$format -c "$root/src/table/ops.c" -o "$dir/$format.o"
	done
	compile fuzzer "$here/image_fuzz.c" "$cli/dump_image.c" "$cli/dump_tell.c" "$cli/dump_walk.c" \
		"$dir"/*.o "${GW_FUZZ_LIBRARY:-$root/build/src/libgracewalk.a}" -lcjson -o "$dir/fuzz"
	;;
*)
	corpus=$here/corpus/format length=500 runs=3000
	# shellcheck disable=SC2046 # no name has a space in it
	compile fuzzer -DGW_FORMAT="$target" "$here/format_fuzz.c" \
		$(find "$root/src/heap" "$root/src/table" -name '*.c') "$root/src/env/bare/bare.c" -o "$dir/fuzz"
	;;
esac

# An input that takes longer than 20 seconds stands for one that never ends.
fuzz() {
	rm -f "$crash"
	"$dir/fuzz" -verbosity=0 -timeout=20 -exact_artifact_path="$crash" "$@" && return
	[ ! -f "$crash" ] || echo "replay: tests/fuzz/run.sh $root $target $crash"
	exit 1
}

if [ $# -gt 0 ]; then # the files; a failure does not write them again
	"$dir/fuzz" "$@"
	exit
fi
fuzz -runs=0 "$corpus"
set -- -runs="${GW_FUZZ_RUNS:-$runs}"
[ ! "${GW_FUZZ_SECONDS:-}" ] || set -- -max_total_time="$GW_FUZZ_SECONDS"
fuzz "$@" -seed="${GW_FUZZ_SEED:-1}" -max_len=$length -len_control=0 -print_final_stats=1 \
	"$dir/found" "$corpus"
if [ "${GW_FUZZ_DIR:-}" ] && [ "$(ls "$dir/found")" ]; then
	echo "to keep of $dir/found what reaches more than what is kept:"
	echo "  $dir/fuzz -merge=1 -use_counters=0 -max_len=$length $corpus $dir/found"
fi
