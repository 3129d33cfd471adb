#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
#
#	traces/record.sh [-o DIR] [NAME...]
#
# Records the traces that are kept here anew, all or those named, into DIR (this directory unless
# told otherwise), and holds each against VmPTE. Needs Debian 12, root, and a built
# build/cli/gracewalk (or $GRACEWALK). It INSTALLS the packages below with apt-get; Debian may
# start the services of redis-server and postgresql-15, which are not used here: each server is
# started on its own in a temporary directory and reached through a socket there.
set -eu

PACKAGES='linux-perf python3 libjemalloc2 redis-server gcc openjdk-17-jdk-headless postgresql-15
	mariadb-server-core mariadb-client-core'
ALL='python-jemalloc redis cc1 java-g1 java-zgc postgres mariadb adversarial'

here=$(cd "$(dirname "$0")" && pwd)
gracewalk=$(realpath -m "${GRACEWALK:-$here/../build/cli/gracewalk}")
out=$here

fail() {
	echo "record.sh: $*" >&2
	exit 1
}

install_packages() {
	missing=$(for p in $PACKAGES; do
		dpkg-query -W -f '${Status}\n' "$p" 2>/dev/null | grep -q 'ok installed' || echo "$p"
	done)
	[ -n "$missing" ] || return 0
	echo "installing" $missing
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive \
		apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# NAME PROGRAM...: what the program says is shown only when it failed.
record() {
	name=$1
	shift
	timeout 120 "$gracewalk" record -o "$out/$name.gwt" -- "$@" >"$name.log" 2>&1 || {
		cat "$name.log"
		fail "$name was not recorded"
	}
	grep '^gracewalk record:' "$name.log"
	"$gracewalk" replay --policy linux --walkers 1 "$out/$name.gwt" | grep -e VmPTE -e kernel
}

# COMMAND...: wait until a server answers it.
until_ready() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "no answer to: $*"
		sleep 0.1
	done
}

# Byte arrays of very unlike sizes, made and thrown away.
python_jemalloc() {
	record python-jemalloc env LD_PRELOAD="$(ls /usr/lib/*/libjemalloc.so.2 | head -n 1)" \
		MALLOC_CONF=dirty_decay_ms:200,muzzy_decay_ms:0 /usr/bin/python3 -c '
import random, time
random.seed(7)
sizes = (200, 5000, 70000, 1000000, 5000000)
end, keep, i = time.monotonic() + 2, {}, 0
while time.monotonic() < end:
    i += 1
    keep[i] = bytearray(random.choice(sizes))
    if len(keep) > 400:
        for k in random.sample(list(keep), 200): del keep[k]
    if i % 700 == 0:
        keep.clear(); time.sleep(0.1)'
}

# A cache in three rounds: small and middling keys that expire, blobs, a purge; then a flush.
redis() {
	letters() { head -c "$1" /dev/zero | tr '\0' v; }
	load() { redis-benchmark -s s -q "$@" >/dev/null; }
	ask() { redis-cli -s s "$@" >/dev/null; }
	record redis redis-server --port 0 --unixsocket s --save '' --lazyfree-lazy-user-flush yes &
	server=$!
	until_ready redis-cli -s s PING
	for round in 1 2 3; do
		load -c 10 -P 16 -r 100000 -n 100000 SET k:__rand_int__ "$(letters 400)" PX 1500
		load -c 4 -P 4 -r 5000 -n 8000 SET m:__rand_int__ "$(letters 20000)" PX 2000
		load -c 2 -r 30 -n 60 SETRANGE b:__rand_int__ 3000000 x
		sleep 2.5
		ask MEMORY PURGE
		[ $round != 2 ] || ask FLUSHALL
	done
	ask FLUSHALL
	sleep 0.5
	ask MEMORY PURGE
	sleep 0.5
	ask SHUTDOWN NOSAVE
	wait $server
}

# The compiler proper on fifteen generated state machines of 40 to 1,000 states. What one function
# needs while it is optimised goes back after it; the parameters are those of a small machine.
cc1() {
	awk 'function r(k) { return int(k * rand()) }
	BEGIN {
		srand(1)
		machines = split("40 1000 40 300 40 900 200 100 40 1000 40 600 300 100 50", states)
		for (m = 1; m <= machines; m++) {
			n = states[m]; v = int(n * 0.3)
			printf "int m%d(int *p, int op)\n{\n\tint v0 = p[0]", m
			for (i = 1; i < v; i++)
				printf ", v%d = p[%d]", i, i
			print ";\n\n\tfor (;;)\n\t\tswitch (op) {"
			for (i = 0; i < n; i++) {
				printf "\t\tcase %d:\n\t\t\tv%d = v%d * v%d + %d;\n", \
					i, r(v), r(v), r(v), r(1000)
				printf "\t\t\tif (v%d < v%d)\n\t\t\t\tv%d ^= p[v%d & 255];\n", \
					r(v), r(v), r(v), r(v)
				printf "\t\t\top = p[%d];\n\t\t\tbreak;\n", r(n)
			}
			print "\t\tdefault:\n\t\t\treturn v0;\n\t\t}\n}"
		}
	}' >machines.c
	record cc1 "$(gcc -print-prog-name=cc1)" -quiet -O1 machines.c -o machines.s \
		--param ggc-min-expand=3 --param ggc-min-heapsize=8192
}

