/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The bends of a format, of which a boot has one. */
#ifdef BENT
#include "conformance.h"
#include "say.h"

/* Entries above level 1 hold what the program lives by, unless it runs without translation. */
enum {
	PAGES = 1 << 0,  /* leaves of level 0 */
	LARGE = 1 << 1,  /* leaves of level 1 */
	EMPTY = 1 << 2,  /* entries of level 0 that map nothing */
	TABLES = 1 << 3, /* entries of level 1 that lead to a table */
	UPPER = 1 << 4,  /* the same of the levels above */
	LEAVES = PAGES | LARGE,
};

/* One way: into memory only. What is there is read by the true format, so that the walk can tell
 * too. */
enum { BOTH_WAYS = 1, ONE_WAY = 2 };

struct bend {
	const char *name;
	unsigned of;         /* which entries */
	uint64_t flip;       /* bits that are inverted */
	uint64_t one, other; /* bits that change places */
	uint64_t field;      /* bits that are shifted to the left */
	unsigned left;
	unsigned not_seen; /* in which ways nobody notices: neither QEMU nor the walk */
};

#include <bends.h>

static const struct bend *chosen;
static bool one_way;

static void choose(void)
{
	static const struct bend none = {.name = "none", .not_seen = ONE_WAY | BOTH_WAYS};
	uint64_t word = arch_word(), n = word >> 48 & 0xff;

	if (n > LENGTH(bends))
		conformance_broke("no such bend", n, 0, 0);
	one_way = word >> 41 & 1;
	chosen = n ? &bends[n - 1] : &none;
	say("bend ");
	say_dec(n);
	say(" of ");
	say_dec(LENGTH(bends));
	say(": ");
	say(chosen->name);
	say(one_way ? ", one way" : ", both ways");
	say(chosen->not_seen & (one_way ? ONE_WAY : BOTH_WAYS) ? ", not seen\n" : "\n");
}

/* ---- Which entries ---- */

/* The program lives by these, and they stay true; the MMU may have recorded what it likes. */
static bool is_fixed(uint64_t e, unsigned level)
{
	const uint32_t touched = GW_ACCESSED | GW_DIRTY;

	if (!true_is_leaf(e, level))
		return false;
	for (unsigned i = 0; i < arch.fixed_n; i++) {
		const struct fixed *f = &arch.fixed[i];

		if (true_out(e, level) - f->out < f->bytes &&
		    (true_attr(e, level) | touched) == (f->attr | touched))
			return true;
	}
	return false;
}

static unsigned kind_of(uint64_t e, unsigned level)
{
	if (true_is_table(e, level))
		return level > 1 ? UPPER : TABLES;
	if (true_is_leaf(e, level) && level <= 1)
		return level ? LARGE : PAGES;
	return e == true_empty(level) && level == 0 ? EMPTY : 0;
}

/* Both ends of a bend decide alike, since each looks at both: what would be of the kind when bent
 * is bent too. What is empty stays so. */
static bool bends_to(uint64_t from, uint64_t to, unsigned level)
{
	const uint64_t empty = true_empty(level);

	if (!(chosen->of & EMPTY) && (from == empty || to == empty))
		return false;
	return chosen->of & (kind_of(from, level) | kind_of(to, level)) && !is_fixed(from, level) &&
	       !is_fixed(to, level);
}

/* ---- Bits ---- */

#ifndef AS_NUMBER
#define AS_NUMBER(e) (e) /* bends.h of formats with a byte order have more */
#endif

static uint64_t exchange(uint64_t e)
{
	return !(e & chosen->one) == !(e & chosen->other) ? e : e ^ chosen->one ^ chosen->other;
}

static uint64_t bent(uint64_t in_memory)
{
	uint64_t e = exchange(AS_NUMBER(in_memory) ^ chosen->flip), field = e & chosen->field;

	e ^= field;
	return AS_NUMBER(e | (field << chosen->left & chosen->field));
}

static uint64_t unbent(uint64_t in_memory)
{
	uint64_t e = AS_NUMBER(in_memory), field = e & chosen->field;

	e ^= field;
	return AS_NUMBER(exchange(e | (field >> chosen->left & chosen->field)) ^ chosen->flip);
}

uint64_t bend(uint64_t e, unsigned level)
{
	uint64_t to;

	if (!chosen)
		choose();
	to = bent(e);
	return bends_to(e, to, level) ? to : e;
}

uint64_t unbend(uint64_t e, unsigned level)
{
	uint64_t to;

	if (!chosen)
		choose();
	to = unbent(e);
	return !one_way && bends_to(e, to, level) ? to : e;
}

#endif
