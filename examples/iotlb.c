/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * A software I/O TLB: a device model translates DMA addresses, and takes no lock, while the drivers
 * of a guest map and unmap buffers.
 *
 * A device model has three things to mind:
 *   - it translates in read-side sections, many addresses to a section, and uses what it found
 *     until the section ends, no longer;
 *   - what it remembers from one section to the next it forgets when `invalidate` says so;
 *   - a frame goes back to its driver when `release` says so, not when gw_unmap returns.
 *
 * Each frame carries the address that it is mapped at, and the device looks at it at the end of
 * the section: there must be no other owner's. Then the same again with a sorted array under a
 * reader-writer lock; the rates of both are printed.
 *
 * usage: iotlb [SECONDS]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

enum {
	PAGE = 4096,
	DRIVERS = 2,
	SLOTS = 256,     /* buffers of a driver, mapped or not */
	SLOT_PAGES = 16, /* pages of the largest */
	PAGES = DRIVERS * SLOTS * SLOT_PAGES,
	FRAMES = 2 * PAGES,
	BATCH = 64,    /* translations in a read-side section */
	TLB = 256,     /* entries of the device's own cache */
	FRAME_FREE = 1 /* in place of a frame's address, when it has none */
};

static const uint64_t first_iova = 1ull << 32;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "iotlb: %s\n", what);
	exit(1);
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

/* ---- Frames: the guest's memory. The first word says at which address it is mapped. ---- */

static struct {
	pthread_mutex_t lock;
	unsigned char *memory;
	uint64_t *free[FRAMES];
	unsigned n;
} frames = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void frame_put(uint64_t *frame)
{
	*frame = FRAME_FREE;
	pthread_mutex_lock(&frames.lock);
	frames.free[frames.n++] = frame;
	pthread_mutex_unlock(&frames.lock);
}

/* All or none, for the pages from `iova` on. */
static bool frames_take(uint64_t *frame[], unsigned n, uint64_t iova)
{
	bool enough;

	pthread_mutex_lock(&frames.lock);
	enough = frames.n >= n;
	for (unsigned i = 0; enough && i < n; i++)
		frame[i] = frames.free[--frames.n];
	pthread_mutex_unlock(&frames.lock);
	for (unsigned i = 0; enough && i < n; i++)
		*frame[i] = iova + (uint64_t)i * PAGE;
	return enough;
}

/* ---- What keeps the translations: one of two ---- */

struct iommu {
	const char *name;
	void (*begin)(void); /* what is found until `end` may be used until then */
	void (*end)(void);
	uint64_t *(*translate)(uint64_t iova); /* to a frame, or NULL */
	int (*map)(uint64_t iova, uint64_t *const frame[], unsigned n);
	int (*unmap)(uint64_t iova, unsigned n); /* gives the frames back */
	void (*wait)(void);                      /* for frames on their way back */
};

/* How often something was unmapped. The device's cache is valid for the same number alone. */
static atomic_uint_fast64_t invalidations;

/* ---- A page table ---- */

static struct gw_env *env;
static struct gw_pt *pt;

/* Called when the pages are unlinked, before the grace period begins. A section of the device that
 * sees the number as it was is one that the grace period waits for. Release: pairs with the acquire
 * in device_batch, so that one that sees it changed does not find what was unlinked. */
static void invalidate(void *ctx, const struct gw_range *range)
{
	(void)ctx;
	(void)range;
	atomic_fetch_add_explicit(&invalidations, 1, memory_order_release);
}

/* Called after the grace period; frames side by side come as one run. */
static void release(void *ctx, const struct gw_leaf *run)
{
	(void)ctx;
	for (uint64_t i = 0; i < run->bytes; i += PAGE)
		frame_put((uint64_t *)(uintptr_t)(run->out + i));
}

static void walk_begin(void)
{
	urcu_memb_read_lock();
}

static void walk_end(void)
{
	urcu_memb_read_unlock();
}

static uint64_t *walk_translate(uint64_t iova)
{
	struct gw_leaf leaf;

	return gw_walk(pt, iova, &leaf) ? (uint64_t *)(uintptr_t)leaf.out : NULL;
}

static int walk_map(uint64_t iova, uint64_t *const frame[], unsigned n)
{
	struct gw_piece piece[SLOT_PAGES];

	for (unsigned i = 0; i < n; i++)
		piece[i] = (struct gw_piece){.out = (uintptr_t)frame[i], .bytes = PAGE};
	return gw_map_many(pt, iova, piece, n, GW_READ | GW_WRITE);
}

