/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Scanning a live process, part by part: counts of spans against an array, bounds against tables
 * that are known, entries read in both ways, and the text of smaps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "scan_pages.h"
#include "scan_waste.h"

enum { PAGE = 4096, BLOCK = 2 << 20, TABLE = 4096, ROUNDS = 2000 };

/* ---- A small world: pages in blocks, whose tables are known ---- */

enum { BLOCKS = 12, PER = 512, PAGES = BLOCKS * PER };

struct world {
	struct scan_mapping mapping[8];
	struct scan_process process;
	struct scan_tables tables;
	bool entry[PAGES];
	bool needed[BLOCKS], met[BLOCKS], held[BLOCKS]; /* last tables */
	uint64_t empty_held;                            /* of them, all levels */
};

static uint64_t below(uint64_t n)
{
	return (uint64_t)rand() % n;
}

/* Mappings with and without a gap between, some of them hidden; entries that come in stretches. */
static void make_mappings(struct world *w)
{
	uint64_t at = below(PER), n = 1 + below(8);

	w->process = (struct scan_process){.mapping = w->mapping, .dir = -1};
	while (w->process.n < n && at < PAGES) {
		uint64_t end = at + 1 + below(below(2) ? 8 : 3 * PER);

		if (end > PAGES)
			end = PAGES;
		w->mapping[w->process.n++] = (struct scan_mapping){
			.start = at * PAGE, .end = end * PAGE, .page_bytes = PAGE};
		for (uint64_t page = at; page < end; page++)
			w->met[page / PER] = true;
		at = end + (below(2) ? 0 : below(PER));
	}
}

static void make_entries(struct world *w)
{
	for (size_t i = 0; i < w->process.n; i++) {
		const struct scan_mapping *m = &w->mapping[i];
		uint64_t page = m->start / PAGE, end = m->end / PAGE;

		while (page < end && below(4)) {
			uint64_t first = page + below(end - page),
				 last = first + below(end - first);

			assert_int_equal(
				scan_tables_add(&w->tables, first * PAGE, (last + 1) * PAGE, 0), 0);
			for (page = first; page <= last; page++) {
				w->entry[page] = true;
				w->needed[page / PER] = true;
			}
		}
	}
}

/* What the kernel may hold: every table that is needed, and some that are not. */
static void make_tables(struct world *w)
{
	uint64_t needed = 0;
	bool any = false;

	for (unsigned b = 0; b < BLOCKS; b++) {
		any |= w->needed[b];
		needed += w->needed[b];
		w->held[b] = w->needed[b] || (w->met[b] && below(2));
		w->empty_held += w->held[b] && !w->needed[b];
	}
	/* A PMD and a PUD table, which are empty too when nothing is needed. */
	w->process.held = (needed + w->empty_held + 2) * TABLE;
	if (!any)
		w->empty_held += 2;
}

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	scan_tables_open(&w->tables, gw_format_find("x86-64"), 3);
	make_mappings(w);
	make_entries(w);
	make_tables(w);
}

static void spans_match_an_array(void **state)
{
	static struct world w;

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS / 10; round++) {
		const struct scan_level *last = &w.tables.level[0];

		make(&w);
		for (uint64_t a = 0; a <= BLOCKS; a++) {
			uint64_t empty = 0;

			for (uint64_t b = a; b <= BLOCKS; b++) {
				assert_int_equal(scan_level_empty(last, a, b), empty);
				empty += b < BLOCKS && !w.needed[b];
			}
		}
		scan_tables_close(&w.tables);
	}
}

/* `held`: the truth; `some`: empty spans among which it is, of `all` there are. The bounds contain
 * it, and no better ones follow from these numbers and the waste. */
static void bounds_are_best(const struct scan_bounds *bounds, uint64_t waste, uint64_t held,
			    uint64_t some, uint64_t all)
{
	uint64_t others = all - some;

	assert_true(bounds->least <= held * TABLE);
	assert_true(held * TABLE <= bounds->most);
	assert_int_equal(bounds->least, waste > others ? (waste - others) * TABLE : 0);
	assert_int_equal(bounds->most, (waste < some ? waste : some) * TABLE);
}

