/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The address space of a recorded program: events in, page-table operations out.
 *
 * Vocabulary. A mapping is what mmap makes: a range with a protection (the kernel's VMA). A
 * block is the span of one lowest table, 512 pages. A page is present once something touched it.
 * Addresses and lengths are in bytes, multiples of the page size; ranges are [addr, addr + len).
 *
 * Which pages are present is the consumer's to know: it learns of each by a map() and forgets it
 * by an unmap(). The space itself keeps the mappings and, for each block, whether the kernel has
 * a table there; the second it needs to tell where a huge page can appear.
 */
#ifndef GRACEWALK_CLI_SPACE_H
#define GRACEWALK_CLI_SPACE_H

#include "trace.h"

/* When tables are freed. */
enum space_policy {
	SPACE_EXACT, /* never asked for: the page table frees what has become empty by itself */
	SPACE_LINUX, /* when and only when the kernel frees them */
};

enum space_thp { SPACE_THP_NEVER, SPACE_THP_MADVISE, SPACE_THP_ALWAYS };

/*
 * What a space asks of a page table. Each returns 0 or a negative errno, which space_apply()
 * hands on at once. All of them may meet ranges of which nothing or only a part is present.
 */
struct space_ops {
	/* Make the pages of the range present; some may be already, these change their prot. */
	int (*map)(void *ctx, uint64_t addr, uint64_t len, uint32_t prot);
	/* Forget the pages present in the range; free no table that SPACE_LINUX would keep. */
	int (*unmap)(void *ctx, uint64_t addr, uint64_t len);
	/* Change the protection of the pages present in the range. */
	int (*protect)(void *ctx, uint64_t addr, uint64_t len, uint32_t prot);
	/* Move the pages present at from to the same offsets at to, where none are present. */
	int (*move)(void *ctx, uint64_t from, uint64_t to, uint64_t len);
	/*
	 * Free every empty table, of every level but the root, whose whole span lies in the range.
	 * SPACE_LINUX only.
	 */
	int (*reclaim)(void *ctx, uint64_t addr, uint64_t len);
	/*
	 * Make the tables above a page without making it present. SPACE_LINUX only, where mremap
	 * moves an empty table. May be NULL: such tables are then missing.
	 */
	int (*reserve)(void *ctx, uint64_t addr, uint64_t len);
};

struct space_options {
	enum space_policy policy;
	enum space_thp thp;
	bool dontneed_reclaims; /* MADV_DONTNEED over a whole block frees its table (Linux 6.14) */
	uint64_t page_size;
	uint64_t top; /* end of user addresses */
	struct space_ops ops;
	void *ctx; /* passed to each of ops */
};

/* Counted over the life of the space. */
struct space_stats {
	uint64_t faults;   /* faults that mapped a page */
	uint64_t huge;     /* of these, those that mapped a whole block */
	uint64_t strays;   /* faults where no mapping was, or one without access: signals */
	uint64_t mappings; /* now */
	uint64_t mappings_peak;
	uint64_t blocks; /* with a table in the kernel, now */
};

struct space;

/** space_options_init() - The rules of the kernel that made a trace; ops and ctx are not set. */
void space_options_init(struct space_options *options, enum space_policy policy,
			const struct trace_meta *meta);

/**
 * space_create() - An empty address space.
 * @options: copied.
 *
 * Return: 0, -EINVAL for a page size or top that cannot be, -ENOMEM.
 */
int space_create(const struct space_options *options, struct space **out);

/** space_destroy() - Forget a space. Calls nothing of ops: pages present stay present. */
void space_destroy(struct space *space);

/**
 * space_apply() - Do what an event did. SAMPLE does nothing.
 *
 * Return: 0, -ENOMEM, -E2BIG for over 32 TiB of touched memory, or what one of ops returned.
 * After a failure the space must only be destroyed: the event may have been done in part.
 */
int space_apply(struct space *space, const struct trace_event *event);

struct space_stats space_stats(const struct space *space);

/** space_mapping() - The first mapping that ends above addr. Return: false when there is none. */
bool space_mapping(const struct space *space, uint64_t addr, uint64_t *start, uint64_t *end,
		   uint32_t *prot);

#endif
