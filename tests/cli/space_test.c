/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Tests of the address space: against a page-by-page model, and the kernel's rules one by one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "space.h"
#include "trace_format.h"

#define PAGE 4096ull
#define BLOCK (2ull << 20)
#define GIB (1ull << 30)
#define PER 512 /* pages of a block */
#define BLOCKS 16
#define PAGES (BLOCKS * PER)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/*
 * Part one: a small space against a model that knows nothing but pages. The model applies each
 * event on its own; table[] of the consumer is driven by the callbacks, and both must agree.
 */
struct small {
	bool present[PAGES], table[BLOCKS];
};

static size_t page_of(uint64_t addr)
{
	assert_int_equal(addr % PAGE, 0);
	assert_true(addr <= PAGES * PAGE);
	return addr / PAGE;
}

static int small_map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	struct small *s = ctx;

	(void)prot;
	for (size_t p = page_of(addr); p < page_of(addr + len); p++) {
		s->present[p] = true;
		s->table[p / PER] = true;
	}
	return 0;
}

static int small_unmap(void *ctx, uint64_t addr, uint64_t len)
{
	struct small *s = ctx;

	for (size_t p = page_of(addr); p < page_of(addr + len); p++)
		s->present[p] = false;
	return 0;
}

static int small_protect(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)ctx, (void)prot;
	assert_true(page_of(addr) < page_of(addr + len));
	return 0;
}

static int small_move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	struct small *s = ctx;

	for (size_t i = 0; i < len / PAGE; i++) {
		const size_t a = page_of(from) + i, b = page_of(to) + i;

		assert_false(s->present[b]);
		if (!s->present[a])
			continue;
		s->present[a] = false;
		s->present[b] = true;
		s->table[b / PER] = true;
	}
	return 0;
}

static bool small_is_empty(const struct small *s, size_t block)
{
	for (size_t p = block * PER; p < (block + 1) * PER; p++)
		if (s->present[p])
			return false;
	return true;
}

static int small_reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	struct small *s = ctx;

	for (size_t b = 0; b < BLOCKS; b++)
		if (b * BLOCK >= addr && (b + 1) * BLOCK <= addr + len && small_is_empty(s, b))
			s->table[b] = false;
	return 0;
}

static int small_reserve(void *ctx, uint64_t addr, uint64_t len)
{
	struct small *s = ctx;

	assert_int_equal(len, PAGE);
	s->table[page_of(addr) / PER] = true;
	return 0;
}

static const struct space_ops small_ops = {
	small_map, small_unmap, small_protect, small_move, small_reclaim, small_reserve,
};

struct naive {
	struct small state;
	int kind[PAGES]; /* 0: no mapping; else 1 + prot + 8 * number of a file's mapping */
	int files;
	size_t brk;
	bool thp;
};

static bool naive_one_mapping(const struct naive *n, size_t block)
{
	for (size_t p = block * PER; p < (block + 1) * PER; p++)
		if (n->kind[p] != n->kind[block * PER])
			return false;
	return n->kind[block * PER];
}

static void naive_touch(struct naive *n, size_t page)
{
	const size_t b = page / PER;

	if (n->kind[page] % 8 <= 1)
		return;
	if (n->thp && n->kind[page] < 9 && !n->state.table[b] && naive_one_mapping(n, b))
		memset(n->state.present + b * PER, 1, PER);
	n->state.present[page] = true;
	n->state.table[b] = true;
}

/* [R1], from the other side: a table goes if it met the range and no mapping meets it now. */
static void naive_sweep(struct naive *n, size_t from, size_t end)
{
	for (size_t b = from / PER; b < BLOCKS && b * PER < end; b++) {
		bool used = false;

		for (size_t p = b * PER; p < (b + 1) * PER; p++)
			used = used || n->kind[p];
		if (!used)
			n->state.table[b] = false;
	}
}

static void naive_unmap(struct naive *n, size_t from, size_t end)
{
	for (size_t p = from; p < end; p++) {
		n->kind[p] = 0;
		n->state.present[p] = false;
	}
	if (from < end)
		naive_sweep(n, from, end);
}

