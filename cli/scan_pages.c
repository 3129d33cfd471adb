/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Where a process has entries in its page table. */
#include "scan_pages.h"
#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- The ioctl PAGEMAP_SCAN, since Linux 6.7; newer than some C libraries' headers ---- */

struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end;
	uint64_t walk_end; /* out: where it stopped */
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)

/* "Swapped" is any entry that is neither empty nor present. */
enum { SCAN_PRESENT = 1 << 3, SCAN_SWAPPED = 1 << 4, REGIONS = 512 };

static int by_ioctl(struct scan_pages *pages, uint64_t start, uint64_t end,
		    int (*found)(void *ctx, uint64_t start, uint64_t end), void *ctx)
{
	struct scan_region region[REGIONS];
	int err = 0;

	while (start < end && !err) {
		struct scan_arg arg = {
			.size = sizeof(arg),
			.start = start,
			.end = end,
			.vec = (uintptr_t)region,
			.vec_len = REGIONS,
			.category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
		};
		int n = ioctl(pages->fd, SCAN_IOCTL, &arg);

		if (n < 0)
			return -errno;
		for (int i = 0; i < n && !err; i++) {
			pages->count += (region[i].end - region[i].start) / pages->page_bytes;
			err = found(ctx, region[i].start, region[i].end);
		}
		if (arg.walk_end <= start)
			return err ? err : -EIO;
		start = arg.walk_end;
	}
	return err;
}

/* ---- A word a page ---- */

enum { WORDS = 2048 };

#define WORD_IN_USE (3ull << 62) /* present, swapped */

static int by_words(struct scan_pages *pages, uint64_t start, uint64_t end,
		    int (*found)(void *ctx, uint64_t start, uint64_t end), void *ctx)
{
	const uint64_t page = pages->page_bytes;
	uint64_t word[WORDS];
	int err = 0;

	while (start < end && !err) {
		uint64_t want = (end - start) / page < WORDS ? (end - start) / page : WORDS;
		ssize_t got = pread(pages->fd, word, want * sizeof(word[0]),
				    (off_t)(start / page * sizeof(word[0])));
		uint64_t n = got < 0 ? 0 : (uint64_t)got / sizeof(word[0]);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got >= 0 && !n)
			break; /* it has ended */
		for (uint64_t i = 0, first = 0; i < n && !err; i++) {
			if (!(word[i] & WORD_IN_USE))
				first = i + 1;
			else if (i + 1 == n || !(word[i + 1] & WORD_IN_USE)) {
				pages->count += i + 1 - first;
				err = found(ctx, start + first * page, start + (i + 1) * page);
			}
		}
		start += n * page;
	}
	return err;
}

int scan_pages(struct scan_pages *pages, uint64_t start, uint64_t end,
	       int (*found)(void *ctx, uint64_t start, uint64_t end), void *ctx)
{
	if (!pages->by_reading) {
		int err = by_ioctl(pages, start, end, found, ctx);

		if (err != -ENOTTY && err != -EINVAL)
			return err;
		pages->by_reading = true;
	}
	return by_words(pages, start, end, found, ctx);
}
