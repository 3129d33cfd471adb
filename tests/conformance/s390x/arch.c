/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * s390x: what the common program wants of it. Chapters are those of the z/Architecture Principles
 * of Operation, SA22-7832; IBM numbers bits from the left. */
#include "../conformance.h"
#include "../say.h"

/* QEMU's -m has to cover the data. The word lies where no firmware writes. */
enum { WORD = 0xf000000, INVALIDATE_MAX = 64 };
#define GIB (1ull << 30)
#define LAST (UINT64_MAX >> (64 - GW_VA_BITS))

extern char s390_probe_page[];
static bool known_leaf(unsigned level);

static void hold(void);

/* The program runs with translation off, probes run with it on: they alone need a mapping. No entry
 * tells problem state from supervisor state, hence GW_USER everywhere. Storage keys tell them
 * apart, and are left zero; they also keep what other architectures record in entries. */
const struct arch arch = {
	.memory = 0x1000000,
	.memory_bytes = 0x4000000,
	.data = 2 * GIB,
	.data_bytes = 2 * GIB,
	.fixed = {{(uintptr_t)s390_probe_page, 4096, (uintptr_t)s390_probe_page, GW_FMT_ATTRS}},
	.fixed_n = 1,
	.areas = {{2 * GIB, LAST}},
	.areas_n = 1,
	.attrs_always = GW_READ | GW_USER,
	.attrs_try = GW_WRITE | GW_EXEC,
	.records = false,
	.known_leaf = known_leaf,
	.no_rights = FAULT_RIGHTS,
	.outside = FAULT_OUTSIDE, /* chapter 6, "ASCE-Type Exception" */
	.hold = hold,
};

bool arch_allows(uint32_t attr, enum access access, bool user)
{
	static const uint32_t needs[] = {GW_READ, GW_WRITE, GW_EXEC};

	(void)user;
	return attr & needs[access];
}

/* ---- The machine ---- */

/* Program-status word, chapter 4. */
#define PSW_DAT (1ull << 58)           /* bit 5 */
#define PSW_IO (1ull << 57)            /* bit 6 */
#define PSW_WAIT (1ull << 49)          /* bit 14 */
#define PSW_PROBLEM (1ull << 48)       /* bit 15 */
#define PSW_64 (1ull << 32 | 1u << 31) /* bits 31 and 32 */

struct psw {
	uint64_t mask, address;
};

/* Chapter 3, "Assigned Storage Locations". The linker script puts it at 0. */
struct s390_lowcore {
	uint8_t to_8e[0x8e];
	uint16_t code;
	uint8_t to_a8[0x18];
	uint64_t teid; /* translation-exception identification */
	uint8_t to_150[0xa0];
	struct psw program_old;
	uint8_t to_1c0[0x60];
	struct psw call_new, program_new;
	uint8_t to_200[0x20];
	uint64_t probed; /* not assigned: start.S keeps a register there */
};

_Static_assert(offsetof(struct s390_lowcore, teid) == 0xa8, "assigned");
_Static_assert(offsetof(struct s390_lowcore, program_old) == 0x150, "assigned");
_Static_assert(offsetof(struct s390_lowcore, program_new) == 0x1d0, "assigned");
_Static_assert(offsetof(struct s390_lowcore, probed) == 0x200, "as in start.S");

extern volatile struct s390_lowcore s390_lowcore;
extern char s390_called[], s390_interrupted[];
void s390_setup(void);

/* A disabled wait ends the run. QEMU takes that address for a shutdown, any other for a crash. */
void arch_exit(int status)
{
	const struct psw wait = {PSW_64 | PSW_WAIT, status ? 0 : 0xfff};

	__asm__ volatile("lpswe %0" : : "Q"(wait) : "memory");
	__builtin_unreachable();
}

/* A wait that is not disabled, for an interrupt that no subclass mask lets in. */
static void hold(void)
{
	const struct psw wait = {PSW_64 | PSW_WAIT | PSW_DAT | PSW_IO, 0};

	__asm__ volatile("lpswe %0" : : "Q"(wait) : "memory");
}

uint64_t arch_word(void)
{
	return *(volatile uint64_t *)WORD;
}

/* Nothing is remembered of entries that were invalid: chapter 3, "Translation-Lookaside Buffer". */
void arch_mapped(void)
{
}

void arch_code(void *at, uint32_t value)
{
	volatile uint16_t *code = at;

	*code++ = 0xc02f; /* llilf %r2, value */
	*code++ = (uint16_t)(value >> 16);
	*code++ = (uint16_t)value;
	*code = 0x07fe; /* br %r14 */
}

