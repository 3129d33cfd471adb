/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * powerpc's page-table fragments: the allocator that four of the schemes defer frees for. */
#ifndef GW_LAB_PTE_FRAGMENT_H
#define GW_LAB_PTE_FRAGMENT_H

#include "page.h"

/* An mm cuts one page after another into fragments, in order. A page's refcount is its number of
 * fragments that are in use or not yet cut; at zero the page goes back. A fragment is given out
 * once in the life of its page: what is freed is not given out again before the page went back
 * whole. (arch/powerpc/mm/pgtable-frag.c, since 2013.) */
struct fragment_mm {
	struct mm mm;
	unsigned char *pte_frag; /* the next fragment to cut; NULL: take a new page */
};

void *pte_fragment_alloc(struct mm *mm);

/* Drops one fragment's count. Return: whether it was the page's last. */
bool pte_fragment_put(struct ptdesc *pt);

/* The mm's end: drops the counts of the fragments never cut.
 * Return: the page, if these were its last counts and the caller has to give it back; else NULL. */
struct ptdesc *pte_frag_destroy(struct mm *mm);

/* What three of the schemes do with that page, and with one whose last fragment is freed the
 * ordinary way: no walker can be in it. */
void pte_fragment_exit(struct mm *mm);
void pte_fragment_free(struct mm *mm, void *table);

#endif
