/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Walkers' sections, and the rendezvous that waits for those with interrupts off.
 *
 * A kernel's inter-processor interrupt is held up by a processor that has interrupts off, and so is
 * the processor that waits for it. Here a walker says that its interrupts are off by a plain store;
 * the one that waits makes all processors order their memory accesses (membarrier, which is such an
 * interrupt), then waits for every walker it finds in such a section.
 */
#include "page.h"
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic bool fences; /* no membarrier here: each section pays for a fence */

static void membarrier(int command)
{
	if (gw_load_relaxed(&fences) || syscall(SYS_membarrier, command, 0, 0)) {
		gw_store_relaxed(&fences, true);
		atomic_thread_fence(memory_order_seq_cst);
	}
}

struct lab_walker *lab_walker_add(struct lab *lab)
{
	membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	for (unsigned i = 0; i < LAB_WALKERS; i++) {
		struct lab_walker *walker = &lab->walkers[i];
		bool there = false;

		if (atomic_compare_exchange_strong(&walker->there, &there, true)) {
			walker->lab = lab;
			return walker;
		}
	}
	return NULL;
}

void lab_walker_remove(struct lab_walker *walker)
{
	atomic_store(&walker->there, false);
}

/* Only this thread writes its words. Release: pairs with the acquire in lab_ipi_sync. */
static void step(struct lab_walker *walker)
{
	gw_store_release(&walker->section, gw_load_relaxed(&walker->section) + 1);
}

void lab_rcu_read_lock(struct lab_walker *walker)
{
	walker->lab->urcu->read_lock(walker->lab->urcu);
	step(walker);
}

void lab_rcu_read_unlock(struct lab_walker *walker)
{
	step(walker);
	walker->lab->urcu->read_unlock(walker->lab->urcu);
}

void lab_irq_disable(struct lab_walker *walker)
{
	gw_store_relaxed(&walker->irq_off, 1);
	/* Pairs with the membarrier in lab_ipi_sync: either it sees the word, or the walk after
	 * this sees what was unlinked before it. */
	atomic_signal_fence(memory_order_seq_cst);
	if (gw_load_relaxed(&fences))
		atomic_thread_fence(memory_order_seq_cst);
	lab_rcu_read_lock(walker);
}

void lab_irq_enable(struct lab_walker *walker)
{
	lab_rcu_read_unlock(walker);
	gw_store_release(&walker->irq_off, 0); /* pairs with the acquire in lab_ipi_sync */
}

void lab_ipi_sync(struct lab *lab)
{
	gw_fetch_add_relaxed(&lab->syncs, 1);
	membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	for (unsigned i = 0; i < LAB_WALKERS; i++) {
		struct lab_walker *walker = &lab->walkers[i];
		uint64_t section = gw_load_relaxed(&walker->section);
		unsigned spins = 0;

		while (gw_load_acquire(&walker->irq_off) &&
		       gw_load_acquire(&walker->section) - section < 2)
			lab->urcu->relax(lab->urcu, spins++);
	}
	membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}
