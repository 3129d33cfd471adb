/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Tests of traces: round trips, every kind of damage, and the text of perf script.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#include "perf_script.h"
#include "trace.h"
#include "trace_format.h"

#define EVENTS 13

static char *test_words[] = {(char *)"prog", (char *)"", (char *)"an argument"};

static const struct trace_meta test_meta = {
	.argv = test_words,
	.argc = 3,
	.kernel = (char *)"6.18.0",
	.machine = (char *)"x86_64",
	.thp = (char *)"madvise",
	.page_size = 4096,
	.address_bits = 47,
	.lost = 7,
	.others = 1234567,
	.children = 2,
	.status = 3,
};

static const struct trace_event test_events[EVENTS] = {
	{.kind = TRACE_EXEC, .time = 1000},
	{.kind = TRACE_REGION,
	 .time = 1001,
	 .addr = 0x7ffc00000000,
	 .len = 0x21000,
	 .prot = 3,
	 .flags = TRACE_REGION_STACK},
	{.kind = TRACE_REGION,
	 .time = 1001,
	 .addr = 0x400000,
	 .len = 0x1000,
	 .prot = 5,
	 .file = true},
	{.kind = TRACE_FAULT, .time = 1500, .addr = 0x7ffffffff000},
	{.kind = TRACE_BRK, .time = 1600, .lead = 9, .took = 11, .addr = 0x555000},
	{.kind = TRACE_MMAP,
	 .time = 1700,
	 .lead = 5,
	 .took = 20,
	 .addr = 0x7f0000000000,
	 .len = 0x400000,
	 .prot = 3,
	 .flags = MAP_PRIVATE | MAP_ANONYMOUS},
	{.kind = TRACE_MPROTECT, .time = 1800, .addr = 0x7f0000000000, .len = 0x1000, .prot = 1},
	{.kind = TRACE_MADVISE,
	 .time = 1900,
	 .addr = 0x7f0000000000,
	 .len = 0x200000,
	 .flags = MADV_DONTNEED},
	{.kind = TRACE_SAMPLE, .time = 1950, .took = 40, .value = 123456},
	{.kind = TRACE_MREMAP,
	 .time = 2000,
	 .addr = 0x7f0000000000,
	 .len = 0x400000,
	 .to = 0x7e0000000000,
	 .to_len = 0x500000,
	 .flags = MREMAP_MAYMOVE},
	{.kind = TRACE_MLOCK, .time = 2100, .flags = 2},
	{.kind = TRACE_MUNMAP, .time = 2200, .took = 99, .addr = 0x7e0000000000, .len = 0x1000},
	{.kind = TRACE_EXIT, .time = 1ull << 61},
};

struct test_file {
	unsigned char *bytes;
	size_t size;
};

static struct trace_writer *test_writer(void)
{
	struct trace_writer *w;

	assert_int_equal(trace_writer_create(&test_meta, &w), 0);
	for (int i = 0; i < EVENTS; i++)
		assert_int_equal(trace_writer_add(w, &test_events[i]), 0);
	return w;
}

static struct test_file test_pack(void)
{
	struct trace_writer *w = test_writer();
	struct test_file f;

	assert_int_equal(trace_writer_pack(w, &f.bytes, &f.size), 0);
	trace_writer_destroy(w);
	return f;
}

/* A file around any body, with sizes and sums that fit: what a forger would write. */
static struct test_file test_forge(const unsigned char *body, size_t size, uint64_t events)
{
	const size_t room = ZSTD_compressBound(size);
	struct test_file f = {calloc(1, TRACE_HEADER_SIZE + room), 0};
	size_t n = ZSTD_compress(f.bytes + TRACE_HEADER_SIZE, room, body, size, 1);

	memcpy(f.bytes, TRACE_MAGIC, TRACE_MAGIC_SIZE);
	f.bytes[TRACE_AT_VERSION] = TRACE_VERSION;
	f.size = TRACE_HEADER_SIZE + n;
	trace_put_u64(f.bytes + TRACE_AT_BODY, size);
	trace_put_u64(f.bytes + TRACE_AT_PACKED, n);
	trace_put_u64(f.bytes + TRACE_AT_EVENTS, events);
	trace_put_u64(f.bytes + TRACE_AT_DATA_SUM, trace_sum(f.bytes + TRACE_HEADER_SIZE, n));
	trace_put_u64(f.bytes + TRACE_AT_HEADER_SUM, trace_sum(f.bytes, TRACE_AT_HEADER_SUM));
	return f;
}