static void naive_mmap(struct naive *n, size_t from, size_t end, int kind, bool populate)
{
	naive_unmap(n, from, end);
	for (size_t p = from; p < end; p++)
		n->kind[p] = kind;
	for (size_t p = from; populate && p < end; p++)
		naive_touch(n, p);
}

static void naive_dontneed(struct naive *n, size_t from, size_t end)
{
	for (size_t p = from; p < end; p++)
		n->state.present[p] = false;
	for (size_t b = (from + PER - 1) / PER; (b + 1) * PER <= end; b++)
		if (naive_one_mapping(n, b))
			n->state.table[b] = false;
}

static void naive_move_block(struct naive *n, size_t block, size_t from, size_t end, size_t to)
{
	const size_t low = from > block * PER ? from : block * PER;
	const size_t high = end < (block + 1) * PER ? end : (block + 1) * PER;
	const size_t first = (low - from + to) / PER, last = (high - 1 - from + to) / PER;
	const bool whole = high - low == PER && first == last && !n->state.table[first];

	n->state.table[first] = n->state.table[last] = true;
	if (whole)
		n->state.table[block] = false;
}

/* A moved piece of a file's mapping counts as another mapping. */
static int naive_renamed(struct naive *n, size_t from, size_t i, int before)
{
	const int kind = n->kind[from + i];

	if (kind < 9 || (i && kind == n->kind[from + i - 1]))
		return kind < 9 ? kind : before;
	return (kind - 1) % 8 + 1 + 8 * ++n->files;
}

static void naive_mremap(struct naive *n, size_t from, size_t len, size_t to, size_t to_len)
{
	const int last = n->kind[from + len - 1];
	const size_t both = len < to_len ? len : to_len;

	if (to_len < len)
		naive_unmap(n, from + to_len, from + len);
	if (from == to && to_len > len && last)
		naive_mmap(n, from + len, from + to_len, last, false);
	if (from == to)
		return;
	naive_unmap(n, to, to + to_len);
	for (size_t i = 0; i < both; i++) {
		n->kind[to + i] = naive_renamed(n, from, i, n->kind[to + i - (i > 0)]);
		n->state.present[to + i] = n->state.present[from + i];
		n->state.present[from + i] = false;
	}
	for (size_t i = both; last && i < to_len; i++)
		n->kind[to + i] = n->kind[to + both - 1];
	for (size_t b = from / PER; b * PER < from + both; b++)
		if (n->state.table[b])
			naive_move_block(n, b, from, from + both, to);
	naive_unmap(n, from, from + both);
}

struct range {
	size_t from, end;
};

static struct range random_range(size_t most)
{
	size_t len = 1 + (size_t)random() % most;
	size_t from = (size_t)random() % (PAGES - len);

	/* Often whole blocks, where the rules are. */
	if (random() % 2) {
		from = from / PER * PER;
		len = (len + PER - 1) / PER * PER;
	}
	return (struct range){from, from + len};
}

static struct trace_event event_of(enum trace_kind kind, struct range r)
{
	return (struct trace_event){
		.kind = kind, .addr = r.from * PAGE, .len = (r.end - r.from) * PAGE};
}

static struct trace_event random_mmap(struct naive *n, struct range r)
{
	struct trace_event e = event_of(TRACE_MMAP, r);

	e.file = random() % 4 == 0;
	e.prot = random() % 4 ? 3 : (uint32_t)random() % 2;
	e.flags = e.file ? MAP_PRIVATE : ANON;
	e.flags |= random() % 8 ? 0 : MAP_POPULATE;
	naive_mmap(n, r.from, r.end, 1 + (int)e.prot + (e.file ? 8 * ++n->files : 0),
		   e.flags & MAP_POPULATE);
	return e;
}

static struct trace_event random_mprotect(struct naive *n, struct range r)
{
	struct trace_event e = event_of(TRACE_MPROTECT, r);

