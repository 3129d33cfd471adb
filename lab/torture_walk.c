/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The torture's walkers: they stay in a table and keep reading it. */
#include "page.h"
#include "torture_parts.h"
#include <unistd.h>

/* A table that a walker stands in. */
struct visit {
	struct torturer *me;
	struct pgtable *pgtable;
	uint64_t addr; /* of the span */
	const pte_t *table;
};

/* The table around one of its entries. */
static const pte_t *first_entry(const struct torture *torture, uint64_t addr, const pte_t *ptep)
{
	return ptep - addr % torture->span_bytes / torture->options.leaf_bytes;
}

static void look(const struct visit *visit)
{
	const struct torture *torture = visit->me->torture;
	unsigned i = pick(visit->me, torture->entries);
	uint64_t addr = visit->addr + i * torture->options.leaf_bytes;
	uint64_t pte = gw_load_relaxed(&visit->table[i]);

	if (!pte_fits(visit->pgtable, addr, pte))
		lab_break(torture->lab, LAB_FOREIGN_ENTRY,
			  "walker %u read %#llx where the entry of address %#llx should be",
			  visit->me->number, (unsigned long long)pte, (unsigned long long)addr);
}

static void look_for(const struct visit *visit, unsigned times)
{
	while (times--)
		look(visit);
}

/* Where an interrupt waits for walkers, each freed table waits for the longest of these. */
static unsigned longest_us(const struct torture *torture)
{
	return torture->options.unmap == LAB_UNMAP_IPI ? 400 : 15000;
}

static void stay_long(const struct visit *visit)
{
	uint64_t end = lab_now() + 1000ull * (1 + pick(visit->me, longest_us(visit->me->torture)));

	do {
		look_for(visit, 8);
		usleep(50 + pick(visit->me, 200));
	} while (lab_now() < end);
	look_for(visit, 8);
}

static void stay(const struct visit *visit)
{
	struct torturer *me = visit->me;

	gw_store_relaxed(&me->found, gw_load_relaxed(&me->found) + 1);
	look(visit);
	if (pick(me, 1000) < gw_load_relaxed(&me->torture->slow))
		stay_long(visit);
	else if (!pick(me, 4))
		look_for(visit, pick(me, 500));
}

static void visit(struct torturer *me, struct pgtable *pgtable, uint64_t addr, const pte_t *ptep)
{
	const struct torture *torture = me->torture;

	stay(&(struct visit){me, pgtable, addr - addr % torture->span_bytes,
			     first_entry(torture, addr, ptep)});
}

static void walk_rcu(struct torturer *me, struct pgtable *pgtable, uint64_t addr)
{
	pte_t *ptep = pte_offset_map(pgtable, me->walker, addr);

	if (!ptep)
		return;
	visit(me, pgtable, addr, ptep);
	pte_unmap(me->walker);
}

static void walk_irq(struct torturer *me, struct pgtable *pgtable, uint64_t addr)
{
	struct gup gup;

	lab_irq_disable(me->walker);
	if (gup_walk(pgtable, addr, &gup)) {
		visit(me, pgtable, addr, gup.ptep);
		gup_recheck(pgtable, addr, &gup);
	}
	lab_irq_enable(me->walker);
}

static void walk_counted(struct torturer *me, struct pgtable *pgtable, uint64_t addr)
{
	pte_t *ptep = pte_try_get(pgtable, me->walker, addr);

	if (!ptep)
		return;
	visit(me, pgtable, addr, ptep);
	pte_put(pgtable, addr, ptep);
}

static void walk_any(struct torturer *me, struct pgtable *pgtable, uint64_t addr)
{
	if (gw_load_relaxed(&me->done) & 1)
		walk_rcu(me, pgtable, addr);
	else
		walk_irq(me, pgtable, addr);
}

/* What keeps the address space itself: a lock that its end waits for; or a section around the
 * walker's own, so that it ends with walkers in it. Counted tables are held on to without a
 * section, and a section around all walks would hide one that is missing in them. */
static void space_hold(struct torturer *me, bool section)
{
	if (section)
		torture_env(me->torture)->read_lock(torture_env(me->torture));
	else
		pthread_mutex_lock(&me->walking);
}

static void space_let_go(struct torturer *me, bool section)
{
	if (section)
		torture_env(me->torture)->read_unlock(torture_env(me->torture));
	else
		pthread_mutex_unlock(&me->walking);
}

/* Return: whether there was something to walk. */
static bool walk_once(struct torturer *me)
{
	static void (*const walks[])(struct torturer *, struct pgtable *, uint64_t) = {
		[TORTURE_RCU] = walk_rcu,
		[TORTURE_IRQ] = walk_irq,
		[TORTURE_COUNTED] = walk_counted,
		[TORTURE_MIXED] = walk_any,
	};
	struct torture *torture = me->torture;
	uint64_t addr = span_address(torture, pick_span(me)) +
			pick(me, torture->entries) * torture->options.leaf_bytes;
	bool section = torture->options.walk != TORTURE_COUNTED && pick(me, 2);
	struct pgtable *pgtable;

	space_hold(me, section);
	pgtable = gw_load_dependent(&torture->space[pick(me, SPACES)]);
	if (pgtable)
		walks[torture->options.walk](me, pgtable, addr);
	space_let_go(me, section);
	gw_store_relaxed(&me->done, gw_load_relaxed(&me->done) + !!pgtable);
	return pgtable;
}

void *torture_walker(void *torturer)
{
	struct torturer *me = torturer;
	const struct rcu_flavor_struct *flavour = me->torture->options.flavour;

	flavour->register_thread();
	while (!gw_load_relaxed(&me->torture->stop)) {
		if (!walk_once(me) && !pick(me, 4))
			nap(me->torture, 20);
		flavour->read_quiescent_state();
	}
	flavour->unregister_thread();
	return NULL;
}
