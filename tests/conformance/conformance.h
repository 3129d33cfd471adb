/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The seam: what an architecture gives the common program that holds a format against its MMU. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <gracewalk/bare.h>
#include <gracewalk/gracewalk.h>

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_EXEC, ACCESSES };

enum fault {
	FAULT_NONE,
	FAULT_ABSENT,  /* nothing is mapped there */
	FAULT_RIGHTS,  /* something is, and not for this */
	FAULT_OUTSIDE, /* no address of the format, where the architecture tells that apart */
	FAULT_OTHER,   /* reserved bits, a bus error, a trap that has no business here */
};

/* One access under the MMU. Reads and writes are of 8 bytes; ACCESS_EXEC calls the code at `va`,
 * which arch_code put there. */
struct probe {
	enum access access;
	bool user; /* by unprivileged code */
	uint64_t va;
	uint64_t value; /* to write; or what was read, or returned by the code called */

	/* What came of it; of a fault what the MMU says, or where it does not say, as above. */
	enum fault fault;
	uint64_t fault_va;
	enum access fault_access;
	bool fault_user;
	uint64_t detail; /* for people: an error code or the like */
};

/* Mapped from the start to the end: the program itself, its memory, code for unprivileged probes.
 */
struct fixed {
	uint64_t va, bytes, out;
	uint32_t attr;
};

/* Addresses to map things at: [first, last], both of whole pages. */
struct area {
	uint64_t first, last;
};

enum { FIXED_MAX = 4, AREAS_MAX = 4 };

struct arch {
	/* RAM that is at its physical address before and after arch_enable, for the library, and
	 * for data. Where data is larger than a leaf and starts at a multiple of its size, both
	 * ends of such leaves are probed. */
	uint64_t memory, memory_bytes;
	uint64_t data, data_bytes;
	unsigned fixed_n, areas_n;
	struct fixed fixed[FIXED_MAX];
	struct area areas[AREAS_MAX];
	uint32_t attrs_always, attrs_try; /* for leaves of the test */
	uint32_t attrs_apart;             /* never all of these in one leaf */
	uint64_t run_bits[2]; /* CONTROL_RUN flips one of these masks in an entry of a run */
	bool (*known_leaf)(unsigned level); /* of the format's leaves; NULL: the MMU knows all */
	bool records;                       /* the MMU sets GW_ACCESSED and GW_DIRTY in entries */
	/* What the MMU says of an access that the leaf does not allow, FAULT_ABSENT where it does
	 * not tell; and of an address that gw_is_canonical refuses. */
	enum fault no_rights, outside;
	/* Stays for ever with translation on, for monitor.py; NULL: any loop does. */
	void (*hold)(void);
};

/* The architecture's start calls this, with translation on or off, interrupts off, the memory and
 * data above within reach. */
_Noreturn void conformance(void);

extern const struct arch arch;

/* The word that run.sh put into memory: the seed in bits 0 to 31, the control in 32 to 39; bit 40:
 * stop half way for monitor.py; of images with wrong bits, bit 41: one way, 48 to 55: the bend. */
uint64_t arch_word(void);
void arch_putc(char c);
/* Ends the run. 0: well; 1: a mismatch; 2: it broke. */
_Noreturn void arch_exit(int status);

/* Translates by the tables at that physical address from now on. */
void arch_enable(uint64_t root);
/* Tries one access, whatever comes of it. */
void arch_probe(struct probe *probe);
/* Whether a leaf with these attributes allows it, by the architecture's manual and as arch_enable
 * set things up. */
bool arch_allows(uint32_t attr, enum access access, bool user);
/* Makes the MMU forget what a struct gw_range says, and exactly that where it is small. */
void arch_invalidate(const struct gw_range *range);
/* Entries were written where there were none: what has to come before they are used. */
void arch_mapped(void);
/* Puts code at `at` that returns `value`, in at most 16 bytes, fit to be called from any address.
 */
void arch_code(void *at, uint32_t value);
/* For traps that no probe caused: says so and ends the run with 2. */
_Noreturn void conformance_broke(const char *what, uint64_t a, uint64_t b, uint64_t c);

#endif
