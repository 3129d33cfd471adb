# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Completion of gracewalk's command line for bash. Commands, options, formats and schemes are those
# that the command itself tells.

_gracewalk_options() {
	"$1" "${@:2}" --help 2>/dev/null | grep -oE '^ *(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'
}

_gracewalk() {
	local gracewalk=$1 word=$2 before=$3 words=
	COMPREPLY=()

	# bash makes three words of --format=sv39.
	[ "$word" != = ] || word=
	[ "$before" != = ] || before=${COMP_WORDS[COMP_CWORD - 2]}
	case $before in
	-f | --format) words=$("$gracewalk" --formats) ;;
	--scheme | --schemes) words=$("$gracewalk" torture --list | grep -oE '^[a-z-]+') ;;
	--flavour) words='memb mb qsbr bp' ;;
	--policy) words='exact linux' ;;
	-a | --arch) words='x86-64 s390 ppc64-hash ppc64-radix user' ;;
	*)
		if [ "$COMP_CWORD" = 1 ]; then
			words=$("$gracewalk" --help | grep -oE '^  [a-z][a-z-]*')
			words+=" $(_gracewalk_options "$gracewalk")"
		elif [[ $word == -* ]]; then
			words=$(_gracewalk_options "$gracewalk" "${COMP_WORDS[1]}")
		elif [ "${COMP_WORDS[1]}" = scan ]; then
			words=$(cd /proc && echo [0-9]*)
		fi
		;;
	esac
	[ -z "$words" ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o default -F _gracewalk gracewalk
