#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Looks at what a model checker is given: each harness, preprocessed, names nothing that such a
# checker does not know. From this tree there may be C11, and the words of the compiler's below; what
# it calls is threads and assertions.
#
# usage: names.sh source-directory compiler...
set -u
cd "$1" || exit 1
shift

# What the macros of <stdatomic.h>, <stddef.h> and <assert.h> expand to; the lowest bit that is set;
# and what <gracewalk/walk_many.h>, which no harness calls, prefetches with.
words='__atomic_[a-z_]*|__c11_atomic_[a-z_]*|__ATOMIC_[A-Z_]*|__auto_type|__extension__|__typeof__|
__builtin_ctzll|__builtin_offsetof|__builtin_prefetch|__attribute__|__func__|__PRETTY_FUNCTION__|
__assert_fail|__VERIFIER_assume'
words=$(printf '%s' "$words" | tr -d '\n')
# memcpy and memset: clang's, for structures that are copied as such; a checker built on LLVM sees
# its instruction for that.
calls='memcpy|memset|pthread_create|pthread_join|__assert_fail|__VERIFIER_assume|_GLOBAL_OFFSET_TABLE_'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Words that begin with two underscores, or are a libc's or an assembler's, in text of this tree.
strange() { # compiler and flags; the file is $harness
	"$@" -std=gnu11 -Iinclude -Isrc -Itests/model -E "$harness" >"$tmp/text" || echo "does not compile"
	awk '/^# [0-9]+ "/ { ours = $3 ~ /^"(src|include|tests)\// } !/^#/ && ours' "$tmp/text" |
		grep -oE '[A-Za-z_][A-Za-z_0-9]*' | sort -u |
		grep -E '^(__.*|asm|calloc|mem(set|cpy|move)|mmap|pthread_rwlock.*|u?rcu_.*)$' |
		grep -vxE "$words"
}

status=0
say() {
	echo "$harness: $*"
	status=1
}

for harness in $(sed -n 's/^sound \([a-z]*\)$/tests\/model\/\1.c/p' tests/model/variants); do
	found=$(strange "$@" -DGW_C11_CHECKER)
	[ -z "$found" ] || say "names" $found
	# Without optimization every call that is written is made, and a harness is all there is.
	"$@" -std=gnu11 -DGW_C11_CHECKER -O0 -Iinclude -Isrc -Itests/model -c "$harness" \
		-o "$tmp/o" || say "does not compile"
	found=$(nm -u "$tmp/o" | awk '{ print $2 }' | grep -vxE "$calls")
	[ -z "$found" ] || say "calls" $found
done

# This looks where it should: the walk as it ships has a line of assembly.
harness=tests/model/walk.c
strange "$@" | grep -qx __asm__ || say "the assembly in the walk was not seen"
[ $status = 0 ] && echo "nothing strange"
exit $status
