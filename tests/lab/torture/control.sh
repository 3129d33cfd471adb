#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# A scheme that is not sound, or a way to free tables that it is not sound with: the torture has to
# find the very invariant that breaks, before the time is up.
#
# usage: control.sh INVARIANT OPTIONS COMMAND...     the command is gracewalk, or what runs it
set -u
invariant=$1
options=$2
shift 2

# shellcheck disable=SC2086 # several words
out=$("$@" torture --seconds 10 $options 2>&1)
code=$?
printf '%s\n' "$out" | head -n 40
if [ $code -ne 1 ]; then
	echo "not caught: status $code"
	exit 1
fi
printf '%s\n' "$out" | grep -q "^broken: $invariant: "
