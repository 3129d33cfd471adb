#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Boots an image in QEMU once a seed, from CONFORMANCE_FIRST (1) on, CONFORMANCE_SEEDS (20) of them.
# usage: run.sh IMAGE FOLDER CONTROL [QEMU-ARGUMENT...]
# CONTROL: none; or stale, short, rights, page: a deliberate fault, which every boot must catch.
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
seeds=${CONFORMANCE_SEEDS:-20} first=${CONFORMANCE_FIRST:-1} limit=60

if ! [ -s "$image" ]; then
	echo "SKIP: the compiler for $folder is not installed; packages.txt names its package"
	exit 77
fi
if ! command -v "$qemu" >/dev/null; then
	echo "SKIP: $qemu is not installed; packages.txt names its package"
	exit 77
fi
case $control in
none) number=0 ;;
stale) number=1 ;;
short) number=2 ;;
rights) number=3 ;;
page) number=4 ;;
*)
	echo "unknown control: $control"
	exit 1
	;;
esac
[ "$number" = 0 ] || seeds=$(((seeds + 3) / 4))

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# run SEED [QEMU-ARGUMENT...]: the console goes to $log
run() {
	data=$((number << 32 | $1))
	shift
	# shellcheck disable=SC2086 # $machine is a list
	timeout -k 5 "$limit" "$qemu" $machine -accel tcg -display none -net none -no-reboot \
		-serial stdio -monitor none -device "loader,data=$data,data-len=8,$word" \
		"$boot" "$boots$image" "$@" </dev/null >"$log" 2>&1
}

seed=$first
while [ "$seed" -lt $((first + seeds)) ]; do
	status=0
	run "$seed" "$@" || status=$?
	cat "$log"
	if [ "$number" = 0 ]; then
		[ "$status" = "$well" ] && grep -q '^ok: ' "$log"
	else
		[ "$status" != "$well" ] && grep -q '^mismatch: ' "$log"
	fi || {
		[ "$status" != 124 ] || echo "no end within $limit s"
		echo "seed $seed, control $control: exit status $status"
		exit 1
	}
	seed=$((seed + 1))
done
