#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# A C++ compiler takes the public headers with every format, and warns of nothing.
# usage: cplusplus.sh SOURCE COMPILER FORMAT...    exit: 77: there is no such compiler
set -eu
source=$1 compiler=$2
shift 2
command -v "$compiler" >/dev/null || { echo "SKIP: no $compiler"; exit 77; }
for format; do
	"$compiler" -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$source/include" -DGW_FORMAT="$format" \
		-fsyntax-only "$source/tests/install/outside.cc"
done