/* ---- The console ---- */

/* The service-call logical processor's, as QEMU's sclpconsole has it: events of one type. */
enum {
	WRITE_EVENT_DATA = 0x00760005,
	WRITE_EVENT_MASK = 0x00780005,
	ASCII = 0x1a,
	TEXT_MAX = 200,
};

struct sccb {
	uint16_t bytes;
	uint8_t function, control[3];
	uint16_t response;
	union {
		struct {
			uint16_t zero, mask_bytes;
			uint32_t receive, send, sclp_receive, sclp_send;
		} mask;
		struct {
			uint16_t bytes;
			uint8_t type, flags;
			uint16_t zero;
			char text[TEXT_MAX];
		} event;
	};
};

static _Alignas(4096) struct sccb sccb;
static uint16_t text_bytes;

static void service_call(uint32_t command)
{
	__asm__ volatile(".insn rre, 0xb2200000, %0, %1" /* the assembler has no name for it */
			 :
			 : "d"(command), "a"(&sccb)
			 : "cc", "memory");
}

static void open_console(void)
{
	const uint32_t ascii = 1u << (32 - ASCII);

	sccb = (struct sccb){.mask = {.mask_bytes = 4, .receive = ascii, .send = ascii}};
	sccb.bytes = offsetof(struct sccb, mask) + sizeof(sccb.mask);
	service_call(WRITE_EVENT_MASK);
}

/* By lines. */
void arch_putc(char c)
{
	sccb.event.text[text_bytes++] = c;
	if (c != '\n' && text_bytes < TEXT_MAX)
		return;
	sccb.event.bytes = offsetof(struct sccb, event.text) - offsetof(struct sccb, event);
	sccb.event.bytes += text_bytes;
	sccb.event.type = ASCII;
	sccb.event.flags = 0;
	sccb.event.zero = 0;
	sccb.bytes = offsetof(struct sccb, event) + sccb.event.bytes;
	sccb.function = 0;
	service_call(WRITE_EVENT_DATA);
	text_bytes = 0;
}

/* ---- Translation ---- */

/* Control register 0, chapter 4: bit 40, enhanced DAT, leaves of 1 MiB and more; bit 43,
 * instruction-execution protection. */
#define CR0_EDAT (1ull << 23)
#define CR0_IEP (1ull << 20)
enum { FACILITY_EDAT_1 = 8, FACILITY_EDAT_2 = 78, FACILITY_IEP = 130 };
enum { ASCE_TL = 3 }; /* the root table has its full length */

static uint64_t *root_table;

static bool facility(unsigned bit)
{
	static uint64_t list[3];
	register uint64_t words __asm__("0") = LENGTH(list) - 1;

	__asm__ volatile("stfle %1" : "+d"(words), "=QS"(list) : : "cc");
	return list[bit / 64] >> (63 - bit % 64) & 1;
}

/* QEMU 7.2 has code for both facilities of larger leaves, and offers neither to its processors. */
static bool known_leaf(unsigned level)
{
	return level == 0 || facility(level == 1 ? FACILITY_EDAT_1 : FACILITY_EDAT_2);
}

void s390_setup(void)
{
	s390_lowcore.call_new = (struct psw){PSW_64, (uintptr_t)s390_called};
	s390_lowcore.program_new = (struct psw){PSW_64, (uintptr_t)s390_interrupted};
	open_console();
	if (!facility(FACILITY_IEP))
		conformance_broke("no instruction-execution protection", 0, 0, 0);
	if (!known_leaf(1))
		say("no leaves of 1 MiB here: not tested\n");
	if (!known_leaf(2))
		say("no leaves of 2 GiB here: not tested\n");
}

/* Chapter 3, "Control Register 1": the origin, the table's type in bits 60 and 61, its length. */
void arch_enable(uint64_t root)
{
	const uint64_t cr0 = CR0_EDAT | CR0_IEP, cr1 = root | (GW_LEVELS - 2) << 2 | ASCE_TL;

	root_table = (uint64_t *)(uintptr_t)root;
	__asm__ volatile("lctlg 0, 0, %0" : : "QS"(cr0) : "memory");
	__asm__ volatile("lctlg 1, 1, %0" : : "QS"(cr1) : "memory");
	__asm__ volatile("ptlb" : : : "memory");
}

/* The last table on the way to va, and its level. */
static uint64_t *last_table(uint64_t va, unsigned *level)
{
	uint64_t *table = root_table, e;

	for (*level = GW_LEVELS - 1;; --*level) {
		e = table[gw_index(va, *level)];
		if (!gw_fmt_is_table(e, *level))
			return table;
		table = (uint64_t *)(uintptr_t)gw_fmt_table_address(e, *level);
	}
}

