#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Searches every state of a model within the bounds of the file `bounds`, and looks for the error of
# each of its faults. A search that was cut short is a failure, and so is a fault that is told by
# anything but what it should be told by.
# usage: run.sh MODEL check|proof
# exit: 0 well, 1 not, 77 no spin
set -u
here=$(cd "$(dirname "$0")" && pwd)
model=$1 when=$2
if ! command -v spin >/dev/null; then
	echo "SKIP: spin is not installed; packages.txt names its package"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
megabytes=7500 seconds=1800

failed() {
	cat out
	echo "FAILED: $*"
	status=1
}

# search LEVEL NUMBER...: with gcc's level of optimization; pan's words go to the file `out`, the
# time of its processor to `spent`
search() {
	level=$1
	shift
	for name in $names; do
		set -- "$@" "-D$name=$1"
		shift
	done
	rm -f pan* ./*.trail
	spin -a "$@" ${fault:+"-D$fault"} "$here/$model.pml" >out 2>&1 &&
		gcc "$level" -w -DSAFETY -DCOLLAPSE -DMEMLIM=$megabytes -o pan pan.c >>out 2>&1 &&
		(timeout $seconds ./pan -w20 -m100000 >out 2>&1 && times >spent)
}

# Whether pan has looked for what it should, and has said so to its end.
whole() {
	grep -q '^pan: elapsed time' out &&
		grep -q 'assertion violations[[:space:]]*+' out &&
		grep -q 'invalid end states[[:space:]]*+' out &&
		! grep -q -i -e 'search not completed' -e 'depth too small' -e 'out of memory' \
			-e 'memory limit' -e 'hash table is full' out
}

# figure PATTERN: the number in pan's words
figure() {
	sed -n "s/$1/\1/p" out
}

# In words: the file's names and the numbers of a line.
bounds_of() (
	for name in $names; do
		printf '%s%s %s' "${separator-}" "$name" "$1"
		separator=', '
		shift
	done
)

# right LEVEL NUMBER...
right() {
	level=$1
	shift
	if ! search "$level" "$@" || ! whole || ! grep -q 'errors: 0$' out; then
		failed "$model: $(bounds_of "$@")"
		return
	fi
	echo "$model: $(bounds_of "$@"): right: $(figure ' *\([0-9]*\) states, stored.*') states," \
		"depth $(figure '.*depth reached \([0-9]*\),.*')," \
		"$(sed -n '2s/\(\.[0-9]\).*/\1s/p' spent) of a processor," \
		"$(figure ' *\([0-9]*\)[0-9.]*[[:space:]]total actual memory usage') MB"
}

# wrong FAULT WHAT-TELLS NUMBER...: "end" is the end of all movement before all is done
wrong() {
	fault=$1 tells=$2
	shift 2
	search -O0 "$@"
	what=$(sed -n 's/^pan:1: //p' out)
	case $tells:$what in
	end:'invalid end state '* | *:'assertion violated '*"$tells"*) ;;
	*) what= ;;
	esac
	if [ -z "$what" ] || ! grep -q 'errors: 1$' out; then
		failed "$model: $(bounds_of "$@"): '$tells' did not tell of $fault"
		return
	fi
	echo "$model: $fault: $what, after $(figure ' *\([0-9]*\) states, stored.*') states"
}

status=0 runs=0 names=
while read -r kind of fault tells numbers; do
	case $kind:$of:$when in
	names:"$model":*)
		names="$fault $tells $numbers"
		continue
		;;
	check:"$model":* | proof:"$model":proof) runs=$((runs + 1)) ;;
	*) continue ;;
	esac
	# shellcheck disable=SC2086 # a list
	case $fault:$kind in
	-:check) fault= && right -O0 $numbers ;;
	-:proof) fault= && right -O2 $numbers ;;
	*) wrong "$fault" "$tells" $numbers ;;
	esac
done <"$here/bounds"
[ $runs -gt 0 ] || {
	echo "FAILED: no bounds for $model"
	status=1
}
exit $status