static int walk_unmap(uint64_t iova, unsigned n)
{
	return gw_unmap(pt, iova, (uint64_t)n * PAGE);
}

static void walk_wait(void)
{
	gw_urcu_drain(env);
}

static const struct iommu walked = {
	.name = "page table",
	.begin = walk_begin,
	.end = walk_end,
	.translate = walk_translate,
	.map = walk_map,
	.unmap = walk_unmap,
	.wait = walk_wait,
};

/* ---- A sorted array under a lock ---- */

static struct {
	pthread_rwlock_t lock;
	unsigned n;
	struct mapped {
		uint64_t iova;
		uint64_t *frame;
	} page[PAGES];
} sorted = {.lock = PTHREAD_RWLOCK_INITIALIZER};

/* How many pages are mapped below `iova`. */
static unsigned sorted_below(uint64_t iova)
{
	unsigned from = 0;

	for (unsigned n = sorted.n; n; n /= 2)
		if (sorted.page[from + n / 2].iova < iova) {
			from += n / 2 + 1;
			n--;
		}
	return from;
}

static void sorted_begin(void)
{
	pthread_rwlock_rdlock(&sorted.lock);
}

static void sorted_end(void)
{
	pthread_rwlock_unlock(&sorted.lock);
}

static uint64_t *sorted_translate(uint64_t iova)
{
	unsigned i = sorted_below(iova);

	return i < sorted.n && sorted.page[i].iova == iova ? sorted.page[i].frame : NULL;
}

static int sorted_map(uint64_t iova, uint64_t *const frame[], unsigned n)
{
	struct mapped *at;

	pthread_rwlock_wrlock(&sorted.lock);
	at = &sorted.page[sorted_below(iova)];
	memmove(at + n, at, (size_t)(&sorted.page[sorted.n] - at) * sizeof(*at));
	for (unsigned i = 0; i < n; i++)
		at[i] = (struct mapped){.iova = iova + (uint64_t)i * PAGE, .frame = frame[i]};
	sorted.n += n;
	pthread_rwlock_unlock(&sorted.lock);
	return 0;
}

static int sorted_unmap(uint64_t iova, unsigned n)
{
	uint64_t *frame[SLOT_PAGES];
	struct mapped *at;

	pthread_rwlock_wrlock(&sorted.lock);
	at = &sorted.page[sorted_below(iova)];
	for (unsigned i = 0; i < n; i++)
		frame[i] = at[i].frame;
	memmove(at, at + n, (size_t)(&sorted.page[sorted.n] - (at + n)) * sizeof(*at));
	sorted.n -= n;
	atomic_fetch_add_explicit(&invalidations, 1, memory_order_relaxed);
	pthread_rwlock_unlock(&sorted.lock);
	for (unsigned i = 0; i < n; i++)
		frame_put(frame[i]);
	return 0;
}

static void sorted_wait(void)
{
}

static const struct iommu locked = {
	.name = "array, rwlock",
	.begin = sorted_begin,
	.end = sorted_end,
	.translate = sorted_translate,
	.map = sorted_map,
	.unmap = sorted_unmap,
	.wait = sorted_wait,
};

/* ---- The guest's drivers ---- */

static const struct iommu *iommu;
static atomic_bool stop;
static atomic_uint_fast64_t pages_mapped;

static uint64_t slot_iova(unsigned driver, unsigned slot)
{
	return first_iova + ((uint64_t)driver * SLOTS + slot) * SLOT_PAGES * PAGE;
}

static void buffer_map(uint64_t iova, unsigned n)
{
	uint64_t *frame[SLOT_PAGES];

	while (!frames_take(frame, n, iova))
		iommu->wait();
	if (iommu->map(iova, frame, n))
		fail("cannot map");
	atomic_fetch_add_explicit(&pages_mapped, n, memory_order_relaxed);
}

static void buffer_unmap(uint64_t iova, unsigned n)
{
	if (n && iommu->unmap(iova, n))
		fail("cannot unmap");
}