# Short-lived objects over a cache that is filled, dropped and collected four times, then idle.
java_classes() {
	cat >Churn.java <<'JAVA'
import java.util.*;

public class Churn {
	public static void main(String[] args) throws Exception {
		Random random = new Random(1);
		long words = 0;
		for (int round = 0; round < 4; round++) {
			Map<Integer, byte[]> cache = new HashMap<>();
			for (int i = 0; i < 40000; i++) {
				StringBuilder text = new StringBuilder();
				for (int j = 0; j < 40; j++)
					text.append(random.nextInt()).append(' ');
				words += text.toString().split(" ").length;
				if (i % 2 == 0)
					cache.put(random.nextInt(12000),
						new byte[200 + random.nextInt(20000)]);
			}
			cache = null;
			System.gc();
			Thread.sleep(round < 3 ? 500 : 2500);
		}
		System.out.println(words);
	}
}
JAVA
	javac -d . Churn.java
}

java_g1() {
	java_classes
	record java-g1 java -Xms16m -Xmx400m -XX:+UseG1GC -XX:MinHeapFreeRatio=10 \
		-XX:MaxHeapFreeRatio=20 -XX:-UsePerfData -cp . Churn
}

java_zgc() {
	java_classes
	record java-zgc java -Xms16m -Xmx256m -XX:+UseZGC -XX:ZUncommitDelay=0 \
		-XX:ZCollectionInterval=1 -XX:-UsePerfData -cp . Churn
}

# One backend: a table is made, aggregated, joined, sorted, indexed, halved and rewritten.
postgres() {
	bin=/usr/lib/postgresql/15/bin
	drop='setpriv --reuid=postgres --regid=postgres --clear-groups' # postgres refuses to be root
	install -d -o postgres pg
	$drop $bin/initdb -D pg -A trust -N >initdb.log
	cat >queries <<'SQL'
create table t as select g as id, (g * 7919::bigint) % 20011 as k, md5(g::text) as s \
	from generate_series(1, 300000) g;
analyze t;
select count(distinct s) from t;
select count(*) from (select k, string_agg(s, ',') a from t group by k) x where length(a) > 100;
select count(*) from t a join t b on a.s = b.s where a.id % 3 = 0;
select length(string_agg(s, ',' order by s)) from t;
select length(array_agg(s)::text) from t;
create index i on t (s);
delete from t where id % 2 = 0;
vacuum full t;
select count(*) from (select k, count(*) from t group by k having count(*) > 1) z;
select count(*) from t a join t b on a.s = b.s where a.id % 3 = 0;
SQL
	record postgres $drop $bin/postgres --single -D pg -c shared_buffers=32MB \
		-c work_mem=128MB -c maintenance_work_mem=128MB -c jit_above_cost=1000 \
		postgres <queries
}

# A server with threads: the like, while its buffer pool is made larger and smaller. It reads files
# through the page cache: what O_DIRECT puts into pages, no fault tells of (docs/trace.md, Limits).
mariadb() {
	db="$PWD/db"
	client='/usr/bin/mariadb --no-defaults --socket=db/s'
	mkdir db
	mariadb-install-db --no-defaults --datadir="$db" --user=root --skip-test-db \
		--auth-root-authentication-method=normal >install.log 2>&1
	record mariadb mariadbd --no-defaults --user=root --datadir="$db" --socket=s \
		--skip-networking --innodb-buffer-pool-size=64M --innodb-buffer-pool-chunk-size=4M \
		--innodb-use-native-aio=0 --innodb-flush-method=fsync \
		--innodb-log-file-buffering --innodb-flush-log-at-trx-commit=0 &
	server=$!
	until_ready $client -e 'select 1'
	$client >queries.log <<'SQL'
create database d;
use d;
set tmp_table_size=200000000, max_heap_table_size=200000000;
set sort_buffer_size=64000000, join_buffer_size=32000000;
create table t (id int primary key, k int, s varchar(64))
	select seq id, seq * 7919 % 20011 k, concat(md5(seq), md5(seq + 1)) s from seq_1_to_200000;
set global innodb_buffer_pool_size=192*1024*1024;
select count(distinct s) from t;
select count(*) from (select k, group_concat(s) a from t group by k) x where length(a) > 100;
select count(*) from (select s, id from t order by s limit 199999) y;
create index i on t (s);
select count(*) from t a join t b on a.s = b.s where a.id % 3 = 0;
set global innodb_buffer_pool_size=32*1024*1024;
select sleep(1);
delete from t where id % 2;
optimize table t;
set global innodb_buffer_pool_size=128*1024*1024;
select count(*) from (select s, id from t order by s limit 99999) y;
select count(distinct s) from t;
set global innodb_buffer_pool_size=16*1024*1024;
select sleep(1);
shutdown;
SQL
	wait $server
}

# Not recorded but written: see adversarial.c.
adversarial() {
	for keep in 2 16 256; do
		"$(dirname "$gracewalk")/../traces/adversarial" --keep $keep \
			-o "$out/adversarial-$keep.gwt"
	done
}

if [ "${1-}" = -o ]; then
	[ $# -ge 2 ] || fail "-o takes a directory"
	mkdir -p "$2"
	out=$(cd "$2" && pwd)
	shift 2
fi
[ $# -gt 0 ] || set -- $ALL
for name; do
	case " $ALL " in *" $name "*) ;; *) fail "there is no \"$name\"; there are $ALL" ;; esac
done
[ "$(id -u)" = 0 ] || fail "run it as root"
[ -x "$gracewalk" ] || fail "build first: make all"
install_packages
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir" # for the user postgres
for name; do
	mkdir "$dir/$name"
	cd "$dir/$name"
	echo "== $name"
	"$(echo "$name" | tr - _)"
done
