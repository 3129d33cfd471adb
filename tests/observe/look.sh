#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Has GDB look into a program: look.py says at what.
# usage: look.sh PROGRAM COMMAND SCRIPT PAGE     PAGE: the manual page of probes; -: there are none
# exit: 0 well, 1 not, 77 GDB is not here, or may not look
set -eu
here=$(dirname "$0")

if ! gdb -nx -batch -ex 'python print("here")' 2>/dev/null | grep -q here; then
	echo "SKIP: no gdb with Python"
	exit 77
fi
if ! gdb -nx -batch -ex 'set startup-with-shell off' -ex run true 2>&1 | grep -q 'exited normally'; then
	echo "SKIP: gdb may run no process here (ptrace)"
	exit 77
fi

OBSERVE_DIRECTORY=$(mktemp -d)
trap 'rm -rf "$OBSERVE_DIRECTORY"' EXIT
OBSERVE_COMMAND=$2 OBSERVE_SCRIPT=$3 OBSERVE_PROBES=
[ "$4" = - ] || OBSERVE_PROBES=$(sh "$here/documented.sh" "$4")
export OBSERVE_DIRECTORY OBSERVE_COMMAND OBSERVE_SCRIPT OBSERVE_PROBES
status=0
timeout 120 gdb -nx -batch -x "$here/look.py" "$1" >"$OBSERVE_DIRECTORY/out" 2>&1 || status=$?
# That it got to its end, too.
if [ $status != 0 ] || ! grep ', 0 wrong$' "$OBSERVE_DIRECTORY/out"; then
	cat "$OBSERVE_DIRECTORY/out"
	exit 1
fi
