#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The command as a user meets it: exit codes, errors that say what to do, and a real trace in every format.
# usage: command.sh GRACEWALK TRACE TORTURE_SMALL FORMAT...
set -u
gracewalk=$1
trace=$2
torture_small=$3
shift 3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# expect STATUS PATTERN COMMAND...: the exit status, and a line of output or error that matches.
expect() {
	status=$1
	pattern=$2
	shift 2
	"$@" >"$dir/out" 2>&1
	got=$?
	if [ "$got" != "$status" ] || ! grep -Eq -e "$pattern" "$dir/out"; then
		echo "FAILED: $*"
		echo "  exit status $got instead of $status, or nothing matches \"$pattern\" in:"
		sed 's/^/  /' "$dir/out"
		failures=$((failures + 1))
	fi
}

# also PATTERN: the output of the last expect matches this too.
also() {
	cp "$dir/out" "$dir/last"
	expect 0 "$1" cat "$dir/last"
}

expect 2 'Usage' "$gracewalk"
expect 0 'Usage' "$gracewalk" --help
expect 0 '^gracewalk [0-9]+\.[0-9]+' "$gracewalk" --version
expect 2 'no command "walk"' "$gracewalk" walk

expect 0 'FORMAT' "$gracewalk" replay --help
expect 2 'name a trace' "$gracewalk" replay
expect 2 'one trace at a time' "$gracewalk" replay "$trace" "$trace"
expect 2 'no format "vax".*x86-64 .*s390x .*index64' "$gracewalk" replay --format vax "$trace"
expect 2 'no flavour "x".*memb' "$gracewalk" replay --flavour x "$trace"
expect 2 'exact or linux' "$gracewalk" replay --policy x "$trace"
expect 2 'walkers' "$gracewalk" replay --walkers -1 "$trace"
expect 2 'seconds' "$gracewalk" replay --seconds -1 "$trace"
expect 2 'unknown option' "$gracewalk" replay --nonsense "$trace"
expect 1 'No such file' "$gracewalk" replay "$dir/none"
expect 2 'standard-test' "$gracewalk" standard-test --size 0
expect 2 '.' "$gracewalk" record

expect 0 'SWITCH' "$gracewalk" torture --help
expect 0 'three-states +sound' "$gracewalk" torture --list
also 'head-per-page +breaks queued-twice with 2 tables'
expect 2 'no scheme "x".*--list' "$gracewalk" torture --scheme x
expect 2 'halves has no switch "x".*--list' "$gracewalk" torture --scheme halves:x
expect 2 'halves is for at most 2 tables' "$gracewalk" torture --scheme halves --tables-per-page 4
expect 2 'tables-per-page is 1, 2, 4' "$gracewalk" torture --tables-per-page 0
expect 2 'holds 1, 2, 4' "$gracewalk" torture --tables-per-page 3
expect 2 '--page-size is 4k' "$gracewalk" torture --page-size 5k
expect 2 '--unmap is single' "$gracewalk" torture --unmap x
expect 2 '--walk is rcu' "$gracewalk" torture --walk x
expect 2 '--deposit is fresh' "$gracewalk" torture --deposit x
expect 2 'never collapsed' "$gracewalk" torture --walk counted --deposit unlinked
expect 2 '--flavour is memb' "$gracewalk" torture --flavour x
expect 2 '--walkers is a number from 1 to 16' "$gracewalk" torture --walkers 17
expect 2 '--updaters is a number from 1 to 64' "$gracewalk" torture --updaters 0
expect 2 '--seconds is a number' "$gracewalk" torture --seconds 0
expect 2 'unknown option' "$gracewalk" torture --nonsense
expect 2 'takes no "halves".*--scheme' "$gracewalk" torture halves

expect 2 '--minutes is a number' "$gracewalk" torture --minutes 0
expect 2 'with --minutes, --seconds is a whole number' "$gracewalk" torture --minutes 1 --seconds 0.5
expect 2 'chooses the mixes by the seed.*--overtime' "$gracewalk" torture --minutes 1 --scheme halves
expect 2 'chooses the mixes by the seed' "$gracewalk" torture --minutes 1 --walkers 2
expect 2 '--overtime is a number' "$gracewalk" torture --minutes 1 --overtime 0
expect 2 '--overtime is for --minutes' "$gracewalk" torture --overtime 5
GRACEWALK_LIBEXEC=$dir expect 1 "no torture programs .* in $dir: build.*torture_programs" \
	"$gracewalk" torture --minutes 1

