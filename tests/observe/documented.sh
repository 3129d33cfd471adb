#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# The probes that the manual page tells of: name:arguments, one a line.
# usage: documented.sh PAGE
sed -n 's/^\.It Sy \([a-z_]*\) Ar \(.*\)/\1 \2/p' "$1" | while read -r name arguments; do
	# shellcheck disable=SC2086 # words
	set -- $arguments
	echo "$name:$#"
done | sort
