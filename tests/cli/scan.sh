#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Copyright 2026 The Gracewalk authors
# Live processes scanned, whose page tables are known; those that cannot be; and watching.
# usage: scan.sh GRACEWALK CHILD
set -u
gracewalk=$1
child=$2
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill $pid 2>/dev/null; rm -rf "$dir"' EXIT
failures=0

fail() {
	echo "FAILED: $*"
	sed 's/^/  /' "$dir/out"
	failures=$((failures + 1))
}

# expect STATUS PATTERN COMMAND...: as in command.sh.
expect() {
	status=$1
	pattern=$2
	shift 2
	"$@" >"$dir/out" 2>&1
	got=$?
	[ "$got" = "$status" ] && grep -Eq -e "$pattern" "$dir/out" ||
		fail "$*: status $got instead of $status, or nothing matches \"$pattern\""
}

# start ARGUMENTS: a child that is ready, as $pid; the next line it waits for comes by `go`.
start() {
	rm -f "$dir/line" "$dir/ready"
	mkfifo "$dir/line"
	"$child" "$@" <"$dir/line" >"$dir/ready" &
	pid=$!
	exec 9>"$dir/line"
	await 1
}

await() { # so many lines
	until [ "$(wc -l <"$dir/ready")" -ge "$1" ]; do
		kill -0 $pid || exit 1
		sleep 0.02
	done
}

go() {
	echo >&9
}

end() {
	go
	exec 9>&-
	wait $pid
	pid=
}

# shows EXPRESSION...: true of the child's figures, where `one` is all that --json prints, `waste` and
# `blocks` bounds, `first` the mapping that wastes most, `at` the child's memory, `old` the figures
# of the last time.
shows() {
	mv "$dir/figures" "$dir/old" 2>/dev/null
	"$gracewalk" scan --json $pid >"$dir/figures"
	python3 -IS - "$dir" "$@" >"$dir/out" 2>&1 <<'end' || fail "figures"
import json, os, sys
dir, claims = sys.argv[1], sys.argv[2:]
one = json.load(open(dir + '/figures'))
old = json.load(open(dir + '/old')) if os.path.exists(dir + '/old') else None
waste, blocks = one['waste_bytes'], one['block_discard_bytes']
first = (one['worst'] or [None])[0]
at = int(open(dir + '/ready').readline().split()[1], 0)
held, needed, aside = one['held_bytes'], one['needed_bytes'], one['set_aside_bytes']
T = 4096
wrong = [claim for claim in claims if not eval('(' + claim + ')')]
print('not so:', *wrong, sep='\n')
print('of:', one)
sys.exit(bool(wrong))
end
}

start thin 64
"$gracewalk" scan $pid >"$dir/out" 2>&1
if grep -Eq 'not known to this build|CONFIG_PROC_PAGE_MONITOR' "$dir/out"; then
	cat "$dir/out"
	exit 77
fi

# 64 MiB, touched once a block and discarded by pages: 32 last tables are held for nothing.
expect 0 "^process $pid, scan_child: page tables like " "$gracewalk" scan $pid
# Those mappings beside it can hold a table or two.
shows 'held == needed + aside + waste["at_most"] and waste["at_most"] >= 32 * T' \
	'waste["at_most"] - one["device_bytes_at_most"] <= waste["at_least"] <= 34 * T' \
	'int(first["start"], 0) == at and int(first["end"], 0) == at + (64 << 20)' \
	'28 * T <= first["waste_bytes"]["at_least"] <= first["waste_bytes"]["at_most"]' \
	'28 * T <= blocks["at_least"] <= 32 * T <= blocks["at_most"]'

# Discarded again, in one call: what was promised comes back, and a scan sees that.
go
await 2
shows 'not one["kernel_frees_blocks"] or waste["at_most"] <= 2 * T' \
	'not one["kernel_frees_blocks"] or old["block_discard_bytes"]["at_least"] <=
		old["held_bytes"] - held <= old["block_discard_bytes"]["at_most"]'
end

# Tables that are full: no waste.
start full 32
shows 'held == needed + aside + waste["at_most"]' \
	'waste["at_most"] <= 2 * T and needed >= 16 * T and one["pages"] >= 32 * 256'
expect 0 '^  wasted +[0-8] kB$' "$gracewalk" scan $pid

# Every process in a list, with this one.
expect 0 "^ *$pid +[0-9]+ +[0-9]+ +[0-9]+ +[0-9-]+  scan_child$" "$gracewalk" scan --all
grep -Eq '^[1-9][0-9]* processes; left out: [0-9]+ kernel threads' "$dir/out" || fail "the list's end"
"$gracewalk" scan --all --json >"$dir/all"

# Watched until it ends.
"$gracewalk" scan --watch 0.05 --json $pid >"$dir/looks" 2>"$dir/out" &
watch=$!
watched=$pid
until [ "$(wc -l <"$dir/looks")" -ge 2 ]; do
	kill -0 $watch || exit 1
	sleep 0.05
