#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Runs a build with a deliberate fault: it passes when the torture test finds the fault, with a
# report of what is wrong, and not by getting stuck.
#
# usage: control.sh torture-with-a-fault [options]
#        control.sh race torture-with-a-race [options]      the report is ThreadSanitizer's
set -u

want='^WRONG: '
status=1
if [ "$1" = race ]; then
	want='^WARNING: ThreadSanitizer: data race'
	status=66
	shift
fi

# Another architecture's programs need QEMU in front: Meson says what.
# shellcheck disable=SC2086 # a list
out=$(${MESON_EXE_WRAPPER-} "$@" --seconds 10 2>&1)
code=$?
printf '%s\n' "$out" | head -n 40
if [ $code -ne $status ]; then
	echo "not caught: status $code"
	exit 1
fi
if printf '%s\n' "$out" | grep -q '^WRONG: no progress'; then
	echo "not caught: it got stuck"
	exit 1
fi
printf '%s\n' "$out" | grep -q "$want"
