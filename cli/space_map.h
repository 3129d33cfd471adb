/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Inside of the address space: the sorted list of mappings and the set of blocks with tables.
 */
#ifndef GRACEWALK_CLI_SPACE_MAP_H
#define GRACEWALK_CLI_SPACE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum space_trait {
	SPACE_ANON = 1 << 0,  /* private memory without a file */
	SPACE_STACK = 1 << 1, /* grows downwards */
	SPACE_HUGE = 1 << 2,  /* MADV_HUGEPAGE */
	SPACE_NOHUGE = 1 << 3,
};

struct space_vma {
	uint64_t start, end;
	uint32_t prot, traits;
	uint64_t origin; /* tells files apart: number of the event; 0 without a file */
};

/* Sorted, disjoint, none empty. */
struct space_vmas {
	struct space_vma *at;
	size_t count, room;
};

/** space_vmas_find() - Index of the first mapping that ends above addr; count if none. */
size_t space_vmas_find(const struct space_vmas *v, uint64_t addr);

/** space_vmas_cut() - Split at addr if a mapping reaches across it. Return: 0, -ENOMEM. */
int space_vmas_cut(struct space_vmas *v, uint64_t addr);

/** space_vmas_remove() - Take [start, end) out. Return: 0, -ENOMEM (all of it is still there). */
int space_vmas_remove(struct space_vmas *v, uint64_t start, uint64_t end);

/**
 * space_vmas_insert() - Add a mapping over a free range, joined with equal neighbours.
 *
 * Joined as the kernel does it, since MADV_DONTNEED frees a table only if the block lies in one
 * mapping. Two mappings of one file are never joined, as a trace does not tell their offsets.
 *
 * Return: 0, -ENOMEM.
 */
int space_vmas_insert(struct space_vmas *v, struct space_vma vma);

/** space_vmas_join() - Join equal neighbours in and around [start, end). */
void space_vmas_join(struct space_vmas *v, uint64_t start, uint64_t end);

#define SPACE_MAX_BLOCKS (1u << 24) /* 32 TiB of touched memory: no honest trace has more */

/* A block as its number; bit 0 is set while a huge page fills it and the table is spare. */
struct space_blocks {
	uint64_t *at; /* number << 1 | huge, ascending */
	size_t count, room;
};

/** space_blocks_find() - Index of the first block whose number is at least this. */
size_t space_blocks_find(const struct space_blocks *b, uint64_t block);

bool space_blocks_has(const struct space_blocks *b, uint64_t block);

/**
 * space_blocks_add() - Put a block in; one that is there already stays as it is.
 *
 * Return: 0, -ENOMEM, -E2BIG at SPACE_MAX_BLOCKS.
 */
int space_blocks_add(struct space_blocks *b, uint64_t block, bool huge);

/** space_blocks_remove() - Take out the blocks numbered from first up to, not including, end. */
void space_blocks_remove(struct space_blocks *b, uint64_t first, uint64_t end);

#endif
