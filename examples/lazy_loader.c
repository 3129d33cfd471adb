/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A lazy loader over userfaultfd: memory that comes out of a file a page at a time, when it is
 * touched, as a VMM restores a snapshot of a guest.
 *
 * The page table says where in the file a page is stored. A handler's thread walks it at each fault
 * and copies the page into place. What the program discards (MADV_DONTNEED) the kernel tells the
 * handler, who unmaps it: the page reads as zeroes from then on. The table goes when its last page
 * does, and the file's blocks go back by `release`, when no handler can be reading them any more.
 *
 * The memory is in slices, each with a userfaultfd and a handler of its own. (Were there two
 * handlers to a slice, one could put back an old page, which it had read before the other was told
 * of a discard.) The page table is all handlers' together.
 *
 * Threads touch and discard pages at random and check every byte. Where the kernel has no
 * userfaultfd for us the exit status is 77.
 *
 * usage: lazy_loader [MEBIBYTES]
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* fallocate */
#endif
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define MIB ((size_t)1 << 20)

enum {
	PAGE = 4096,
	WORDS = PAGE / sizeof(uint64_t),
	LARGE = 2 << 20,
	SLICES = 4,
	THREADS = 4,
	SKIPPED = 77
};

static struct gw_env *env;
static struct gw_pt *pt;
static int file; /* the snapshot */
static size_t file_bytes;
static unsigned char *memory;    /* where it is restored */
static atomic_size_t given_back; /* bytes of the file */
static int stop_pipe[2];         /* closed: handlers end */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "lazy_loader: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

/* ---- The file: no word of it is zero ---- */

static uint64_t stored_word(size_t page, size_t word)
{
	return (page * WORDS + word + 1) * 0x9e3779b97f4a7c15;
}

static void file_create(void)
{
	FILE *f = tmpfile();
	uint64_t content[WORDS];

	if (!f)
		fail("tmpfile");
	for (size_t page = 0; page < file_bytes / PAGE; page++) {
		for (size_t word = 0; word < WORDS; word++)
			content[word] = stored_word(page, word);
		if (fwrite(content, PAGE, 1, f) != 1)
			fail("fwrite");
	}
	if (fflush(f))
		fail("fflush");
	file = dup(fileno(f));
	if (file < 0)
		fail("dup");
	fclose(f);
}

/* ---- The handlers ---- */

struct slice {
	pthread_t handler;
	int uffd;
	/* Faults that wait for the kernel to tell of a discard. */
	uint64_t later[THREADS];
	unsigned nlater;
	uint64_t loaded, zeroed, discards;
};

static struct slice slices[SLICES];

/* No handler is reading this part of the file, or will. */
static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	/* Not every file system can: then the blocks stay until the file goes. */
	if (fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)run->out,
		      (off_t)run->bytes) &&
	    errno != EOPNOTSUPP)
		fail("fallocate");
	atomic_fetch_add(&given_back, run->bytes);
}

/* Return: whether the page is stored in the file; then it is in `content`. */
static bool load(uint64_t page, void *content)
{
	uint64_t offset;
	bool stored;

	urcu_memb_read_lock(); /* until the end of the section nothing that is found is released */
	stored = gw_translate(pt, page, &offset);
	if (stored && pread(file, content, PAGE, (off_t)offset) != PAGE)
		fail("pread");
	urcu_memb_read_unlock();
	return stored;
}

static void wake(const struct slice *slice, uint64_t page)
{
	struct uffdio_range range = {.start = page, .len = PAGE};

	if (ioctl(slice->uffd, UFFDIO_WAKE, &range))
		fail("UFFDIO_WAKE");
}

/* Return: 0; -EAGAIN: the kernel is about to tell of a discard, which comes first. */
static int serve(struct slice *slice, uint64_t page)
{
	_Alignas(PAGE) unsigned char content[PAGE];
	struct uffdio_copy copy = {.dst = page, .src = (uintptr_t)content, .len = PAGE};
	struct uffdio_zeropage zero = {.range = {.start = page, .len = PAGE}};
	bool stored = load(page, content);

	if (stored ? ioctl(slice->uffd, UFFDIO_COPY, &copy)
		   : ioctl(slice->uffd, UFFDIO_ZEROPAGE, &zero)) {
		if (errno == EAGAIN)
			return -EAGAIN;
		if (errno != EEXIST)
			fail("UFFDIO_COPY");
		wake(slice, page); /* another thread's fault came first */
		return 0;
	}
	slice->loaded += stored;
	slice->zeroed += !stored;
	return 0;
}

