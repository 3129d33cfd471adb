#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Runs a harness with a deliberate fault: it passes when the fault is found.
#
# usage: control.sh harness [arguments]
set -u
out=$("$@")
code=$?
printf '%s\n' "$out" | head -n 1
[ $code -eq 1 ] && printf '%s\n' "$out" | grep -q '^WRONG: '