	e.prot = (uint32_t)random() % 4;
	for (size_t p = r.from; p < r.end; p++)
		if (n->kind[p])
			n->kind[p] = 1 + (int)e.prot + (n->kind[p] - 1) / 8 * 8;
	return e;
}

/* Only what is mapped throughout can be moved. */
static struct trace_event random_mremap(struct naive *n, struct range r)
{
	struct range to = random_range(1500);
	struct trace_event e;
	size_t end = r.from;

	while (end < r.end && n->kind[end])
		end++;
	if (end == r.from)
		return (struct trace_event){.kind = TRACE_SAMPLE};
	r.end = end;
	e = event_of(TRACE_MREMAP, r);
	if (random() % 3 == 0)
		to = (struct range){r.from, r.from + (to.end - to.from)};
	if (to.end > PAGES || (to.from != r.from && to.from < r.end && r.from < to.end))
		to = r;
	e.to = to.from * PAGE;
	e.to_len = (to.end - to.from) * PAGE;
	naive_mremap(n, r.from, r.end - r.from, to.from, to.end - to.from);
	return e;
}

static struct trace_event random_brk(struct naive *n)
{
	struct trace_event e = {.kind = TRACE_BRK};
	const size_t to = PER * 3 / 2 + (size_t)random() % (2 * PER);

	e.addr = to * PAGE;
	if (n->brk && to > n->brk)
		naive_mmap(n, n->brk, to, 4, false);
	else if (n->brk)
		naive_unmap(n, to, n->brk);
	n->brk = to;
	return e;
}

static struct trace_event random_event(struct naive *n)
{
	struct range r = random_range(1500);
	struct trace_event e;

	switch (random() % 16) {
	case 0:
	case 1:
	case 2:
		return random_mmap(n, r);
	case 3:
	case 4:
		naive_unmap(n, r.from, r.end);
		return event_of(TRACE_MUNMAP, r);
	case 5:
		return random_mprotect(n, r);
	case 6:
	case 7:
		naive_dontneed(n, r.from, r.end);
		e = event_of(TRACE_MADVISE, r);
		e.flags = MADV_DONTNEED;
		return e;
	case 8:
	case 9:
		return random_mremap(n, r);
	case 10:
		return random_brk(n);
	default:
		naive_touch(n, r.from);
		return (struct trace_event){.kind = TRACE_FAULT, .addr = r.from * PAGE};
	}
}

/* The mappings are the model's pages, sorted and disjoint. */
static void same_mappings(const struct space *s, const struct naive *n)
{
	uint64_t at = 0, start, end;
	uint32_t prot;
	size_t p = 0;

	for (; space_mapping(s, at, &start, &end, &prot); at = end) {
		assert_true(start >= at && end > start);
		for (; p < page_of(start); p++)
			assert_int_equal(n->kind[p], 0);
		for (; p < page_of(end); p++)
			assert_int_equal((n->kind[p] - 1) & 7, prot);
	}
	for (; p < PAGES; p++)
		assert_int_equal(n->kind[p], 0);
}

static void random_run(unsigned int seed, enum space_policy policy, bool thp)
{
	struct small *consumer = calloc(1, sizeof(*consumer));
	struct naive *n = calloc(1, sizeof(*n));
	const struct space_options o = {
		.policy = policy,
		.thp = thp ? SPACE_THP_ALWAYS : SPACE_THP_NEVER,
		.dontneed_reclaims = true,
		.page_size = PAGE,
		.top = PAGES * PAGE,
		.ops = small_ops,
		.ctx = consumer,
	};
	struct space *s;

	srandom(seed);
	n->thp = thp;
	assert_int_equal(space_create(&o, &s), 0);
	for (int i = 0; i < 600; i++) {
		const struct trace_event e = random_event(n);

		assert_int_equal(space_apply(s, &e), 0);
		assert_memory_equal(consumer->present, n->state.present, sizeof(n->state.present));
		if (policy == SPACE_LINUX)
			assert_memory_equal(consumer->table, n->state.table, BLOCKS);
		if (i % 10 == 0)
			same_mappings(s, n);
	}
	space_destroy(s);
	free(consumer);
	free(n);
}

