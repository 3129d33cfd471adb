#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Mutants: the core with one fault each, which the tests have to find. A mutant is NAME.patch, or
# NAME.switch for a fault of src/mutant.h. Either begins with what is broken; then lines of its own
# may follow:
#
#   breaks: RULE                  of docs/protocol.md, or a guarantee
#   test: PROGRAM FORMAT [ARG]    to be tried before all others; FORMAT+thread: with that sanitizer
#   survives: REASON              no test finds it; only the one above is tried
#
# Tests are tried from cheap to dear, up to the first that fails. Each has to pass without the fault
# first, in well under the time it is given. Where threads race, more runs say how often it fails.
#
# usage: run.sh [NAME...]             Status 1: one survives without a reason, or does not build.
#        run.sh --compile [NAME...]   Only: does it apply, and compile?
set -u
cd "$(dirname "$0")" || exit 2
SECONDS_OF_TORTURE=10
LIMIT=60 # seconds for one run of a test
RUNS=${RUNS:-10}

compile_only=
if [ "${1-}" = --compile ]; then
	compile_only=yes
	shift
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM
base=$work/base tree=$work/mutant passed=$work/passed
mkdir "$base" "$base/tests" && : >"$passed"
cp -R ../../src ../../include "$base"
cp -R ../core ../torture ../bare "$base/tests"
cp build.mk "$base"