static void serve_or_keep(struct slice *slice, uint64_t page)
{
	if (!serve(slice, page))
		return;
	if (slice->nlater < THREADS)
		slice->later[slice->nlater++] = page;
	else
		wake(slice, page); /* to fault again */
}

/* One message at a time: the kernel goes on with a discard when its message was read, and until
 * then refuses to fill pages. So a page that was looked up before is filled before, or not at all.
 */
static void next_message(struct slice *slice)
{
	struct uffd_msg msg;
	ssize_t n = read(slice->uffd, &msg, sizeof(msg));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n != sizeof(msg))
		fail("read of userfaultfd");
	if (msg.event == UFFD_EVENT_PAGEFAULT)
		serve_or_keep(slice, msg.arg.pagefault.address & ~(uint64_t)(PAGE - 1));
	if (msg.event == UFFD_EVENT_REMOVE) {
		slice->discards++;
		errno = -gw_unmap(pt, msg.arg.remove.start,
				  msg.arg.remove.end - msg.arg.remove.start);
		if (errno)
			fail("gw_unmap");
	}
}

static void *handle(void *arg)
{
	struct slice *slice = arg;
	struct pollfd fd[] = {
		{.fd = slice->uffd, .events = POLLIN},
		{.fd = stop_pipe[0], .events = POLLIN},
	};

	urcu_memb_register_thread();
	while (!fd[1].revents) {
		unsigned n;

		if (poll(fd, 2, slice->nlater ? 1 : -1) < 0 && errno != EINTR)
			fail("poll");
		next_message(slice);
		n = slice->nlater;
		slice->nlater = 0;
		for (unsigned i = 0; i < n; i++)
			serve_or_keep(slice, slice->later[i]);
	}
	urcu_memb_unregister_thread();
	return NULL;
}

/* Return: a userfaultfd that tells of discards, or -1. */
static int uffd_open(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_EVENT_REMOVE};
	int uffd;

	/* Faults of the program's own code, which need no privilege; before Linux 5.11, of all. */
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

