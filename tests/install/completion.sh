#!/bin/bash
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# What bash proposes for the word under the cursor, which is the last one here.
# usage: completion.sh SCRIPT GRACEWALK
set -eu
. "$1"
gracewalk=$2

proposes() { # what is expected, with spaces between; the words after `gracewalk`
	local expected=$1 last
	shift
	COMP_WORDS=("$gracewalk" "$@")
	COMP_CWORD=$#
	last=${COMP_WORDS[COMP_CWORD]}
	_gracewalk "$gracewalk" "$last" "${COMP_WORDS[COMP_CWORD - 1]}"
	if [ "${COMPREPLY[*]-}" != "$expected" ]; then
		echo "gracewalk $*: expected \"$expected\", got \"${COMPREPLY[*]-}\""
		exit 1
	fi
}
proposes 'record replay report' re
proposes '--version' --v
proposes 'standard-test' stan
proposes '--format' replay --fo
proposes '--watch' scan --w
proposes "$(cd /proc && echo $$*)" scan $$
proposes '--page-size --policy' compare --p
proposes '--page-size' torture --p
proposes '--page-size --policy' report --p
proposes 'ppc64-hash ppc64-radix' report --arch ppc
proposes 'index64' replay -f ind
proposes 'index64' dump --format = ind
proposes "$("$gracewalk" --formats | tr '\n' ' ' | sed 's/ $//')" dump --format =
proposes 'qsbr' torture --flavour q
proposes 'side-struct' torture --scheme side
proposes '' replay --walkers ''