static void bounds_hold_what_is_true(void **state)
{
	static struct world w;

	(void)state;
	srand(2);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t held_in_blocks = 0, in_blocks = 0, all = 0, upper;
		struct scan_waste waste;

		make(&w);
		assert_int_equal(scan_waste_open(&waste, &w.process, &w.tables), 0);
		assert_int_equal(waste.needed + w.empty_held * TABLE, waste.held);
		assert_int_equal(waste.all.least, w.empty_held * TABLE);
		assert_int_equal(waste.all.most, w.empty_held * TABLE);
		upper = waste.needed ? 0 : 2;
		for (unsigned b = 0; b < BLOCKS; b++)
			all += w.met[b] && !w.needed[b];
		for (size_t i = 0; i < w.process.n; i++) {
			const struct scan_mapping *m = &w.mapping[i];
			uint64_t held = upper, some = upper;

			for (uint64_t b = m->start / BLOCK; b * BLOCK < m->end; b++) {
				bool empty = !w.needed[b],
				     whole = b * BLOCK >= m->start && (b + 1) * BLOCK <= m->end;

				some += empty;
				held += empty && w.held[b];
				in_blocks += whole && empty;
				held_in_blocks += whole && empty && w.held[b];
			}
			bounds_are_best(&waste.mapping[i], w.empty_held, held, some, all + upper);
		}
		bounds_are_best(&waste.blocks, w.empty_held, held_in_blocks, in_blocks,
				all + upper);
		scan_waste_close(&waste);
		scan_tables_close(&w.tables);
	}
}

/* One mapping that lies alone: nothing else can waste. */
static void alone_a_mapping_wastes_all(void **state)
{
	struct scan_mapping mapping = {.start = 0, .end = 64ull * BLOCK, .page_bytes = PAGE};
	struct scan_process process = {.mapping = &mapping, .n = 1, .held = 40 * TABLE};
	struct scan_tables tables;
	struct scan_waste waste;

	(void)state;
	scan_tables_open(&tables, gw_format_find("x86-64"), 3);
	assert_int_equal(scan_tables_add(&tables, 0, PAGE, 0), 0);
	assert_int_equal(scan_waste_open(&waste, &process, &tables), 0);
	assert_int_equal(waste.needed, 3 * TABLE);
	assert_int_equal(waste.mapping[0].least, 37 * TABLE);
	assert_int_equal(waste.mapping[0].most, 37 * TABLE);
	assert_int_equal(waste.blocks.least, 37 * TABLE);
	scan_waste_close(&waste);
	scan_tables_close(&tables);
}

/* Huge pages: of hugetlbfs, with no last table; of memory without a file, with one set aside; of a
 * file, without. */
static void huge_pages_need_no_last_table(void **state)
{
	struct scan_mapping mapping[] = {
		{.start = 0, .end = 4ull * BLOCK, .page_bytes = BLOCK},
		{.start = 8ull * BLOCK,
		 .end = 16ull * BLOCK,
		 .page_bytes = PAGE,
		 .huge_bytes = 5ull * BLOCK,
		 .anon_bytes = 3ull * BLOCK},
	};
	struct scan_process process = {.mapping = mapping, .n = 2, .held = (2 + 3 + 3) * TABLE};
	struct scan_tables tables;
	struct scan_waste waste;

	(void)state;
	scan_tables_open(&tables, gw_format_find("x86-64"), 3);
	assert_int_equal(scan_tables_leaf_level(&tables, PAGE), 0);
	assert_int_equal(scan_tables_leaf_level(&tables, 64 << 10), 0);
	assert_int_equal(scan_tables_leaf_level(&tables, BLOCK), 1);
	assert_int_equal(scan_tables_leaf_level(&tables, 1 << 30), 2);
	assert_int_equal(scan_tables_add(&tables, 0, 4ull * BLOCK, 1), 0);
	assert_int_equal(scan_tables_add(&tables, 8ull * BLOCK, 16ull * BLOCK, 0), 0);
	assert_int_equal(scan_waste_open(&waste, &process, &tables), 0);
	assert_int_equal(waste.needed, (2 + 3) * TABLE);
	assert_int_equal(waste.aside, 3 * TABLE);
	assert_int_equal(waste.all.most, 0);
	process.held += TABLE; /* no span is left that could hold it but those that are in use */
	scan_waste_close(&waste);
	assert_int_equal(scan_waste_open(&waste, &process, &tables), 0);
	assert_int_equal(waste.all.least, TABLE);
	assert_int_equal(waste.mapping[0].most, 0);
	scan_waste_close(&waste);
	scan_tables_close(&tables);
}

