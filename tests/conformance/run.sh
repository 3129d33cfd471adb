#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Boots an image in QEMU once a seed, from CONFORMANCE_FIRST (1) on, CONFORMANCE_SEEDS (3) of them.
# usage: run.sh IMAGE FOLDER CONTROL [QEMU-ARGUMENT...]
# CONTROL: none; or stale, short, swap, rights, page, run: a deliberate fault, which every boot must
# catch; or bends, of an image with wrong bits: each of them, by one seed.
# exit: 0 well, 1 not, 77 no QEMU or no compiler
set -u

image=$1 folder=$2 control=$3
shift 3
here=$(dirname "$0")
# What they say: the program, the machine, the option that takes the image and what stands before
# its name there, where the seed goes, the status of a run that ends well.
qemu='' machine='' boot=-kernel boots='' word='' well=''
# shellcheck source=/dev/null
. "$here/$folder/qemu.sh"
seeds=${CONFORMANCE_SEEDS:-3} first=${CONFORMANCE_FIRST:-1} limit=60

if ! [ -e "$image" ]; then
	echo "SKIP: $image is not built; ninja conformance_more does it"
	exit 77
fi
if ! [ -s "$image" ]; then
	echo "SKIP: the compiler for $folder is not installed; packages.txt names its package"
	exit 77
fi
if ! command -v "$qemu" >/dev/null; then
	echo "SKIP: $qemu is not installed; packages.txt names its package"
	exit 77
fi
case $control in
none | bends) number=0 ;;
stale) number=1 ;;
short) number=2 ;;
swap) number=3 ;;
rights) number=4 ;;
page) number=5 ;;
run) number=6 ;;
*)
	echo "unknown control: $control"
	exit 1
	;;
esac
[ "$number" = 0 ] || seeds=$(((seeds + 3) / 4))

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run WORD [QEMU-ARGUMENT...]: the console goes to $log
run() {
	data=$1 status=0
	shift
	# shellcheck disable=SC2086 # $machine is a list
	timeout -k 5 "$limit" "$qemu" $machine -accel tcg -display none -net none -no-reboot \
		-serial stdio -monitor none -device "loader,data=$data,data-len=8,$word" \
		"$boot" "$boots$image" "$@" </dev/null >"$log" 2>&1 || status=$?
	[ "$status" != 124 ] || echo "no end within $limit s" >>"$log"
}

# Both ways the walk agrees with what is wrong, and nothing but an access may tell, or what the MMU
# has recorded of one.
bend_as_said() {
	case $(grep '^bend ' "$log") in
	*', not seen') [ "$status" = "$well" ] && grep -q '^ok: ' "$log" ;;
	*', both ways')
		[ "$status" != "$well" ] &&
			grep -Eq '^mismatch: (gw_harvest|.* (supervisor|user) (read|write|exec)) ' \
				"$log"
		;;
	# One way the library contradicts itself, and may never end.
	*', one way')
		[ "$status" != "$well" ] && grep -Eq '^(mismatch: |broke: |no end )' "$log"
		;;
	*) false ;;
	esac
}

# bends [QEMU-ARGUMENT...]: number 0 is the true format; it says how many there are.
bends() {
	n=0 all=0 failed=0
	while [ "$n" -le "$all" ]; do
		for one_way in 0 1; do
			run $((n << 48 | one_way << 41 | first)) "$@"
			cat "$log"
			bend_as_said || {
				echo "not so: exit status $status"
				failed=1
			}
		done
		[ "$n" != 0 ] || all=$(sed -n 's/^bend 0 of \([0-9]*\): .*/\1/p' "$log" | grep .) || exit 1
		n=$((n + 1))
	done
	[ "$all" != 0 ] && exit "$failed"
	exit 1
}
[ "$control" != bends ] || bends "$@"

seed=$first
while [ "$seed" -lt $((first + seeds)) ]; do
	run $((number << 32 | seed)) "$@"
	cat "$log"
	if [ "$number" = 0 ]; then
		[ "$status" = "$well" ] && grep -q '^ok: ' "$log"
	else
		[ "$status" != "$well" ] && grep -q '^mismatch: ' "$log"
	fi || {
		echo "seed $seed, control $control: exit status $status"
		exit 1
	}
	seed=$((seed + 1))
done