done
end
wait $watch || fail "a watch does not end with its process"
grep -q 'has ended' "$dir/out" || fail "a watch does not say that its process ended"
python3 -IS - "$dir" $watched >"$dir/out" 2>&1 <<'end' || fail "a list, or a watch's objects"
import json, sys
dir, pid = sys.argv[1], int(sys.argv[2])
all = json.load(open(dir + '/all'))
waste = [one['waste_bytes']['at_least'] for one in all['processes']]
assert waste == sorted(waste, reverse=True), waste
assert pid in [one['pid'] for one in all['processes']]
assert all['denied'] + all['kernel_threads'] + all['ended'] + all['failed'] >= 0
looks = [json.loads(line) for line in open(dir + '/looks')]
assert len(looks) > 1 and {look['pid'] for look in looks} == {pid}
end

# Watched until somebody has seen enough. No escape sequence where there is no terminal.
start huge 32
python3 -IS - "$gracewalk" $pid >"$dir/out" 2>&1 <<'end' || fail "a watch and a signal"
import signal, subprocess, sys
gracewalk, pid = sys.argv[1:]
for number in signal.SIGINT, signal.SIGTERM:
	watch = subprocess.Popen([gracewalk, 'scan', pid, '--watch'], stdout=subprocess.PIPE)
	line = watch.stdout.readline()
	watch.send_signal(number)
	rest, _ = watch.communicate(timeout=10)
	print(number, watch.returncode, line + rest)
	assert watch.returncode == 0 and b'\033' not in line + rest and line.startswith(b'process')
end

# Huge pages, where the machine gives them: their last tables are set aside, not wasted.
huge=$(awk '/^AnonHugePages:/ { kib += $2 } END { print kib / 2048 }' /proc/$pid/smaps)
shows 'waste["at_most"] <= 2 * T' 'held == needed + aside + waste["at_most"]' "aside == $huge * T"
end

# Not to be read.
start shy 2
unseeing=-sys_ptrace,-perfmon,-sys_admin
if [ "$(id -u)" != 0 ]; then
	expect 1 "^gracewalk: process $pid may not be read: run .*CAP_SYS_PTRACE" "$gracewalk" scan $pid
elif setpriv --bounding-set=$unseeing true 2>/dev/null; then
	expect 1 "^gracewalk: process $pid may not be read: run .*CAP_SYS_PTRACE" \
		setpriv --bounding-set=$unseeing "$gracewalk" scan $pid
	expect 0 ' [1-9][0-9]* that may not be read .VmPTE [1-9][0-9]* kB' \
		setpriv --bounding-set=$unseeing "$gracewalk" scan --all
fi
end

# Not there, or without an address space: none, a zombie, a kernel thread.
expect 1 'no process 2147483647 .*ps -e' "$gracewalk" scan 2147483647
sh -c 'sleep 0.1 & echo $!; exec sleep 5' >"$dir/zombie" &
pid=$!
until grep -q '^State:.Z' /proc/"$(cat "$dir/zombie")"/status 2>/dev/null; do
	kill -0 $pid || exit 1
	sleep 0.02
done
expect 1 'process [0-9]+ has ended' "$gracewalk" scan "$(cat "$dir/zombie")"
kill $pid
pid=
if [ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ]; then
	expect 1 '^gracewalk: 2 is a kernel thread: .*name a process' "$gracewalk" scan 2
fi

# One that ends while it is read: its figures, or that it has ended.
for i in 1 2 3 4 5 6; do
	"$child" full 8 </dev/null >"$dir/ready" &
	"$gracewalk" scan --json $! >"$dir/out" 2>&1 ||
		grep -Eq 'has ended|there is no process' "$dir/out" || fail "one that ends"
	wait $!
done

expect 0 'PID' "$gracewalk" scan --help
expect 2 'name a process.*--all' "$gracewalk" scan
expect 2 'by its number' "$gracewalk" scan bash
expect 2 'by its number' "$gracewalk" scan 0
expect 2 'by its number' "$gracewalk" scan 0x10
expect 2 'by its number' "$gracewalk" scan 99999999999
expect 2 'by its number' "$gracewalk" scan 1.5
expect 2 'unknown option' "$gracewalk" scan -1
expect 2 'one process at a time' "$gracewalk" scan 1 2
expect 2 'not both' "$gracewalk" scan --all 1
expect 2 'takes seconds' "$gracewalk" scan 1 --watch 0
expect 2 'takes seconds' "$gracewalk" scan 1 --watch nan
expect 2 'takes seconds' "$gracewalk" scan --watch=x --all
expect 1 'no process 2147483647' "$gracewalk" scan --watch 2147483647
expect 2 'unknown option' "$gracewalk" scan --nonsense 1
expect 1 'cannot write' sh -c '"$1" scan --all >/dev/full' - "$gracewalk"

[ $failures = 0 ] && echo "all as expected"
exit $((failures > 0))