static void random_events_agree_with_pages(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 60; seed++)
		random_run(seed, SPACE_LINUX, false);
}

static void random_events_agree_with_huge_pages(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 60; seed++)
		random_run(seed, SPACE_LINUX, true);
}

/* Under SPACE_EXACT the same pages come and go; only the tables are left alone. */
static void exact_has_the_same_pages(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++)
		random_run(seed, SPACE_EXACT, seed % 2);
}

static int ignore_range(void *ctx, uint64_t addr, uint64_t len)
{
	(void)ctx;
	assert_true(len && addr + len > addr);
	return 0;
}

static int ignore_prot(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)prot;
	return ignore_range(ctx, addr, len);
}

static int ignore_move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	assert_true(from != to);
	return ignore_range(ctx, from, len);
}

static struct trace_event any_event(void)
{
	static const uint32_t flags[] = {0,  1,   2,   3,    4,      7,     14,      15,     22,
					 24, 102, 103, 0x22, 0x8022, 0x122, 0x20022, 0x42022};

	return (struct trace_event){
		.kind = (enum trace_kind)(1 + random() % (TRACE_KINDS - 1)),
		.addr = (uint64_t)random() % 4096 * PAGE,
		.len = (uint64_t)random() % 3000 * PAGE,
		.to = (uint64_t)random() % 4096 * PAGE,
		.to_len = (uint64_t)random() % 3000 * PAGE,
		.prot = (uint32_t)random() % 8,
		.file = random() % 4 == 0,
		.flags = flags[random() % (sizeof(flags) / sizeof(*flags))],
	};
}

/* Sound records in an order that no kernel would make: calls over holes, moves onto mappings. */
static void senseless_traces_do_no_harm(void **state)
{
	const struct space_options o = {
		.policy = SPACE_LINUX,
		.thp = SPACE_THP_MADVISE,
		.page_size = PAGE,
		.top = 4 * GIB,
		.ops = {ignore_prot, ignore_range, ignore_prot, ignore_move, ignore_range,
			ignore_range},
	};
	const struct trace_meta meta = {.page_size = PAGE, .address_bits = 32};
	const struct trace_state middle = {.events = 1};

	(void)state;
	srandom(3);
	for (int round = 0; round < 40; round++) {
		uint64_t at = 0, start, end;
		struct space *s;
		uint32_t prot;

		assert_int_equal(space_create(&o, &s), 0);
		for (int i = 0; i < 2000; i++) {
			const struct trace_event e = any_event();

			if (!trace_event_fault(&meta, &middle, &e))
				assert_int_equal(space_apply(s, &e), 0);
		}
		for (; space_mapping(s, at, &start, &end, &prot); at = end)
			assert_true(start >= at && end > start);
		space_destroy(s);
	}
}

/*
 * Part two: rules, with a consumer that only writes down what it is asked.
 */
struct log {
	char text[4096];
	int fail_at, calls;
};

static int log_add(struct log *log, const char *what, uint64_t a, uint64_t b)
{
	const size_t used = strlen(log->text);

	snprintf(log->text + used, sizeof(log->text) - used, "%s %llx %llx\n", what,
		 (unsigned long long)a, (unsigned long long)b);
	return ++log->calls == log->fail_at ? -EIO : 0;
}

static int log_map(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)prot;
	return log_add(ctx, "map", addr, len);
}

static int log_unmap(void *ctx, uint64_t addr, uint64_t len)
{
	return log_add(ctx, "unmap", addr, len);
}

static int log_protect(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)prot;
	return log_add(ctx, "protect", addr, len);
}

static int log_move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	(void)len;
	return log_add(ctx, "move", from, to);
}

static int log_reclaim(void *ctx, uint64_t addr, uint64_t len)
{
	return log_add(ctx, "reclaim", addr, addr + len);
}