names() {
	if [ $# -gt 0 ]; then
		printf '%s\n' "$@"
	else
		ls | sed -n -e 's/\.patch$//p' -e 's/\.switch$//p'
	fi
}

# A heading's lines of that kind.
heading() { # name, kind
	sed -n -e '/^--- /q' -e "s/^$2: //p" "$1".patch "$1".switch 2>/dev/null
}

# To a copy of the sources, and of what was built of them.
apply() { # name
	rm -rf "$tree"
	cp -Rp "$base" "$tree"
	if [ -f "$1.switch" ]; then
		grep -rqw "GW_MUTANT($1)" "$tree/src" &&
			sed -i "s/^#define GW_MUTANT_H\$/&\n#define GW_MUTANT_$1 1/" "$tree/src/mutant.h"
	else
		patch -s -p1 -F0 -d "$tree" <"$1.patch"
	fi
}

# ---- Does it compile? ----

compiles() { # name
	format=$(heading "$1" test | sed -n '1s/[^ ]* \([a-z0-9_]*\).*/\1/p')
	header=$(cd "$base" && ls tests/*/format/"$format".h 2>/dev/null)
	for file in $(sed -n 's,^+++ b/\([^ ]*\).*,\1,p' "$1.patch"); do
		case $file in
		*.c) set -- "$tree/$file" ;;
		*) set -- -include gracewalk/gracewalk.h -include "$tree/$file" -x c /dev/null ;;
		esac
		gcc -fsyntax-only -Werror=implicit-function-declaration -D_GNU_SOURCE \
			-I"$tree/include" -I"$tree/src" -I"$tree" -DGW_FORMAT="${format:-x86_64}" \
			${header:+"-DGW_FORMAT_HEADER=\"$header\""} "$@" || return 1
	done
}

compile_all() {
	n=0 bad=0
	for name in $(names "$@"); do
		n=$((n + 1))
		if ! apply "$name" || { [ -f "$name.patch" ] && ! compiles "$name"; }; then
			echo "$name: does not apply or compile"
			bad=$((bad + 1))
		fi
	done
	echo "$n mutants, $bad that do not apply or compile"
	[ "$n" -gt 0 ] && [ $bad = 0 ]
}

# ---- Tests ----

# The tests of a mutant, named ones first.
tests_of() { # name
	core='retire harvest look map_many huge limit remap run table'
	heading "$1" test
	[ -z "$reason" ] || return
	printf '%s x86_64\n' heap heap_points heap_random
	echo 'heap_steps steps'
	printf '%s tiny\n' $core property fault
	for format in x86_64 aarch64_4k s390x sv39; do
		printf "%s $format\n" by_hand $core property | grep -v '^run [xs][83]'
	done
	printf '%s x86_64\n' urcu regress bare
	printf 'dirty %s\n' 'x86_64 mmu' 'aarch64_4k fault' 'x86_64 walker'
	echo 'moves small'
	for mix in '--policy lazy' '--policy eager --block 1' '--policy lazy --shared' \
		'--policy lazy --limit 4096' '--policy manual' '--policy eager --shared --untold'; do
		echo "torture small $mix"
	done
	echo 'property tiny+address'
	echo 'torture small+address --policy lazy'
}

races() { # program
	case $1 in torture | dirty | moves | regress | bare | urcu) ;; *) false ;; esac
}

now() {
	date +%s%N
}

seconds() { # nanoseconds
	printf '%d.%02d' $(($1 / 1000000000)) $(($1 / 10000000 % 100))
}

# Builds a test and runs it; adds to `built` and `ran`. Return: 0: it passes, 1: not, see `how`; 2: it
# does not build.
try() { # tree, number of the run, program, format, arguments
	in=$1 seed=$2 program=$3 out=$4
	shift 4
	sanitizer=${out#"${out%+*}"}
	began=$(now)
	make -s -C "$in" -f build.mk PROGRAM="$program" FORMAT="${out%+*}" SANITIZER="${sanitizer#+}" \
		>"$work/log" 2>&1 || return 2
	built=$((built + $(now) - began))
	case $program in
	torture) set -- "$@" --seconds $SECONDS_OF_TORTURE --seed "$seed" ;;
	dirty | moves) set -- "$@" --seconds $SECONDS_OF_TORTURE ;;
	esac
	began=$(now)
	TSAN_OPTIONS="halt_on_error=1:suppressions=$base/tests/torture/tsan.supp" \
		timeout -k 1 $LIMIT sh "$base/tests/torture/run.sh" "$in/out/$out/$program" "$@" \
		>"$work/log" 2>&1
	status=$?
	took=$(($(now) - began))
	ran=$((ran + took))
	how=
	[ $status -gt 127 ] && how=', crashed'
	grep -q '^WRONG: no progress' "$work/log" && how=', stuck'
	[ $status = 124 ] && how=', out of time'
	[ $status = 0 ]
}

# Whether a test passes without the fault, in less than half its time.
passes() { # run, program, format, arguments
	grep -qxF "$*" "$passed" && return 0
	if ! try "$base" "$@" || [ $took -gt $((LIMIT * 500000000)) ]; then
		echo "without a fault '$*' fails$how, or takes too long:"
		tail -n 20 "$work/log"
		return 1
	fi
	echo "$*" >>"$passed"
}

# How many of RUNS runs find the fault, of which this was the first.
count_runs() { # program, format, arguments
	found=1
	for run in $(seq 2 "$RUNS"); do
		try "$tree" "$run" "$@" || found=$((found + 1))
	done
	echo ", $found of $RUNS runs"
}

# Tries the tests of a mutant that stands in `tree`. Return: 0: it survives, 1: killed, see `by`; 2:
# error.
hunt() { # name
	tests_of "$1" | awk '!seen[$0]++' >"$work/tests"
	while read -r test; do
		for run in 1 2 3; do
			# shellcheck disable=SC2086 # words
			set -- $run $test
			[ "$run" = 1 ] || [ "$2" = torture ] || break
			passes "$@" || return 2
			built=0 ran=0
			try "$tree" "$@"
			case $? in
			0) continue ;;
			2) tail -n 20 "$work/log" && return 2 ;;
			esac
			by="$test$how, built in $(seconds $built) s, run in $(seconds $took) s"
			shift
			races "$1" && by=$by$(count_runs "$@" </dev/null)
			return 1
		done
	done <"$work/tests"
}

run_all() {
	began_all=$(now) n=0 killed=0 explained=0 bad=0
	for name in $(names "$@"); do
		n=$((n + 1)) built=0 ran=0 by=
		reason=$(heading "$name" survives)
		if apply "$name"; then hunt "$name"; else false || (exit 2); fi
		case $?${reason:+explained} in
		0explained) echo "$name: survives, explained" && explained=$((explained + 1)) ;;
		0) echo "$name: SURVIVES" && bad=$((bad + 1)) ;;
		1) echo "$name: killed by $by" && killed=$((killed + 1)) ;;
		1*) echo "$name: KILLED by $by; yet explained as one that survives" && bad=$((bad + 1)) ;;
		*) echo "$name: ERROR" && bad=$((bad + 1)) ;;
		esac
	done
	echo "$n mutants: $killed killed, $explained explained, $bad not as they should be;" \
		"$(seconds $(($(now) - began_all))) s"
	[ $n -gt 0 ] && [ $bad = 0 ]
}

if [ "$compile_only" ]; then compile_all "$@"; else run_all "$@"; fi
