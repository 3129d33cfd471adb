/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A process to scan, whose page tables are known.
 * usage: scan_child thin|full|huge|shy MIB
 * Prints "ready ADDRESS" and waits for a line. Then `thin`, which has discarded its memory page by
 * page, discards it in one call and does so once more. `shy` is not for every eye. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { PAGE = 4096, BLOCK = 2 << 20 };

static void each(unsigned char *p, size_t bytes, size_t step)
{
	for (size_t at = 0; at < bytes; at += step)
		p[at] = 1;
}

static void ready(const unsigned char *p)
{
	printf("ready %p\n", (const void *)p);
	fflush(stdout);
	while (getchar() > '\n')
		;
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 3 ? strtoull(argv[2], NULL, 10) << 20 : 0;
	/* A block of no access on either side, so that nothing else has a page in the same ones. */
	unsigned char *p = mmap(NULL, bytes + 3 * (size_t)BLOCK, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!bytes || p == MAP_FAILED)
		return 2;
	if (!strcmp(argv[1], "shy"))
		prctl(PR_SET_DUMPABLE, 0);
	p += 2 * (size_t)BLOCK - (size_t)p % BLOCK;
	if (mprotect(p, bytes, PROT_READ | PROT_WRITE))
		return 2;
	madvise(p, bytes, strcmp(argv[1], "huge") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
	each(p, bytes, strcmp(argv[1], "full") ? BLOCK : PAGE);
	if (!strcmp(argv[1], "thin")) {
		for (size_t at = 0; at < bytes; at += PAGE)
			madvise(p + at, PAGE, MADV_DONTNEED);
		ready(p);
		madvise(p, bytes, MADV_DONTNEED);
	}
	ready(p);
	return 0;
}