static struct space *log_space(struct log *log, const char *kernel, const char *thp)
{
	const struct trace_meta meta = {
		.kernel = (char *)(uintptr_t)kernel,
		.machine = (char *)"x86_64",
		.thp = (char *)(uintptr_t)thp,
		.page_size = PAGE,
		.address_bits = 47,
	};
	struct space_options o;
	struct space *s;

	space_options_init(&o, SPACE_LINUX, &meta);
	o.ops = (struct space_ops){log_map, log_unmap, log_protect, log_move, log_reclaim, NULL};
	o.ctx = log;
	memset(log, 0, sizeof(*log));
	assert_int_equal(space_create(&o, &s), 0);
	return s;
}

static void apply(struct space *s, struct trace_event e)
{
	assert_int_equal(space_apply(s, &e), 0);
}

static void do_mmap(struct space *s, uint64_t addr, uint64_t len)
{
	apply(s, (struct trace_event){
			 .kind = TRACE_MMAP, .addr = addr, .len = len, .prot = 3, .flags = ANON});
}

static void do_range(struct space *s, enum trace_kind kind, uint64_t addr, uint64_t len,
		     uint32_t flags)
{
	apply(s, (struct trace_event){.kind = kind, .addr = addr, .len = len, .flags = flags});
}

static void do_fault(struct space *s, uint64_t addr)
{
	apply(s, (struct trace_event){.kind = TRACE_FAULT, .addr = addr});
}

/* What was asked since the last look. */
static void asked(struct log *log, const char *want)
{
	assert_string_equal(log->text, want);
	log->text[0] = '\0';
}

/* The floor and the ceiling are the neighbours' edges, whatever the size of the hole. */
static void a_hole_reaches_to_its_neighbours(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	do_mmap(s, 3 * GIB, PAGE);
	do_mmap(s, 5 * GIB, 3 * PAGE);
	do_mmap(s, 9 * GIB, PAGE);
	asked(&log, "");
	do_range(s, TRACE_MUNMAP, 5 * GIB + PAGE, PAGE, 0);
	asked(&log, "unmap 140001000 1000\nreclaim 140001000 140002000\n");
	do_range(s, TRACE_MUNMAP, 5 * GIB, BLOCK, 0);
	asked(&log, "unmap 140000000 1000\nunmap 140002000 1000\nreclaim c0001000 240000000\n");
	do_range(s, TRACE_MUNMAP, 9 * GIB, PAGE, 0);
	asked(&log, "unmap 240000000 1000\nreclaim c0001000 800000000000\n");
	do_range(s, TRACE_MUNMAP, 9 * GIB, PAGE, 0);
	asked(&log, "");
	do_range(s, TRACE_MUNMAP, 3 * GIB, PAGE, 0);
	asked(&log, "unmap c0000000 1000\nreclaim 0 800000000000\n");
	space_destroy(s);
}

static void a_replaced_mapping_frees_first(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	do_mmap(s, GIB, 4 * BLOCK);
	do_fault(s, GIB + BLOCK);
	asked(&log, "map 40200000 1000\n");
	do_mmap(s, GIB + BLOCK, BLOCK);
	asked(&log, "unmap 40200000 200000\nreclaim 40200000 40400000\n");
	space_destroy(s);
}

static void dontneed_frees_whole_blocks_since_6_14(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.14.0-rc1", "never");

	(void)state;
	do_mmap(s, GIB, 4 * BLOCK);
	do_fault(s, GIB);
	do_fault(s, GIB + BLOCK);
	log.text[0] = '\0';
	do_range(s, TRACE_MADVISE, GIB, BLOCK - PAGE, MADV_DONTNEED);
	asked(&log, "unmap 40000000 1ff000\n");
	do_range(s, TRACE_MADVISE, GIB + PAGE, 2 * BLOCK, MADV_DONTNEED);
	asked(&log, "unmap 40001000 400000\nreclaim 40200000 40400000\n");
	do_range(s, TRACE_MADVISE, GIB, BLOCK, MADV_FREE);
	asked(&log, "");
	space_destroy(s);
}