static void *drive(void *number)
{
	const unsigned self = (unsigned)(uintptr_t)number;
	unsigned pages[SLOTS] = {0};
	uint64_t state = self + 1;

	urcu_memb_register_thread();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		unsigned slot = random_next(&state) % SLOTS;
		uint64_t iova = slot_iova(self, slot);

		buffer_unmap(iova, pages[slot]);
		pages[slot] = pages[slot] ? 0 : 1 + random_next(&state) % SLOT_PAGES;
		if (pages[slot])
			buffer_map(iova, pages[slot]);
	}
	for (unsigned slot = 0; slot < SLOTS; slot++)
		buffer_unmap(slot_iova(self, slot), pages[slot]);
	urcu_memb_unregister_thread();
	return NULL;
}

/* ---- The device ---- */

struct cached {
	uint64_t page, invalidations;
	uint64_t *frame;
};

struct device {
	struct cached tlb[TLB];
	uint64_t random, translations, faults, wrong;
};

static uint64_t *device_translate(struct device *device, uint64_t iova, uint64_t now)
{
	uint64_t page = iova & ~(uint64_t)(PAGE - 1);
	struct cached *cached = &device->tlb[page / PAGE % TLB];

	if (cached->page != page || cached->invalidations != now)
		*cached = (struct cached){page, now, iommu->translate(page)};
	return cached->frame;
}

/* One section: translates a batch of addresses, four to a page, and then looks at all frames. */
static void device_batch(struct device *device)
{
	uint64_t iova[BATCH], *frame[BATCH], now;

	for (unsigned i = 0; i < BATCH; i++)
		iova[i] = i % 4 ? iova[i - 1] + PAGE / 4
				: first_iova + random_next(&device->random) % PAGES * PAGE;
	iommu->begin();
	now = atomic_load_explicit(&invalidations, memory_order_acquire);
	for (unsigned i = 0; i < BATCH; i++)
		frame[i] = device_translate(device, iova[i], now);
	for (unsigned i = 0; i < BATCH; i++) {
		device->faults += !frame[i];
		device->wrong += frame[i] && *frame[i] != (iova[i] & ~(uint64_t)(PAGE - 1));
	}
	iommu->end();
	device->translations += BATCH;
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Return: whether every translation was right. */
static bool run(const struct iommu *which, double seconds)
{
	struct device device = {.random = 88172645463325252ull};
	double begin = seconds_now(), took;
	pthread_t driver[DRIVERS];

	iommu = which;
	atomic_store(&stop, false);
	atomic_store(&pages_mapped, 0);
	for (uintptr_t i = 0; i < DRIVERS; i++)
		if (pthread_create(&driver[i], NULL, drive, (void *)i))
			fail("cannot create a thread");
	do
		for (unsigned i = 0; i < 100; i++)
			device_batch(&device);
	while (seconds_now() - begin < seconds);
	took = seconds_now() - begin;
	atomic_store(&stop, true);
	for (unsigned i = 0; i < DRIVERS; i++)
		pthread_join(driver[i], NULL);
	printf("%-13s %7.2f M translations/s, %.0f %% mapped; %6.2f M pages mapped/s; %" PRIu64
	       " wrong\n",
	       which->name, (double)device.translations / took / 1e6,
	       100 - 100 * (double)device.faults / (double)device.translations,
	       (double)atomic_load(&pages_mapped) / took / 1e6, device.wrong);
	return !device.wrong;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 1;
	struct gw_opts opts = {.invalidate = invalidate, .release = release};
	struct gw_pt_stats stats;
	bool right;

	if (argc > 2 || !(seconds > 0))
		fail("usage: iotlb [SECONDS]");
	frames.memory = mmap(NULL, (size_t)FRAMES * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (frames.memory == MAP_FAILED)
		fail("no memory for frames");
	for (size_t i = 0; i < FRAMES; i++)
		frame_put((uint64_t *)(void *)(frames.memory + i * PAGE));

	urcu_memb_register_thread();
	opts.env = env = gw_urcu_create(&urcu_memb_flavor);
	if (!env || gw_create(&opts, &pt))
		fail("no memory for a page table");
	right = run(&walked, seconds / 2);
	gw_urcu_drain(env);
	gw_stats(pt, &stats);
	if (frames.n != FRAMES || stats.table_bytes != PAGE) {
		printf("lost: %u frames, %" PRIu64 " bytes of tables\n", FRAMES - frames.n,
		       stats.table_bytes - PAGE);
		right = false;
	}
	right = right && run(&locked, seconds / 2);

	gw_destroy(pt);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	munmap(frames.memory, (size_t)FRAMES * PAGE);
	return !right;
}