static void slice_create(struct slice *slice, unsigned char *start, size_t slice_bytes)
{
	struct uffdio_register area = {
		.range = {.start = (uintptr_t)start, .len = slice_bytes},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	slice->uffd = uffd_open();
	if (slice->uffd < 0) {
		printf("skipped: no userfaultfd: %s (vm.unprivileged_userfaultfd, seccomp)\n",
		       strerror(errno));
		exit(SKIPPED);
	}
	if (ioctl(slice->uffd, UFFDIO_REGISTER, &area))
		fail("UFFDIO_REGISTER");
	errno = pthread_create(&slice->handler, NULL, handle, slice);
	if (errno)
		fail("pthread_create");
}

/* ---- The program, which knows nothing of all that ---- */

/* Of each page, whether some thread began to discard it, and whether that has returned. */
enum { DISCARDING = 1, DISCARDED = 2 };
static atomic_uchar *state;
static atomic_uint_fast64_t wrong;

static void discard(size_t page, size_t n)
{
	for (size_t i = 0; i < n; i++)
		atomic_fetch_or(&state[page + i], DISCARDING);
	if (madvise(memory + page * PAGE, n * PAGE, MADV_DONTNEED))
		fail("madvise");
	for (size_t i = 0; i < n; i++)
		atomic_fetch_or(&state[page + i], DISCARDED);
}

/* A page is the file's until it is discarded, and zeroes afterwards. */
static bool check(size_t page)
{
	const volatile uint64_t *at = (const volatile uint64_t *)(void *)(memory + page * PAGE);
	unsigned before = atomic_load(&state[page]), stored = 0, zero = 0;

	for (size_t word = 0; word < WORDS; word++) {
		uint64_t value = at[word];

		stored += value == stored_word(page, word);
		zero += !value;
	}
	if (before & DISCARDED)
		return zero == WORDS;
	return stored + (atomic_load(&state[page]) & DISCARDING ? zero : 0) == WORDS;
}

static void *touch(void *number)
{
	const size_t pages = file_bytes / PAGE;
	uint64_t random = (uintptr_t)number + 1;

	for (size_t i = 0; i < pages; i++) {
		size_t page = random_next(&random) % pages, n = 1 + random_next(&random) % 16;

		if (random_next(&random) % 32 == 0)
			discard(page, n < pages - page ? n : pages - page);
		else if (!check(page))
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

/* All threads, and then all that is left is discarded. */
static void run(void)
{
	pthread_t thread[THREADS];

	for (uintptr_t i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread[i], NULL, touch, (void *)i);
		if (errno)
			fail("pthread_create");
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	discard(0, file_bytes / PAGE);
	for (size_t page = 0; page < file_bytes / PAGE; page++)
		if (!check(page))
			atomic_fetch_add(&wrong, 1);
}

/* ---- All together ---- */

/* Aligned as the file is, so that leaves can be large. Return: what to unmap in the end. */
static void *memory_create(void)
{
	unsigned char *region = mmap(NULL, file_bytes + LARGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	state = calloc(file_bytes / PAGE, sizeof(*state));
	if (!state || region == MAP_FAILED)
		fail("no memory to restore to");
	memory = region + (-(uintptr_t)region & (LARGE - 1));
	return region;
}

/* A discard cannot be refused. So that unmapping a part of a large leaf needs no memory, each has a
 * table deposited, and is not larger than one table can split. */
static void table_create(void)
{
	struct gw_opts opts = {.max_leaf = LARGE, .release = release};

	opts.env = env = gw_urcu_create(&urcu_memb_flavor);
	errno = ENOMEM;
	if (!env || gw_create(&opts, &pt))
		fail("a page table");
	errno = -gw_map(pt, (uintptr_t)memory, file_bytes, 0, GW_READ | GW_WRITE | GW_DEPOSIT);
	if (errno)
		fail("gw_map");
}

static void slices_end(void)
{
	uint64_t loaded = 0, zeroed = 0, discards = 0;

	close(stop_pipe[1]);
	for (unsigned i = 0; i < SLICES; i++) {
		pthread_join(slices[i].handler, NULL);
		close(slices[i].uffd);
		loaded += slices[i].loaded;
		zeroed += slices[i].zeroed;
		discards += slices[i].discards;
	}
	close(stop_pipe[0]);
	printf("%" PRIu64 " pages of %zu loaded, %" PRIu64 " filled with zeroes, %" PRIu64
	       " discards; %" PRIu64 " wrong\n",
	       loaded, file_bytes / PAGE, zeroed, discards, atomic_load(&wrong));
}

int main(int argc, char **argv)
{
	size_t mebibytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 32;
	struct gw_pt_stats stats;
	void *region;
	bool right;

	file_bytes = mebibytes * MIB;
	if (argc > 2 || !mebibytes || mebibytes > 1 << 20 || mebibytes % SLICES) {
		fprintf(stderr, "usage: lazy_loader [MEBIBYTES], a multiple of %d\n", SLICES);
		return 1;
	}
	urcu_memb_register_thread();
	region = memory_create();
	file_create();
	table_create();
	if (pipe(stop_pipe))
		fail("pipe");
	for (unsigned i = 0; i < SLICES; i++)
		slice_create(&slices[i], memory + i * (file_bytes / SLICES), file_bytes / SLICES);
	run();
	slices_end();

	gw_urcu_drain(env);
	gw_stats(pt, &stats);
	printf("tables: %" PRIu64 " KiB, at most %" PRIu64 "\n", stats.table_bytes >> 10,
	       stats.table_bytes_peak >> 10);
	right = !atomic_load(&wrong) && stats.table_bytes == PAGE &&
		atomic_load(&given_back) == file_bytes;
	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	munmap(region, file_bytes + LARGE);
	close(file);
	free(state);
	return !right;
}