/* Two mappings of unlike protection in one block: no single zap covers it. */
static void dontneed_frees_no_block_of_two_mappings(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	do_mmap(s, GIB, BLOCK);
	apply(s, (struct trace_event){
			 .kind = TRACE_MPROTECT, .addr = GIB, .len = PAGE, .prot = PROT_READ});
	do_fault(s, GIB);
	log.text[0] = '\0';
	do_range(s, TRACE_MADVISE, GIB, BLOCK, MADV_DONTNEED);
	asked(&log, "unmap 40000000 1000\nunmap 40001000 1ff000\n");
	apply(s, (struct trace_event){.kind = TRACE_MPROTECT, .addr = GIB, .len = PAGE, .prot = 3});
	do_range(s, TRACE_MADVISE, GIB, BLOCK, MADV_DONTNEED);
	asked(&log, "protect 40000000 1000\nunmap 40000000 200000\nreclaim 40000000 40200000\n");
	space_destroy(s);
}

static void dontneed_keeps_blocks_before_6_14(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.13.9", "always");

	(void)state;
	do_mmap(s, GIB, 2 * BLOCK);
	do_fault(s, GIB + PAGE);
	asked(&log, "map 40000000 200000\n");
	/* [R3]: a huge page takes its spare table along, unless it was cut first. */
	do_range(s, TRACE_MADVISE, GIB, BLOCK, MADV_DONTNEED);
	asked(&log, "unmap 40000000 200000\nreclaim 40000000 40200000\n");
	do_fault(s, GIB);
	do_range(s, TRACE_MADVISE, GIB, PAGE, MADV_DONTNEED);
	log.text[0] = '\0';
	do_range(s, TRACE_MADVISE, GIB, BLOCK, MADV_DONTNEED);
	asked(&log, "unmap 40000000 200000\n");
	do_fault(s, GIB + PAGE);
	asked(&log, "map 40001000 1000\n"); /* the table is still there: no huge page */
	space_destroy(s);
}

static void huge_pages_come_where_they_were_asked_for(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "madvise");

	(void)state;
	do_mmap(s, GIB + PAGE, 4 * BLOCK);
	do_range(s, TRACE_MADVISE, GIB + BLOCK, 2 * BLOCK, MADV_HUGEPAGE);
	do_fault(s, GIB + PAGE);
	do_fault(s, GIB + BLOCK + 5 * PAGE);
	do_range(s, TRACE_MADVISE, GIB + 2 * BLOCK, BLOCK, MADV_NOHUGEPAGE);
	do_fault(s, GIB + 2 * BLOCK);
	asked(&log, "map 40001000 1000\nmap 40200000 200000\nmap 40400000 1000\n");
	assert_int_equal(space_stats(s).huge, 1);
	space_destroy(s);
}

static void the_stack_grows_by_a_touch(void **state)
{
	const uint64_t top = 0x7ffffffff000;
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");
	uint64_t start, end;
	uint32_t prot;

	(void)state;
	apply(s, (struct trace_event){.kind = TRACE_REGION,
				      .addr = top - 0x21000,
				      .len = 0x21000,
				      .prot = 3,
				      .flags = TRACE_REGION_STACK});
	asked(&log, "map 7fffffffe000 1000\n"); /* the arguments */
	do_fault(s, top - 0x30000);
	asked(&log, "map 7ffffffcf000 1000\n");
	apply(s, (struct trace_event){.kind = TRACE_REGION,
				      .addr = top - 0x30000,
				      .len = 0x30000,
				      .prot = 3,
				      .flags = TRACE_REGION_STACK});
	asked(&log, "");
	assert_true(space_mapping(s, 0, &start, &end, &prot));
	assert_int_equal(start, top - 0x30000);
	assert_int_equal(end, top);
	space_destroy(s);
}

static void faults_that_are_signals_map_nothing(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	do_mmap(s, GIB, PAGE);
	apply(s, (struct trace_event){.kind = TRACE_MPROTECT, .addr = GIB, .len = PAGE});
	log.text[0] = '\0';
	do_fault(s, 0);
	do_fault(s, GIB);
	do_fault(s, 2 * GIB);
	asked(&log, "");
	assert_int_equal(space_stats(s).strays, 3);
	space_destroy(s);
}