expect 0 'grace periods' "$gracewalk" compare --help
expect 2 'name a trace' "$gracewalk" compare
expect 2 'no scheme "x"' "$gracewalk" compare --schemes x "$trace"
expect 2 'no switch "x"' "$gracewalk" compare --schemes three-states:x "$trace"
expect 2 'single, batch or ipi' "$gracewalk" compare --schemes three-states/x "$trace"
expect 2 'single, batch or ipi' "$gracewalk" compare --unmap x "$trace"
expect 2 'names none' "$gracewalk" compare --schemes ' ' "$trace"
expect 2 'is there twice' "$gracewalk" compare --schemes three-states+three-states "$trace"
expect 2 'breaks queued-twice.*gracewalk torture' "$gracewalk" compare --schemes head-per-page "$trace"
expect 2 'halves is for at most 2 tables' \
	"$gracewalk" compare --arch ppc64-hash --schemes halves "$trace"
expect 2 'no architecture "vax".*s390' "$gracewalk" compare --arch vax "$trace"
expect 2 'page-size is 4k' "$gracewalk" compare --page-size 5k "$trace"
expect 2 'leaf-size is 4k' "$gracewalk" compare --leaf-size 128k "$trace"
expect 2 'power of two' "$gracewalk" compare --tables-per-page 3 "$trace"
expect 2 'too small' "$gracewalk" compare --tables-per-page 128 "$trace"
expect 2 'exact or linux' "$gracewalk" compare --policy x "$trace"
expect 2 'walkers is a number' "$gracewalk" compare --walkers 17 "$trace"
expect 2 'rounds is a number' "$gracewalk" compare --rounds -1 "$trace"
expect 1 'No such file' "$gracewalk" compare "$dir/none"
expect 1 "$dir/none/x" "$gracewalk" compare --samples "$dir/none/x" "$trace"

expect 0 'ADDRESS' "$gracewalk" dump --help
expect 2 'name a trace.*or an image' "$gracewalk" dump
expect 2 'one trace at a time' "$gracewalk" dump "$trace" "$trace"
expect 2 'a trace or an image, not both' "$gracewalk" dump --image "$trace" "$trace"
expect 2 'needs --format and --root' "$gracewalk" dump --image "$trace" --root 0
expect 2 'needs --format and --root' "$gracewalk" dump --image "$trace" --format sv39
expect 2 'are for a trace' "$gracewalk" dump --image "$trace" --format sv39 --root 0 --at 1
expect 2 'are for an --image' "$gracewalk" dump --root 0 "$trace"
expect 2 'not both' "$gracewalk" dump --at 1 --at-event 1 "$trace"
expect 2 'exact or linux' "$gracewalk" dump --policy x "$trace"
expect 2 '--at is a number' "$gracewalk" dump --at -1 "$trace"
expect 2 '--at is a number' "$gracewalk" dump --at nan "$trace"
expect 2 '--at-event is a number' "$gracewalk" dump --at-event 1x "$trace"
expect 2 'trace has [0-9]+ events' "$gracewalk" dump --at-event 999999999 "$trace"
expect 2 '--range is FIRST-LAST' "$gracewalk" dump --range 5 "$trace"
expect 2 '--range is FIRST-LAST' "$gracewalk" dump --range 5-4 "$trace"
expect 2 '--root is an address' "$gracewalk" dump --image "$trace" --format sv39 --root x
expect 2 '--image-base is an address' \
	"$gracewalk" dump --image "$trace" --format sv39 --root 0 --image-base -1
expect 2 '--max-tables is a number' "$gracewalk" dump --max-tables x "$trace"
expect 2 'no format "vax"' "$gracewalk" dump --format vax "$trace"
expect 2 'unknown option' "$gracewalk" dump --nonsense "$trace"
expect 1 'No such file' "$gracewalk" dump "$dir/none"
expect 1 'No such file' "$gracewalk" dump --image "$dir/none" --format sv39 --root 0
expect 1 'beyond the 39 bits of sv39' "$gracewalk" dump --format sv39 "$trace"

# A damaged trace is refused, with the place.
head -c 3000 "$trace" >"$dir/short"
expect 1 'short.*(byte|offset|at )' "$gracewalk" replay "$dir/short"
{ head -c 2000 "$trace"; printf 'XXXX'; tail -c +2005 "$trace"; } >"$dir/bent"
expect 1 'bent' "$gracewalk" replay "$dir/bent"
printf 'not a trace' >"$dir/text"
expect 1 'text' "$gracewalk" replay "$dir/text"