/* "Invalidate Page Table Entry" and "Invalidate DAT Table Entry", chapter 10, want the table and
 * make its entry invalid: that is for entries that are invalid already, of tables still linked.
 * Return: the bytes from va to the next entry's, or 0 if this one is not for them. */
static uint64_t invalidate_entry(uint64_t va)
{
	unsigned level;
	uint64_t *table = last_table(va, &level);

	if (table[gw_index(va, level)] != gw_fmt_empty(level) || !gw_fmt_leaf_level(level))
		return 0;
	if (level == 0)
		__asm__ volatile("ipte %0, %1" : : "a"(table), "a"(va) : "memory");
	else
		__asm__ volatile("idte %0, 0, %1"
				 :
				 : "a"((uintptr_t)table | (level - 1) << 2), "a"(va & -gw_span(1))
				 : "memory");
	return gw_span(level) - (va & (gw_span(level) - 1));
}

void arch_invalidate(const struct gw_range *range)
{
	uint64_t va = range->va, left = range->tables ? 0 : range->bytes, bytes = 0;

	for (unsigned i = 0; left && i < INVALIDATE_MAX; i++) {
		bytes = invalidate_entry(va);
		if (!bytes)
			break;
		va += bytes;
		left -= bytes < left ? bytes : left;
	}
	if (left || range->tables)
		__asm__ volatile("ptlb" : : : "memory");
}

/* ---- Probes ---- */

/* Program-interruption codes, chapter 6. */
enum { CODE_PROTECTION = 0x04, CODE_ASCE_TYPE = 0x38 };

/* Translation-exception identification, chapter 3: the page's address in bits 0 to 51, and */
enum {
	TEID_STORE = 1 << 10, /* bit 53 */
	TEID_DAT = 1 << 2,    /* bit 61: protection by an entry, */
	TEID_IEP = 1 << 7,    /* with bit 56 against execution */
	TEID_OFFSET = 0xfff,
};

/* As start.S has it. */
struct s390_run {
	struct psw psw;
	uint64_t va, value;
};

bool s390_run(const struct s390_run *run);
extern char s390_probe_read[], s390_probe_write[], s390_probe_exec[];

/* Of what an entry of that level was invalid: a page, a segment, a region. */
static const uint16_t code_absent[] = {0x11, 0x10, 0x3b, 0x3a, 0x39};

static enum fault fault_of(uint64_t va, uint16_t code, uint64_t teid)
{
	unsigned level;

	if (code == CODE_ASCE_TYPE)
		return FAULT_OUTSIDE;
	if (code == CODE_PROTECTION)
		return teid & TEID_DAT ? FAULT_RIGHTS : FAULT_OTHER;
	last_table(va, &level);
	return code == code_absent[level] ? FAULT_ABSENT : FAULT_OTHER;
}

/* An instruction that could not be fetched for want of a mapping is where the old status points to;
 * one that must not be executed is told by the identification. */
static enum access access_of(const struct probe *p, uint64_t teid)
{
	if (teid & TEID_STORE)
		return ACCESS_WRITE;
	if (p->fault == FAULT_RIGHTS)
		return teid & TEID_IEP ? ACCESS_EXEC : ACCESS_READ;
	return s390_lowcore.program_old.address == p->va ? ACCESS_EXEC : ACCESS_READ;
}

static void interrupted(struct probe *p)
{
	uint64_t teid = s390_lowcore.teid;

	p->detail = s390_lowcore.code;
	p->fault = fault_of(p->va, s390_lowcore.code, teid);
	p->fault_va = (teid & ~(uint64_t)TEID_OFFSET) | (p->va & TEID_OFFSET);
	p->fault_access = access_of(p, teid);
	p->fault_user = s390_lowcore.program_old.mask & PSW_PROBLEM;
}

void arch_probe(struct probe *p)
{
	const char *const code[] = {s390_probe_read, s390_probe_write, s390_probe_exec};
	const struct s390_run run = {
		.psw = {PSW_64 | PSW_DAT | (p->user ? PSW_PROBLEM : 0), (uintptr_t)code[p->access]},
		.va = p->va,
		.value = p->value,
	};

	p->fault = FAULT_NONE;
	if (!s390_run(&run))
		interrupted(p);
	else if (p->access != ACCESS_WRITE)
		p->value = s390_lowcore.probed;
	__asm__ volatile("" : : : "memory");
}