static void hidden_pages_widen_the_bounds(void **state)
{
	struct scan_mapping mapping[] = {
		{.start = 0, .end = 4ull * BLOCK, .page_bytes = PAGE},
		{.start = 4ull * BLOCK, .end = 6ull * BLOCK, .page_bytes = PAGE, .hidden = true},
	};
	struct scan_process process = {.mapping = mapping, .n = 2, .held = (3 + 3) * TABLE};
	struct scan_tables tables;
	struct scan_waste waste;

	(void)state;
	scan_tables_open(&tables, gw_format_find("x86-64"), 3);
	assert_int_equal(scan_tables_add(&tables, 0, PAGE, 0), 0);
	assert_int_equal(scan_waste_open(&waste, &process, &tables), 0);
	assert_int_equal(waste.hidden, 2 * TABLE);
	assert_int_equal(waste.all.least, TABLE);
	assert_int_equal(waste.all.most, 3 * TABLE);
	scan_waste_close(&waste);
	scan_tables_close(&tables);
}

/* ---- This process's own pages ---- */

enum { OWN = 4096 };

struct own {
	unsigned char *at;
	bool told[OWN], written[OWN];
};

static int told(void *ctx, uint64_t start, uint64_t end)
{
	struct own *own = ctx;

	assert_true(start < end && start % PAGE == 0 && end % PAGE == 0);
	assert_true(start >= (uintptr_t)own->at && end <= (uintptr_t)own->at + OWN * (size_t)PAGE);
	for (uint64_t at = start; at < end; at += PAGE) {
		bool *one = &own->told[(at - (uintptr_t)own->at) / PAGE];

		assert_false(*one);
		*one = true;
	}
	return 0;
}

static void tell(struct own *own, struct scan_pages *pages)
{
	uint64_t start = (uintptr_t)own->at, n = 0;

	memset(own->told, 0, sizeof(own->told));
	pages->count = 0;
	assert_int_equal(scan_pages(pages, start, start + OWN * (uint64_t)PAGE, told, own), 0);
	assert_memory_equal(own->told, own->written, sizeof(own->told));
	for (unsigned i = 0; i < OWN; i++)
		n += own->written[i];
	assert_int_equal(pages->count, n);
}

