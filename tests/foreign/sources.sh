#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Fetches the sources of the tests' libraries from Debian: apt takes no file that the archive's
# signature does not cover. The machine's own apt learns nothing of it: lists and cache are in DIRECTORY.
# usage: sources.sh DIRECTORY
#	leaves DIRECTORY/cmocka and DIRECTORY/liburcu
# exit: 0 they are there, 77 they cannot be had: no network, or no mirror of Debian
set -eu

mkdir -p "$1"
cd "$1"
# One of several that come at once does it.
exec 9>lock
flock 9
[ ! -f complete ] || exit 0

# For a while what failed for one holds for those that wait behind it.
skip() {
	echo "SKIP: no sources of cmocka and liburcu: $*" | tee skipped
	exit 77
}
if [ -n "$(find . -name skipped -mmin -10)" ]; then
	cat skipped
	exit 77
fi

for tool in apt-get dpkg-source; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
rm -rf apt cmocka* liburcu*
mkdir -p apt/lists/partial apt/cache
: >apt/status

# The mirrors and releases of Debian that the machine itself uses.
# shellcheck disable=SC2016 # apt's own names
apt-get indextargets --format 'deb-src $(REPO_URI) $(CODENAME) main' 'Identifier: Packages' \
	'Origin: Debian' 'Label: Debian' 'Component: main' 2>/dev/null | sort -u >apt/sources.list
[ -s apt/sources.list ] || skip 'apt knows no mirror of Debian; was it ever updated?'

apt() {
	apt-get -qq -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State="$PWD/apt" -o Dir::State::Lists="$PWD/apt/lists" \
		-o Dir::State::status="$PWD/apt/status" -o Dir::Cache="$PWD/apt/cache" \
		-o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" 2>apt/log
}
if ! apt -o APT::Update::Error-Mode=any update || ! apt source --download-only cmocka liburcu; then
	skip "$(sed -n 's/^E: //p' apt/log | head -n 1)"
fi
# Debian's changes are to other parts, and would have the build ask for automake.
for source in cmocka liburcu; do
	dpkg-source --no-check --skip-patches -x $source*.dsc $source >/dev/null
done
rm -rf apt ./*.tar.* ./*.dsc
: >complete