# The kept trace, walked while it is replayed. Nothing is wrong, nothing stays. For two formats its
# addresses are too large.
for format; do
	bits=
	case $format in
	sv39) bits=39 ;;
	s390x-3) bits=42 ;;
	esac
	if [ "$bits" ]; then
		expect 1 "beyond the $bits bits of $format" "$gracewalk" replay --format "$format" "$trace"
		continue
	fi
	expect 0 'stale answers +0' "$gracewalk" replay --seconds 0.2 --format "$format" "$trace"
	also 'wrong answers +0'
	also 'walks +[1-9]'
done
for flavour in memb mb qsbr bp; do
	expect 0 'wrong answers +0' "$gracewalk" replay --seconds 0 --flavour $flavour "$trace"
done
expect 0 '"stale_answers":	0' "$gracewalk" replay --seconds 0 --json "$trace"

# Under the kernel's rules, what the kernel reported: every sample within 3 %.
expect 0 '; 0 of [1-9][0-9]* samples more than 3 %' "$gracewalk" replay --seconds 0 --policy linux "$trace"

# What it maps at one moment; the same addresses whatever the format.
expect 0 'x86-64, policy exact, after event [1-9][0-9]* of' "$gracewalk" dump "$trace"
also '^0x0000000000400000-0x0000000000400fff +4K +1 x 4K +level 0  r--u---  -> 0x'
also '^    0 +[1-9][0-9]* +[1-9][0-9]*  4K$'
also ' mapped, [1-9][0-9]*K of tables$'
expect 0 'after event 1000 of' "$gracewalk" dump --at-event 1000 --holes --tables "$trace"
also 'table of level 3 at 0x[0-9a-f]+, [1-9] of 512 in use'
also '^0x0000000000000000-0x00000000003fffff +4M  hole$'
expect 0 'policy linux, after .*, at 0\.[0-9]+ s' "$gracewalk" dump --at 0.1 --policy linux "$trace"
for format; do
	case $format in
	x86-64 | s390x | aarch64-64k | ppc64-64k) ;;
	*) continue ;;
	esac
	"$gracewalk" dump --json --tables --at 0.1 --format $format "$trace" >"$dir/$format"
	expect 0 "$format True True" python3 -c "
import json, sys
all = json.load(open('$dir/$format'))
ranges, sum = all['ranges'], all['summary']
leaves = [one for one in ranges if one['kind'] == 'leaf']
mapped = [int(one['last'], 0) - int(one['first'], 0) + 1 for one in leaves]
tables = [one for one in ranges if one['kind'] == 'table']
total = 0
for bytes in mapped:
    total += bytes
print(all['source']['format'], total == sum['bytes_mapped'] > 0,
      len(tables) == len([0 for level in sum['levels'] for _ in range(level['tables'])]))"
done

# An image of three tables of Sv39, at 0x80000000: a page, a leaf of 1 GiB, a table that is not there.
python3 -c "
import struct, sys
root, middle, last = [0] * 512, [0] * 512, [0] * 512
root[0] = 0x80001000 >> 2 | 1
root[1] = 0x80000000 >> 2 | 0xcf
root[511] = 0x90000000 >> 2 | 1
middle[0] = 0x80002000 >> 2 | 1
last[1] = last[2] = 0x1234000 >> 2 | 0x13
sys.stdout.buffer.write(struct.pack('<1536Q', *root, *middle, *last))" >"$dir/image"
sv39() {
	"$gracewalk" dump --format sv39 --image "$dir/image" --image-base 0x80000000 \
		--root 0x80000000 "$@"
}
expect 1 '^0x0000000000001000-0x0000000000002fff +8K +2 x 4K +level 0  r--u---  -> scattered$' sv39
also '^0x0000000040000000-0x000000007fffffff +1G +1 x 1G +level 2  rwx--ad  -> 0x80000000$'
also '^0xffffffffc0000000-0xffffffffffffffff +1G  table at 0x90000000: outside the image$'
also '^1048584K mapped, 12K of tables$'
also '^1 tables: outside the image$'
expect 1 '"kind":"outside".*"table":"0x90000000"' sv39 --json
expect 0 '^4K mapped, 12K of tables$' sv39 --range 0-0x1fff
expect 1 'table at 0x80002000: not read: the limit of --max-tables' sv39 --max-tables 2

# Schemes compared: every page comes back, or the exit status is 1.
expect 0 'three-states/batch +[1-9]' "$gracewalk" compare --rounds 1 --policy linux --arch user \
	--schemes 'last-table-out+three-states/batch' --samples "$dir/samples" "$trace"