/* More stretches than fit one call, and one that goes on over the end of a read. */
static void both_ways_tell_the_pages_touched(void **state)
{
	struct scan_pages pages = {.fd = open("/proc/self/pagemap", O_RDONLY), .page_bytes = PAGE};
	static struct own own;

	(void)state;
	if (pages.fd < 0 || sysconf(_SC_PAGESIZE) != PAGE)
		skip();
	own.at = mmap(NULL, OWN * (size_t)PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	assert_ptr_not_equal(own.at, MAP_FAILED);
	madvise(own.at, OWN * (size_t)PAGE, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < OWN; i++)
		if (i > OWN / 2 || i % 2 || (i / 64) % 2) {
			own.at[i * (size_t)PAGE] = 1;
			own.written[i] = true;
		}
	for (unsigned i = OWN / 2 + 3; i < OWN; i += 7) {
		madvise(own.at + i * (size_t)PAGE, PAGE, MADV_DONTNEED);
		own.written[i] = false;
	}
	mprotect(own.at, OWN / 4 * (size_t)PAGE, PROT_NONE); /* the pages stay */
	tell(&own, &pages);
	pages.by_reading = true;
	tell(&own, &pages);
	munmap(own.at, OWN * (size_t)PAGE);
	close(pages.fd);
}

/* A file without the ioctl, and at its end as that of a process which has ended. */
static void an_ended_process_has_no_pages(void **state)
{
	struct scan_pages pages = {.fd = open("/dev/null", O_RDONLY), .page_bytes = PAGE};

	(void)state;
	assert_int_equal(scan_pages(&pages, 0, OWN * (uint64_t)PAGE, told, NULL), 0);
	assert_int_equal(pages.count, 0);
	assert_true(pages.by_reading);
	close(pages.fd);
	assert_int_equal(scan_pages(&pages, 0, PAGE, told, NULL), -EBADF);
}

/* ---- smaps ---- */

static void parse(struct scan_process *process, const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	*process = (struct scan_process){.dir = -1};
	assert_non_null(file);
	assert_int_equal(scan_process_parse(process, file), 0);
	fclose(file);
}

static void smaps_are_understood(void **state)
{
	struct scan_process process;

	(void)state;
	parse(&process, "00400000-00401000 r-xp 00000000 fe:00 12  /usr/bin/a b\n"
			"Size:                  4 kB\n"
			"KernelPageSize:        4 kB\n"
			"VmFlags: rd ex mr \n"
			"7f0000000000-7f0000800000 rw-p 00000000 00:00 0 \n"
			"KernelPageSize:        4 kB\n"
			"Rss:                4096 kB\n"
			"AnonHugePages:      4096 kB\n"
			"ShmemPmdMapped:        0 kB\n"
			"FilePmdMapped:         0 kB\n"
			"VmFlags: rd wr mr mw me ac hg \n"
			"7f0001000000-7f0001800000 rw-s 00000000 00:10 9  /dev/hugepages/\x1b[2Jx\n"
			"KernelPageSize:     2048 kB\n"
			"VmFlags: rd wr sh mr mw me ms de ht \n"
			"7f0002000000-7f0002001000 rw-s 00000000 00:06 1  /dev/mem\n"
			"KernelPageSize:        4 kB\n"
			"VmFlags: rd wr sh mr mw me ms pf io de dd \n"
			"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n"
			"KernelPageSize:      999 kB\n"
			"VmFlags: ex \n");
	assert_int_equal(process.n, 4);
	assert_int_equal(process.mapping[0].start, 0x400000);
	assert_int_equal(process.mapping[0].end, 0x401000);
	assert_string_equal(process.mapping[0].access, "r-xp");
	assert_string_equal(process.mapping[0].name, "/usr/bin/a b");
	assert_false(process.mapping[0].hidden);
	assert_string_equal(process.mapping[1].name, "");
	assert_int_equal(process.mapping[1].huge_bytes, 4 << 20);
	assert_int_equal(process.mapping[1].anon_bytes, 4 << 20);
	assert_int_equal(process.mapping[2].page_bytes, 2 << 20);
	assert_string_equal(process.mapping[2].name, "/dev/hugepages/?[2Jx");
	assert_true(process.mapping[3].hidden);
	assert_int_equal(process.mapping[3].page_bytes, 4 << 10);
	scan_process_close(&process);
}

/* Lines that no kernel wrote yet, and half a file, as of a process that ends. */
static void strange_smaps_do_no_harm(void **state)
{
	static const char *const texts[] = {
		"Size: 4 kB\n",
		"zzz\n\n\n",
		"a\n",
		"1000-1000 rw-p 0 0 0\n",
		"2000-1000 rw-p 00000000 00:00 0 \nKernelPageSize: 4 kB\n",
		"ffffffffffffffffffffff-0 rw-p 00000000 00:00 0 \n",
		"1000-2000",
		"1000-2000 rw-p",
		"KernelPageSize: 99999999999999999999999999 kB\n",
	};
	struct scan_process process;

	(void)state;
	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		parse(&process, texts[i]);
		assert_int_equal(process.n, 0);
		scan_process_close(&process);
	}
	parse(&process, "1000-2000 rw-p 00000000 00:00 0 \nKernelPage");
	assert_int_equal(process.n, 1);
	scan_process_close(&process);
}

static void there_is_no_such_process(void **state)
{
	struct scan_process process;

	(void)state;
	assert_int_equal(scan_process_open(&process, 0x7fffffff), SCAN_NO_PROCESS);
	scan_process_close(&process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_match_an_array),
		cmocka_unit_test(bounds_hold_what_is_true),
		cmocka_unit_test(alone_a_mapping_wastes_all),
		cmocka_unit_test(huge_pages_need_no_last_table),
		cmocka_unit_test(hidden_pages_widen_the_bounds),
		cmocka_unit_test(both_ways_tell_the_pages_touched),
		cmocka_unit_test(an_ended_process_has_no_pages),
		cmocka_unit_test(smaps_are_understood),
		cmocka_unit_test(strange_smaps_do_no_harm),
		cmocka_unit_test(there_is_no_such_process),
	};

	if (!gw_format_find("x86-64"))
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
