/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * One access under the MMU, held against the library's walk and against what should be mapped. */
#include "trial.h"
#include "say.h"

enum { TOUCHED = GW_ACCESSED | GW_DIRTY, HINT = GW_CONTIGUOUS, CODE_BYTES = 16 };

struct test test;

/* splitmix64 */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

uint64_t below(uint64_t n)
{
	test.random += 0x9e3779b97f4a7c15;
	return mix(test.random) % n;
}

bool in_data(uint64_t pa, uint64_t bytes)
{
	return pa >= arch.data && pa - arch.data <= arch.data_bytes - bytes;
}

uint32_t recorded(void)
{
	return arch.records ? TOUCHED : 0;
}

/* ---- What was wrong ---- */

static void say_start(const char *what)
{
	say("mismatch: ");
	say(what);
	say(": seed ");
	say_dec(test.seed);
	say(" control ");
	say_dec(test.control);
	say(" update ");
	say_dec(test.updates);
}

static _Noreturn void end(void)
{
	say("\n");
	arch_exit(1);
}

static void say_signed(int64_t n)
{
	say(n < 0 ? "-" : "");
	say_dec(n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void wrong_call(const char *what, uint64_t va, uint64_t bytes, int64_t want, int64_t got)
{
	say_start(what);
	say_field("va", va);
	say_field("bytes", bytes);
	say(" expected ");
	say_signed(want);
	say(" got ");
	say_signed(got);
	end();
}

static void say_extent(const struct extent *x)
{
	say(" should be:");
	if (!x) {
		say(" nothing");
		return;
	}
	say_field("va", x->va);
	say_field("bytes", x->bytes);
	say_field("out", x->out);
	say_field("attr", x->attr);
}

static void say_leaf(bool found, const struct gw_leaf *leaf)
{
	say(" walk:");
	if (!found) {
		say(" nothing");
		return;
	}
	say_field("va", leaf->va);
	say_field("bytes", leaf->bytes);
	say_field("out", leaf->out);
	say_field("attr", leaf->attr);
}

bool walk(uint64_t va, struct gw_leaf *leaf)
{
	bool found;

	test.env->read_lock(test.env);
	found = gw_walk(test.pt, va, leaf);
	test.env->read_unlock(test.env);
	return found;
}

static _Noreturn void wrong_walk(const char *what, uint64_t va, const struct extent *x)
{
	struct gw_leaf leaf;
	bool found = walk(va, &leaf);

	say_start(what);
	say_field("at", va);
	say_extent(x);
	say_leaf(found, &leaf);
	end();
}

static _Noreturn void wrong_probe(const char *what, const struct probe *p, const struct extent *x,
				  uint64_t expected, uint64_t got)
{
	static const char *const access[] = {" read", " write", " exec"};
	struct gw_leaf leaf;
	bool found = walk(p->va, &leaf);

	say_start(what);
	say(p->user ? " user" : " supervisor");
	say(access[p->access]);
	say_field("at", p->va);
	say_field("expected", expected);
	say_field("got", got);
	say_field("fault", p->fault);
	say_field("fault_va", p->fault_va);
	say_field("detail", p->detail);
	say_extent(x);
	say_leaf(found, &leaf);
	end();
}

/* ---- The walk ---- */

static uint64_t out_of(const struct extent *x, uint64_t va)
{
	return x->out + (va - x->va);
}

/* A leaf that was split must have gone with its table, so it lies in what should be mapped. */
void check_walk(uint64_t va, const struct extent *x, bool found, const struct gw_leaf *leaf)
{
	test.walks++;
	if (found != !!x)
		wrong_walk("walk: mapped or not", va, x);
	if (!x)
		return;
	if (leaf->out + (va - leaf->va) != out_of(x, va))
		wrong_walk("walk: address", va, x);
	if (leaf->va < x->va || leaf->va + (leaf->bytes - 1) > x->va + (x->bytes - 1))
		wrong_walk("walk: size", va, x);
	if (leaf->attr & HINT & ~x->attr)
		wrong_walk("walk: a run", va, x);
	if (x->untouched && (leaf->attr | HINT) != (x->attr | HINT))
		wrong_walk("walk: attributes, not touched yet", va, x);
	if ((leaf->attr | recorded() | HINT) != (x->attr | recorded() | HINT) ||
	    x->attr & ~(leaf->attr | HINT))
		wrong_walk("walk: attributes", va, x);
}

/* What the MMU made of the entry: accessed and dirty after the access, and not before. It may call
 * a page accessed whose access it then refused. */
static void check_records(const struct probe *p, struct extent *x, const struct gw_leaf *before)
{
	uint32_t mark = p->access == ACCESS_WRITE ? TOUCHED : GW_ACCESSED, may = GW_ACCESSED;
	uint32_t want = before->attr;
	struct gw_leaf after;

	walk(p->va, &after);
	if (arch.records && p->fault == FAULT_NONE) {
		want |= mark;
		may = 0;
	}
	if ((after.attr | may) != (want | may))
		wrong_probe("accessed and dirty", p, x, want, after.attr);
	if (p->fault == FAULT_NONE || after.attr != before->attr)
		x->untouched = false;
}

/* ---- The access ---- */

static enum fault expected_fault(uint64_t va, const struct extent *x, enum access access, bool user)
{
	if (!x)
		return gw_is_canonical(va) ? FAULT_ABSENT : arch.outside;
	return arch_allows(x->attr, access, user) ? FAULT_NONE : arch.no_rights;
}

/* Data that says its own physical address, or code that does. */
static void stamp(struct probe *p, uint64_t pa)
{
	if (p->access == ACCESS_EXEC)
		arch_code((void *)(uintptr_t)pa, (uint32_t)mix(pa));
	else
		*(volatile uint64_t *)(uintptr_t)pa = mix(pa);
	if (p->access == ACCESS_WRITE)
		p->value = mix(~pa);
}

static void count_reached(enum access access, const struct gw_leaf *leaf)
{
	for (unsigned level = 0; level < GW_LEVELS; level++)
		if (leaf->attr & HINT && leaf->bytes == gw_span(level) << gw_fmt_run_lg2(level))
			test.reached_runs[level][access]++;
		else if (leaf->bytes == gw_span(level))
			test.reached[level][access]++;
}

static void check_value(const struct probe *p, const struct extent *x, uint64_t pa)
{
	uint64_t there = *(volatile uint64_t *)(uintptr_t)pa;

	if (p->access == ACCESS_WRITE && there != mix(~pa))
		wrong_probe("written elsewhere", p, x, mix(~pa), there);
	if (p->access == ACCESS_READ && p->value != mix(pa))
		wrong_probe("value read", p, x, mix(pa), p->value);
	if (p->access == ACCESS_EXEC && p->value != (uint32_t)mix(pa))
		wrong_probe("code called", p, x, (uint32_t)mix(pa), p->value);
}

static void check_fault(const struct probe *p, const struct extent *x)
{
	test.faults++;
	if (p->fault == FAULT_OUTSIDE)
		return; /* says no more */
	if (p->fault_va != p->va)
		wrong_probe("address of the fault", p, x, p->va, p->fault_va);
	if (p->fault_access != p->access)
		wrong_probe("access of the fault", p, x, p->access, p->fault_access);
	if (p->fault_user != p->user)
		wrong_probe("privilege of the fault", p, x, p->user, p->fault_user);
}

static void probe(struct extent *x, uint64_t va, enum access access, bool user,
		  const struct gw_leaf *before)
{
	struct probe p = {.access = access, .user = user, .va = va};
	enum fault want = expected_fault(va, x, access, user);
	bool data = x && in_data(out_of(x, va), CODE_BYTES);

	if (want == FAULT_NONE && !data)
		return;
	if (data)
		stamp(&p, out_of(x, va));
	arch_probe(&p);
	test.probes++;
	if (p.fault != want)
		wrong_probe("fault", &p, x, want, p.fault);
	if (want == FAULT_NONE) {
		check_value(&p, x, out_of(x, va));
		count_reached(access, before);
	} else {
		check_fault(&p, x);
	}
	if (x && !test.control)
		check_records(&p, x, before);
}

static bool in_fixed(uint64_t va)
{
	for (unsigned i = 0; i < arch.fixed_n; i++)
		if (va - arch.fixed[i].va < arch.fixed[i].bytes)
			return true;
	return false;
}

void try(uint64_t va, enum access access, bool user)
{
	struct extent *x = expect_find(&test.expect, va);
	struct gw_leaf leaf;
	bool found;

	if (in_fixed(va))
		return;
	found = walk(va, &leaf);
	if (!test.control)
		check_walk(va, x, found, &leaf);
	if (test.enabled)
		probe(x, va, access, user, &leaf);
}

void try_all(uint64_t va)
{
	for (unsigned access = 0; access < ACCESSES; access++)
		for (unsigned user = 0; user < 2; user++)
			try(va, (enum access)access, user);
}
