#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# A scheme that is sound, tortured with few and many tables a page, under every way to free them and
# every kind of walker that the way is safe for. GW_TORTURE_SECONDS makes each run longer.
#
# usage: sound.sh SCHEME MOST-TABLES COMMAND...     the command is gracewalk, or what runs it
set -u
scheme=$1
most=$2
shift 2
seconds=${GW_TORTURE_SECONDS:-0.2}
# ThreadSanitizer's programs sleep for a second at their end, unless told otherwise.
export TSAN_OPTIONS="${TSAN_OPTIONS:-}:atexit_sleep_ms=0"
failures=0
runs=0
page=4k
flavours='memb mb qsbr bp'

for tables in 1 2 4 16 256; do
	[ "$tables" -le "$most" ] || break
	for mode in 'single mixed' 'batch mixed' 'ipi irq' 'single counted' 'batch counted'; do
		if ! out=$("$@" torture --scheme "$scheme" --tables-per-page $tables \
			--page-size $page --unmap "${mode% *}" --walk "${mode#* }" \
			--flavour "${flavours%% *}" --seconds "$seconds" 2>&1); then
			printf '%s\n' "$out" | head -n 60
			failures=$((failures + 1))
		fi
		runs=$((runs + 1))
		# Five modes: each meets both sizes and all flavours.
		[ $page = 4k ] && page=64k || page=4k
		flavours="${flavours#* } ${flavours%% *}"
	done
done
echo "$scheme: $runs runs, $failures failed"
exit $((failures > 0))