also 'Memory, at the recorded pace'
also 'Speed, as fast as it goes'
expect 0 '^trace,scheme,seconds,held,in_use,waiting,wasted$' cat "$dir/samples"
also 'last-table-out,[0-9.]+,[0-9]+,[0-9]+,[0-9]+,[0-9]+$'
also 'kernel VmPTE,'
"$gracewalk" compare --rounds 2 --arch s390 --schemes three-states/ipi --json "$trace" >"$dir/json"
expect 0 'three-states/ipi 1 0 2 True' python3 -c "
import json, sys
one = json.load(open('$dir/json'))['traces'][0]
three = one['schemes'][0]
memory = three['memory']
print(three['name'], len(one['schemes']), memory['pages_after'], len(three['speed']['rounds']),
      memory['held_bytes_peak'] > memory['wasted_bytes_peak'])"

# A small standard test: back to the root.
expect 0 'held now: 4096 bytes, of which 0 below the root' "$gracewalk" standard-test --size 1
also 'wrong answers 0, stale answers 0'
expect 0 'of which 0 below the root' "$gracewalk" standard-test --size 1 --format sv39
expect 0 'of which 0 below the root' "$gracewalk" standard-test --size 1 --format ppc64-64k

# A scheme that is sound, and one that is not: what broke, and the command that repeats it.
expect 0 '^no invariant was broken' "$gracewalk" torture --seconds 0.1
expect 0 '"breach":	null' "$gracewalk" torture --seconds 0.1 --json
expect 1 '^broken: queued-twice: an rcu_head is in the queue once' "$gracewalk" torture \
	--scheme head-per-page --seed 7
also 'again +gracewalk torture --scheme head-per-page .*--seed 7 '
expect 1 '"invariant":	"queued-twice"' "$gracewalk" torture --scheme head-per-page --json

# A soak: of a real program; of the lab, with the build directory's programs found.
unset GRACEWALK_LIBEXEC
soak() {
	"$gracewalk" torture --minutes 0.002 --seconds 1 "$@"
}
mkdir "$dir/real" "$dir/stub"
ln -s "$(realpath "$torture_small")" "$dir/real/torture_small"
GRACEWALK_LIBEXEC=$dir/real expect 0 '^no mix failed' soak --seed 5
also '1 page-table formats'
also 's  torture_small .*: walks [1-9][0-9]*, updates [1-9][0-9]*, tables deferred [1-9]'
also 'grace periods +[1-9]'
also 'failures +0'
expect 0 's  gracewalk torture --scheme .*: walks [1-9][0-9]*, updates [1-9][0-9]*, tables deferred [1-9]' \
	soak --seed 21
also ' [1-9][0-9]* page-table formats'

# What a soak makes of programs that end otherwise.
stub() {
	{ echo '#!/bin/sh'; cat; } >"$dir/stub/torture_small"
	chmod +x "$dir/stub/torture_small"
}
export GRACEWALK_LIBEXEC="$dir/stub"
stub <<'end'
echo "walks 1, updates 1, tables deferred 1, grace periods 1"
end
for seed in 22 22 28; do
	soak --minutes 1 --seed $seed | head -n 6 | sed -n 's/^ .* s  torture_small //p' >>"$dir/mixes"
done
expect 0 '^same$' sh -c '[ "$(sed 5q "$1")" = "$(sed -n 6,10p "$1")" ] && echo same' - "$dir/mixes"
expect 0 '^10$' sh -c 'sort -u "$1" | wc -l' - "$dir/mixes"

stub <<'end'
echo "WRONG: with $*"
exit 1
end
expect 1 '^failed: exit status 1' soak --seed 5
wrong=$(grep '^WRONG: with' "$dir/out")
again=$(sed -n 's/^  again  *//p' "$dir/out")
also 'failures +1'
expect 1 "^$wrong$" sh -c "$again"
"$gracewalk" torture --minutes 1 --json --seed 5 >"$dir/json"
expect 0 '^0 1 exit status 1 True$' python3 -c "
import json
all = json.load(open('$dir/json'))
failure = all['failure']
print(all['mixes'], all['failures'], failure['why'], 'WRONG: with' in failure['output'])"
stub <<'end'
kill -SEGV $$
end
expect 1 '^failed: signal 11' soak --seed 5
stub </dev/null
expect 1 '^failed: figures are missing' soak --seed 5
stub <<'end'
sleep 60
end
expect 1 '^failed: hung: not at its end after 2 s' soak --seed 5 --overtime 1

# Ctrl-C.
"$gracewalk" torture --minutes 1 --json >"$dir/json" &
sleep 0.3
kill -INT $!
wait $!
expect 0 '^0 True 0 None$' python3 -c "
import json
all = json.load(open('$dir/json'))
print($?, all['interrupted'], all['failures'], all['failure'])"

[ $failures = 0 ] && echo "all as expected"
exit $((failures > 0))