static void pages_come_without_faults(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	apply(s, (struct trace_event){.kind = TRACE_MMAP,
				      .addr = GIB,
				      .len = BLOCK + PAGE,
				      .prot = 3,
				      .flags = ANON | MAP_POPULATE});
	asked(&log, "map 40000000 200000\nmap 40200000 1000\n");
	do_mmap(s, 2 * GIB, 4 * PAGE);
	do_range(s, TRACE_MLOCK, 2 * GIB, PAGE, 0);
	do_range(s, TRACE_MLOCK, 2 * GIB, 4 * PAGE, 1);
	do_range(s, TRACE_MADVISE, 2 * GIB + PAGE, PAGE, 23);
	asked(&log, "map 80000000 1000\nmap 80001000 1000\n");
	do_range(s, TRACE_MLOCK, 0, 0, 2);
	do_mmap(s, 3 * GIB, PAGE);
	asked(&log, "map c0000000 1000\n");
	do_range(s, TRACE_MADVISE, 2 * GIB, PAGE, 102);
	asked(&log, "unmap 80000000 1000\nmap 80000000 1000\n");
	space_destroy(s);
}

static void exec_and_exit_leave_nothing(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");

	(void)state;
	do_mmap(s, GIB, PAGE);
	do_fault(s, GIB);
	log.text[0] = '\0';
	apply(s, (struct trace_event){.kind = TRACE_EXEC});
	asked(&log, "unmap 40000000 1000\nreclaim 0 800000000000\n");
	assert_int_equal(space_stats(s).mappings, 0);
	assert_int_equal(space_stats(s).blocks, 0);
	apply(s, (struct trace_event){.kind = TRACE_EXIT});
	asked(&log, "reclaim 0 800000000000\n");
	space_destroy(s);
}

static void failures_are_handed_on(void **state)
{
	struct log log;
	struct space *s = log_space(&log, "6.18.0", "never");
	const struct trace_event e = {.kind = TRACE_MUNMAP, .addr = GIB, .len = PAGE};

	(void)state;
	do_mmap(s, GIB, PAGE);
	do_fault(s, GIB);
	log.fail_at = 3; /* the reclaim, after the map and the unmap */
	assert_int_equal(space_apply(s, &e), -EIO);
	space_destroy(s);
}

static void impossible_options_are_refused(void **state)
{
	const struct trace_meta meta = {
		.kernel = (char *)"6.18",
		.machine = (char *)"x86_64",
		.thp = (char *)"",
		.page_size = PAGE,
		.address_bits = 47,
	};
	struct space_options o;
	struct space *s;

	(void)state;
	space_options_init(&o, SPACE_LINUX, &meta);
	o.page_size = 5000;
	assert_int_equal(space_create(&o, &s), -EINVAL);
	o.page_size = PAGE;
	o.top = BLOCK + PAGE;
	assert_int_equal(space_create(&o, &s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events_agree_with_pages),
		cmocka_unit_test(random_events_agree_with_huge_pages),
		cmocka_unit_test(exact_has_the_same_pages),
		cmocka_unit_test(senseless_traces_do_no_harm),
		cmocka_unit_test(a_hole_reaches_to_its_neighbours),
		cmocka_unit_test(a_replaced_mapping_frees_first),
		cmocka_unit_test(dontneed_frees_whole_blocks_since_6_14),
		cmocka_unit_test(dontneed_frees_no_block_of_two_mappings),
		cmocka_unit_test(dontneed_keeps_blocks_before_6_14),
		cmocka_unit_test(huge_pages_come_where_they_were_asked_for),
		cmocka_unit_test(the_stack_grows_by_a_touch),
		cmocka_unit_test(faults_that_are_signals_map_nothing),
		cmocka_unit_test(pages_come_without_faults),
		cmocka_unit_test(exec_and_exit_leave_nothing),
		cmocka_unit_test(failures_are_handed_on),
		cmocka_unit_test(impossible_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