static void test_resum(struct test_file f)
{
	trace_put_u64(f.bytes + TRACE_AT_HEADER_SUM, trace_sum(f.bytes, TRACE_AT_HEADER_SUM));
}

/* Refused, and with a reason. */
static void test_refused(struct test_file f, int code, const char *word)
{
	struct trace_error error = {.text = ""};
	struct trace *t = NULL;
	int err = trace_open_memory(f.bytes, f.size, &t, &error);

	if (err != code || !strstr(error.text, word))
		print_error("got %d, \"%s\"; wanted %d, \"%s\"\n", err, error.text, code, word);
	assert_int_equal(err, code);
	assert_non_null(strstr(error.text, word));
	assert_null(t);
}

static void test_same_event(const struct trace_event *a, const struct trace_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->file, b->file);
	assert_int_equal(a->prot, b->prot);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->lead, b->lead);
	assert_int_equal(a->took, b->took);
	assert_int_equal(a->addr, b->addr);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->to, b->to);
	assert_int_equal(a->to_len, b->to_len);
	assert_int_equal(a->value, b->value);
}

static void test_same_trace(struct trace *t)
{
	const struct trace_meta *m = trace_meta(t);
	struct trace_event e;

	assert_int_equal(m->argc, 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(m->argv[i], test_words[i]);
	assert_string_equal(m->kernel, "6.18.0");
	assert_string_equal(m->machine, "x86_64");
	assert_string_equal(m->thp, "madvise");
	assert_int_equal(m->page_size, 4096);
	assert_int_equal(m->address_bits, 47);
	assert_int_equal(m->lost, 7);
	assert_int_equal(m->others, 1234567);
	assert_int_equal(m->children, 2);
	assert_int_equal(m->status, 3);
	assert_int_equal(trace_count(t), EVENTS);
	for (int round = 0; round < 2; round++, trace_rewind(t)) {
		for (int i = 0; i < EVENTS; i++) {
			assert_true(trace_next(t, &e));
			test_same_event(&e, &test_events[i]);
		}
		assert_false(trace_next(t, &e));
	}
}

static void round_trip_keeps_everything(void **state)
{
	struct test_file f = test_pack();
	struct trace_error error;
	struct trace *t;

	(void)state;
	assert_int_equal(trace_open_memory(f.bytes, f.size, &t, &error), 0);
	free(f.bytes);
	test_same_trace(t);
	trace_close(t);
}

static void round_trip_through_a_file(void **state)
{
	char dir[] = "/tmp/trace-test.XXXXXX", path[64];
	struct trace_writer *w = test_writer();
	struct trace_error error;
	struct trace *t;
	uint64_t bytes;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/t.gwt", dir);
	assert_int_equal(trace_writer_save(w, path, &bytes), 0);
	assert_int_equal(trace_open(path, &t, &error), 0);
	test_same_trace(t);
	trace_close(t);
	assert_int_equal(truncate(path, (off_t)bytes - 1), 0);
	assert_int_equal(trace_open(path, &t, &error), -EBADMSG);
	unlink(path);
	assert_int_equal(trace_open(path, &t, &error), -ENOENT);
	assert_int_equal(trace_open(dir, &t, &error), -EBADMSG);
	assert_int_equal(trace_writer_save(w, dir, &bytes), -EISDIR);
	rmdir(dir);
	trace_writer_destroy(w);
}

static void random_events_survive(void **state)
{
	const int count = 20000;
	struct trace_event *sent = calloc((size_t)count, sizeof(*sent)), e;
	struct trace_writer *w;
	struct trace_error error;
	struct trace *t;
	struct test_file f;
	uint64_t time = 0;

	(void)state;
	srandom(1);
	assert_int_equal(trace_writer_create(&test_meta, &w), 0);
	for (int i = 0; i < count; i++) {
		time += (uint64_t)(random() % 3 ? random() % 1000 : random());
		sent[i] = test_events[i ? 1 + random() % (EVENTS - 2) : 0];
		sent[i].time = time;
		if (sent[i].lead > time)
			sent[i].lead = time;
		if (sent[i].kind == TRACE_FAULT)
			sent[i].addr = ((uint64_t)random() << 16 ^ (uint64_t)random()) << 12 &
				       0x7ffffffff000;
		assert_int_equal(trace_writer_add(w, &sent[i]), 0);
	}
	assert_int_equal(trace_writer_pack(w, &f.bytes, &f.size), 0);
	trace_writer_destroy(w);
	assert_int_equal(trace_open_memory(f.bytes, f.size, &t, &error), 0);
	for (int i = 0; i < count; i++) {
		assert_true(trace_next(t, &e));
		test_same_event(&e, &sent[i]);
	}
	trace_close(t);
	free(f.bytes);
	free(sent);
}

/* What the writer lets through, the reader accepts; what it would refuse never gets in. */
static void writer_refuses_unsound_events(void **state)
{
	static const struct trace_event bad[] = {
		{.kind = 0, .time = 5},
		{.kind = TRACE_KINDS, .time = 5},
		{.kind = TRACE_FAULT, .time = 3},
		{.kind = TRACE_FAULT, .time = 5, .addr = 0x1001},
		{.kind = TRACE_FAULT, .time = 5, .addr = 1ull << 47},
		{.kind = TRACE_FAULT, .time = 5, .addr = 0xffff800000000000},
		{.kind = TRACE_FAULT, .time = 5, .file = true},
		{.kind = TRACE_MMAP, .time = 5, .addr = 0x1000},
		{.kind = TRACE_MMAP, .time = 5, .addr = 0x1000, .len = 0x1800},
		{.kind = TRACE_MUNMAP, .time = 5, .addr = 0x7ffffffff000, .len = 0x2000},
		{.kind = TRACE_MUNMAP, .time = 5, .addr = 0x1000, .len = 0xfffffffffffff000},
		{.kind = TRACE_MUNMAP, .time = 5, .lead = 6, .addr = 0x1000, .len = 0x1000},
		{.kind = TRACE_MUNMAP, .time = 5, .took = 1ull << 62, .addr = 0, .len = 0x1000},
		{.kind = TRACE_MREMAP,
		 .time = 5,
		 .addr = 0x1000,
		 .len = 0x2000,
		 .to = 0x2000,
		 .to_len = 0x1000},
		{.kind = TRACE_SAMPLE, .time = (1ull << 62) + 1},
	};
	const struct trace_event first = {.kind = TRACE_EXEC, .time = 4};
	const struct trace_event last = {.kind = TRACE_EXIT, .time = 6};
	struct trace_writer *w;

	(void)state;
	assert_int_equal(trace_writer_create(&test_meta, &w), 0);
	assert_int_equal(trace_writer_add(w, &last), -EINVAL);
	assert_int_equal(trace_writer_add(w, &first), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(trace_writer_add(w, &bad[i]), -EINVAL);
	assert_int_equal(trace_writer_add(w, &last), 0);
	assert_int_equal(trace_writer_add(w, &last), -EINVAL);
	trace_writer_destroy(w);
}

static void every_changed_byte_is_noticed(void **state)
{
	struct test_file f = test_pack();

	(void)state;
	for (size_t i = 0; i < f.size; i++)
		for (int change = 1; change < 256; change++) {
			f.bytes[i] ^= (unsigned char)change;
			test_refused(f, -EBADMSG, "");
			f.bytes[i] ^= (unsigned char)change;
		}
	free(f.bytes);
}

static void every_other_length_is_noticed(void **state)
{
	struct test_file f = test_pack(), cut;

	(void)state;
	for (cut.size = 0; cut.size < f.size + 9; cut.size++) {
		cut.bytes = calloc(1, cut.size + 1);
		memcpy(cut.bytes, f.bytes, cut.size < f.size ? cut.size : f.size);
		if (cut.size != f.size)
			test_refused(cut, -EBADMSG, "");
		free(cut.bytes);
	}
	free(f.bytes);
}

static void header_claims_are_checked(void **state)
{
	static const struct {
		int at, code;
		uint64_t value;
		const char *word;
	} claims[] = {
		{TRACE_AT_BODY, -E2BIG, UINT64_MAX, "at most"},
		{TRACE_AT_BODY, -E2BIG, TRACE_MAX_BODY + 1ull, "at most"},
		{TRACE_AT_BODY, -EBADMSG, 20, "uncompressed"},
		{TRACE_AT_BODY, -EBADMSG, TRACE_MAX_BODY, "promises"},
		{TRACE_AT_PACKED, -EBADMSG, UINT64_MAX, "promises"},
		{TRACE_AT_EVENTS, -EBADMSG, UINT64_MAX, "more records"},
		{TRACE_AT_EVENTS, -EBADMSG, EVENTS - 1, "holds 13"},
		{TRACE_AT_VERSION, -EOPNOTSUPP, 2, "later version"},
		{TRACE_AT_VERSION, -EOPNOTSUPP, 1ull << 32 | 1, "later version"},
		{TRACE_AT_RESERVED, -EBADMSG, 1, "reserved"},
	};
	struct test_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
		f = test_pack();
		trace_put_u64(f.bytes + claims[i].at, claims[i].value);
		test_resum(f);
		test_refused(f, claims[i].code, claims[i].word);
		free(f.bytes);
	}
}

/* A thousandfold more than promised, from a few bytes. */
static void a_bomb_does_not_go_off(void **state)
{
	unsigned char *body = calloc(1, 64 << 20);
	struct test_file f = test_forge(body, 64 << 20, 1);

	(void)state;
	assert_true(f.size < 16384);
	trace_put_u64(f.bytes + TRACE_AT_BODY, 4096);
	test_resum(f);
	test_refused(f, -EBADMSG, "cannot be uncompressed");
	free(f.bytes);
	free(body);
}

/* The metadata of a forged body: no words but one, empty strings. */
static size_t test_small_meta(unsigned char *body)
{
	static const unsigned char meta[] = {
		0x80, 0x20, 47, 0, 0, 0, 0, 1, /* 4096, 47 bits, ..., one word */
		1,    'p',  0,  0, 0,
	};

	memcpy(body, meta, sizeof(meta));
	return sizeof(meta);
}

#define BODY(...)                                       \
	{                                               \
		sizeof((unsigned char[]){__VA_ARGS__}), \
		{                                       \
			__VA_ARGS__                     \
		}                                       \
	}
#define V10 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static void forged_records_are_refused(void **state)
{
	static const struct {
		const char *word;
		struct {
			size_t size;
			unsigned char bytes[40];
		} body;
	} bad[] = {
		{"first record", BODY(TRACE_EXIT, 0)},
		{"kind", BODY(0)},
		{"kind", BODY(TRACE_EXEC, 0, TRACE_KINDS, 0)},
		{"kind", BODY(TRACE_EXEC, 0, 0x7f, 0)},
		{"mark of a file", BODY(TRACE_EXEC | 0x80, 0)},
		{"middle of a number", BODY(TRACE_EXEC)},
		{"middle of a number", BODY(TRACE_EXEC, 0x80)},
		{"shortest", BODY(TRACE_EXEC, 0x80, 0)},
		{"64 bits", BODY(TRACE_EXEC, V10, 2)},
		{"backwards", BODY(TRACE_EXEC, V10, 1)},
		{"backwards", BODY(TRACE_EXEC, 5, TRACE_FAULT, V10, 1, 0)},
		{"backwards", BODY(TRACE_EXEC, 5, TRACE_SAMPLE, 0, V10, 1, 0)},
		{"backwards", BODY(TRACE_EXEC, 5, TRACE_BRK, 0, 6, 0, 2)},
		{"past the end", BODY(TRACE_EXEC, 5, TRACE_FAULT, 0, 1)},
		{"past the end", BODY(TRACE_EXEC, 5, TRACE_FAULT, 0, V10, 1)},
		{"past the end", BODY(TRACE_EXEC, 5, TRACE_MUNMAP, 0, 0, 0, 2, V10, 1)},
		{"empty", BODY(TRACE_EXEC, 5, TRACE_MUNMAP, 0, 0, 0, 2, 0)},
		{"too large", BODY(TRACE_EXEC, 5, TRACE_MPROTECT, 0, 0, 0, 2, 1, V10, 1)},
		{"onto itself", BODY(TRACE_EXEC, 5, TRACE_MREMAP, 0, 0, 0, 2, 4, 2, 4, 1)},
		{"follows the exit", BODY(TRACE_EXEC, 5, TRACE_EXIT, 0, TRACE_EXIT, 0)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		unsigned char body[128];
		size_t n = test_small_meta(body);
		struct test_file f;

		memcpy(body + n, bad[i].body.bytes, bad[i].body.size);
		f = test_forge(body, n + bad[i].body.size, 1);
		test_refused(f, -EBADMSG, bad[i].word);
		free(f.bytes);
	}
}

static void forged_metadata_is_refused(void **state)
{
	static const struct {
		int at;
		unsigned char value;
		const char *word;
	} bad[] = {
		{0, 0x81, "page size"}, {1, 0x10, "page size"}, {2, 31, "width"},
		{2, 58, "width"},       {7, 0, "command line"}, {7, 60, "middle of a number"},
		{8, 90, "string"},      {9, 0, "zero byte"},    {12, 1, "string"},
	};
	unsigned char body[32];
	struct test_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t n = test_small_meta(body);

		body[bad[i].at] = bad[i].value;
		f = test_forge(body, n, 0);
		test_refused(f, -EBADMSG, bad[i].word);
		free(f.bytes);
	}
	for (size_t n = 0; n < 13; n++) {
		test_small_meta(body);
		f = test_forge(body, n, 0);
		test_refused(f, -EBADMSG, "");
		free(f.bytes);
	}
}

/* Random bodies: refused or read, but never past their end. Sanitizers watch. */
static void random_bodies_do_no_harm(void **state)
{
	struct trace_error error;
	struct trace_event e;

	(void)state;
	srandom(2);
	for (int round = 0; round < 20000; round++) {
		unsigned char body[128];
		size_t n = test_small_meta(body);
		struct trace *t;
		struct test_file f;

		body[n++] = TRACE_EXEC;
		body[n++] = 1;
		for (int i = (int)(random() % 60); i > 0; i--)
			body[n++] = (unsigned char)(random() % 4 ? random() % 14 : random());
		f = test_forge(body, n, (uint64_t)random() % 12);
		if (!trace_open_memory(f.bytes, f.size, &t, &error)) {
			while (trace_next(t, &e))
				assert_true(e.kind && e.kind < TRACE_KINDS);
			trace_close(t);
		}
		free(f.bytes);
	}
}

static void the_error_says_where(void **state)
{
	unsigned char body[64];
	size_t n = test_small_meta(body);
	struct trace_error error;
	char line[300];
	struct trace *t;
	struct test_file f;

	(void)state;
	memcpy(body + n, (unsigned char[]){TRACE_EXEC, 1, 99, 0}, 4);
	f = test_forge(body, n + 4, 2);
	assert_int_equal(trace_open_memory(f.bytes, f.size, &t, &error), -EBADMSG);
	trace_error_print(&error, "a.gwt", line, sizeof(line));
	assert_string_equal(line, "a.gwt: record 1: the record is of no known kind "
				  "(at byte 15 of the uncompressed body)");
	free(f.bytes);
}

/* Lines as perf 6.1 prints them; process 11 has a thread 12 and a child 20. */
static const char *const test_lines[] = {
	"    0/0         0.000000000: PERF_RECORD_COMM: perf-exec:11/11\n",
	"   11/11      100.000000100: PERF_RECORD_COMM exec: redis server: 1:11/11\n",
	"   11/11      100.000000200: PERF_RECORD_MMAP2 11/11: [0x7ffc6dd7c000(0x21000) @ "
	"0x7ffffffde000 00:00 0 0]: rw-p [stack]\n",
	"   11/11      100.000000300: PERF_RECORD_MMAP2 11/11: [0x556b2e3aa000(0x26000) @ 0 "
	"fe:00 247728 0]: r-xp /usr/bin/l: [s\n",
	"   11/11      100.000000310: PERF_RECORD_MMAP2 11/11: [0x556b2e3d0000(0x1000) @ "
	"0x556b2e3d0000 00:00 0 0]: rw-p //anon\n",
	"   11/11      100.000000400:                   page-faults:     556b2e3ce5c0 \n",
	"   11/11      100.000000410:                 page-faults:u:     556b2e3ce5c0 \n",
	"   11/11      100.000000500: syscalls:sys_enter_brk: brk: 0x00000000               0 \n",
	"   11/11      100.000000510:  syscalls:sys_exit_brk: 0x556b4e009100               0 \n",
	"   11/11      100.000000600:  syscalls:sys_enter_mmap: addr: 0x00000000, len: 0x0000af87, "
	"prot: 0x00000001, flags: 0x00000022, fd: 0xffffffff, off: 0x00000000               0 \n",
	"   11/12      100.000000605: syscalls:sys_enter_munmap: addr: 0x7fe1e0000000, len: "
	"0x00002000               0 \n",
	"   11/11      100.000000610: PERF_RECORD_MMAP2 11/11: [0x7fe1e4e96000(0xb000) @ 0 "
	"00:00 0 0]: r--p //anon\n",
	"   11/11      100.000000620:  syscalls:sys_exit_mmap: 0x7fe1e4e96000               0 \n",
	"   11/12      100.000000690: syscalls:sys_exit_munmap: 0x0               0 \n",
	"   11/11      100.000000700:  syscalls:sys_enter_mremap: addr: 0x7fe1e4e96000, old_len: "
	"0x0000b000, new_len: 0x0001b000, flags: 0x00000001, new_addr: 0x00000000      0 \n",
	"   11/11      100.000000710:  syscalls:sys_exit_mremap: 0x7fe1e4000000               0 \n",
	"   11/11      100.000000720:  syscalls:sys_enter_munmap: addr: 0x00000001, len: "
	"0x00002000               0 \n",
	"   11/11      100.000000730:  syscalls:sys_exit_munmap: 0xffffffffffffffea         0 \n",
	"   11/11      100.000000740:  syscalls:sys_enter_madvise: start: 0x7fe1e4000000, len_in: "
	"0x00001000, behavior: 0x00000004               0 \n",
	"   11/11      100.000000750:  syscalls:sys_exit_madvise: 0xfffffffffffffff4        0 \n",
	"   11/11      100.000000800: PERF_RECORD_FORK(11:12):(11:11)\n",
	"   11/11      100.000000810: PERF_RECORD_FORK(20:20):(11:11)\n",
	"   20/20      100.000000820:                   page-faults:     556b2e3ce5c0 \n",
	"   20/20      100.000000830: PERF_RECORD_COMM exec: true:20/20\n",
	"   20/20      100.000000840: PERF_RECORD_LOST lost 5\n",
	"   11/11      100.000000850:  syscalls:sys_enter_madvise: start: 12 words of nonsense\n",
	"   11/11      100.000000900: syscalls:sys_enter_exit_group: error_code: 0x00000103   0\n",
	"   11/11      100.000000950: PERF_RECORD_EXIT(11:11):(10:10)\n",
	"no line of perf's at all\n",
	"\n",
	"",
	"11/11 99999999999999999.0: x: \n",
};

#define AT(ns) (UINT64_C(100000000000) + (ns))

static void perf_lines_become_events(void **state)
{
	static const struct trace_event want[] = {
		{.kind = TRACE_EXEC, .time = AT(100)},
		{.kind = TRACE_REGION,
		 .time = AT(200),
		 .addr = 0x7ffc6dd7c000,
		 .len = 0x21000,
		 .prot = 3,
		 .flags = TRACE_REGION_STACK},
		{.kind = TRACE_REGION,
		 .time = AT(300),
		 .addr = 0x556b2e3aa000,
		 .len = 0x26000,
		 .prot = 5,
		 .file = true},
		{.kind = TRACE_REGION,
		 .time = AT(310),
		 .addr = 0x556b2e3d0000,
		 .len = 0x1000,
		 .prot = 3},
		{.kind = TRACE_FAULT, .time = AT(400), .addr = 0x556b2e3ce000},
		{.kind = TRACE_FAULT, .time = AT(410), .addr = 0x556b2e3ce000},
		{.kind = TRACE_BRK, .time = AT(510), .lead = 10, .addr = 0x556b4e00a000},
		{.kind = TRACE_MUNMAP,
		 .time = AT(605),
		 .took = 85,
		 .addr = 0x7fe1e0000000,
		 .len = 0x2000},
		{.kind = TRACE_MMAP,
		 .time = AT(610),
		 .lead = 10,
		 .took = 10,
		 .addr = 0x7fe1e4e96000,
		 .len = 0xb000,
		 .prot = 1,
		 .flags = 0x22},
		{.kind = TRACE_MREMAP,
		 .time = AT(710),
		 .lead = 10,
		 .addr = 0x7fe1e4e96000,
		 .len = 0xb000,
		 .to = 0x7fe1e4000000,
		 .to_len = 0x1b000,
		 .flags = 1},
		{.kind = TRACE_SAMPLE, .time = AT(715), .took = 3, .value = 42},
		{.kind = TRACE_MADVISE,
		 .time = AT(740),
		 .took = 10,
		 .addr = 0x7fe1e4000000,
		 .len = 0x1000,
		 .flags = MADV_DONTNEED},
		{.kind = TRACE_EXIT, .time = AT(950)},
	};
	const size_t n = sizeof(want) / sizeof(*want);
	struct record_script s;

	(void)state;
	record_script_begin(&s, 4096);
	for (size_t i = 0; i < sizeof(test_lines) / sizeof(*test_lines); i++)
		assert_int_equal(record_script_line(&s, test_lines[i]), 0);
	assert_int_equal(record_script_sample(&s, AT(50), 3, 1), 0); /* still perf itself */
	assert_int_equal(record_script_sample(&s, AT(715), 3, 42), 0);
	assert_int_equal(record_script_sample(&s, AT(990), 3, 1), 0); /* too late */
	assert_int_equal(record_script_finish(&s), 0);
	assert_int_equal(s.pid, 11);
	assert_int_equal(s.lost, 5);
	assert_int_equal(s.others, 1);
	assert_int_equal(s.children, 1);
	assert_int_equal(s.unread, 1);
	assert_int_equal(s.status, 3);
	assert_int_equal(s.count, n);
	for (size_t i = 0; i < n; i++)
		test_same_event(&s.events[i], &want[i]);
	record_script_end(&s);
}

static void perf_without_a_program_is_no_trace(void **state)
{
	struct record_script s;

	(void)state;
	record_script_begin(&s, 4096);
	assert_int_equal(record_script_line(&s, test_lines[0]), 0);
	assert_int_equal(record_script_finish(&s), -ENODATA);
	record_script_end(&s);
}

/* Every saved line, cut anywhere: perf may be killed while it writes. */
static void cut_lines_do_no_harm(void **state)
{
	char line[400];

	(void)state;
	for (size_t i = 0; i < sizeof(test_lines) / sizeof(*test_lines); i++)
		for (size_t cut = 0; cut <= strlen(test_lines[i]); cut++) {
			struct record_script s;

			record_script_begin(&s, 4096);
			for (size_t j = 0; j < i; j++)
				record_script_line(&s, test_lines[j]);
			snprintf(line, sizeof(line), "%.*s", (int)cut, test_lines[i]);
			assert_int_equal(record_script_line(&s, line), 0);
			record_script_finish(&s);
			record_script_end(&s);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip_keeps_everything),
		cmocka_unit_test(round_trip_through_a_file),
		cmocka_unit_test(random_events_survive),
		cmocka_unit_test(writer_refuses_unsound_events),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(every_other_length_is_noticed),
		cmocka_unit_test(header_claims_are_checked),
		cmocka_unit_test(a_bomb_does_not_go_off),
		cmocka_unit_test(forged_records_are_refused),
		cmocka_unit_test(forged_metadata_is_refused),
		cmocka_unit_test(random_bodies_do_no_harm),
		cmocka_unit_test(the_error_says_where),
		cmocka_unit_test(perf_lines_become_events),
		cmocka_unit_test(perf_without_a_program_is_no_trace),
		cmocka_unit_test(cut_lines_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
