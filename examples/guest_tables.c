/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Page tables for a guest, in the guest's memory: as a VMM builds them before a guest starts, or
 * keeps them for a guest that has none of its own.
 *
 * A part of guest RAM is given to a heap, with the guest-physical address that it stands for; all
 * tables are made there, and entries hold guest-physical addresses. What the guest sees is checked
 * by an MMU in software that knows nothing of Gracewalk: it starts from CR3, reads and writes guest
 * RAM by guest-physical addresses, and goes by the processor's manual. After each of many random
 * updates it and gw_walk have to agree on every page; then it writes, and gw_harvest has to tell
 * which pages are dirty, as for the migration of the guest. Where there is /dev/kvm, a vCPU runs on
 * the same tables and has to agree on some pages; `invalidate` makes it forget translations.
 *
 * usage: guest_tables [UPDATES]
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <urcu/flavor.h>
#define GW_FORMAT x86_64
#include <gracewalk/gracewalk.h>
#include <gracewalk/urcu.h>

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

enum { PAGE = 4096 };

/* Guest-physical addresses: data, a page of the vCPU's code, and the tables. */
#define RAM (4 * GIB)
#define RAM_BYTES (32 * MIB)
#define TABLES_BYTES (1 * MIB)
#define TABLES (RAM + RAM_BYTES - TABLES_BYTES)
#define CODE (TABLES - PAGE)
#define DATA_BYTES (CODE - RAM)

#define CODE_VA (1 * GIB)

static unsigned char *ram; /* the host's pointer to the guest's RAM */
static uint64_t cr3;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "guest_tables: %s\n", what);
	exit(1);
}

static uint64_t random_next(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

/* ---- The guest's MMU: 4-level paging by the Intel SDM, volume 3A, section 4.5 ---- */

#define MMU_PRESENT (1ull << 0)
#define MMU_WRITE (1ull << 1)
#define MMU_USER (1ull << 2)
#define MMU_ACCESSED (1ull << 5)
#define MMU_DIRTY (1ull << 6)
#define MMU_LARGE (1ull << 7)
#define MMU_NO_EXECUTE (1ull << 63)
#define MMU_ADDRESS 0x000ffffffffff000ull

/* What the guest may do at an address, and what it comes to. */
struct access {
	uint64_t physical;
	bool write, user, execute;
};

static _Atomic uint64_t *mmu_entry(uint64_t physical)
{
	if (physical < TABLES || physical - TABLES >= TABLES_BYTES)
		fail("the MMU was led out of the guest's tables");
	return (_Atomic uint64_t *)(void *)(ram + (physical - RAM));
}

/* Records an access: never over an entry that was changed since it was read. */
static bool mmu_record(_Atomic uint64_t *entry, uint64_t e, uint64_t bits)
{
	return (e | bits) == e || atomic_compare_exchange_strong(entry, &e, e | bits);
}

/* Translates, and if `record` says so (MMU_ACCESSED, MMU_DIRTY), sets bits in the leaf as for an
 * access or a write. Return: false: page fault. */
static bool mmu_translate(uint64_t va, uint64_t record, struct access *access)
{
	uint64_t table = cr3 & MMU_ADDRESS;
	unsigned shift = 39;

	*access = (struct access){.write = true, .user = true, .execute = true};
	if ((int64_t)(va << 16) >> 16 != (int64_t)va)
		return false;
	for (;;) {
		_Atomic uint64_t *entry = mmu_entry(table + (va >> shift & 511) * 8);
		uint64_t e = atomic_load(entry);

		if (!(e & MMU_PRESENT))
			return false;
		access->write &= !!(e & MMU_WRITE);
		access->user &= !!(e & MMU_USER);
		access->execute &= !(e & MMU_NO_EXECUTE);
		if (shift == 12 || e & MMU_LARGE) {
			uint64_t offset = va & ((1ull << shift) - 1);

			if (!mmu_record(entry, e, record))
				continue;
			access->physical = (e & MMU_ADDRESS & ~((1ull << shift) - 1)) + offset;
			return true;
		}
		table = e & MMU_ADDRESS;
		shift -= 9;
	}
}

/* ---- A vCPU, where there is KVM: the processor's own MMU ---- */

static const unsigned char code[] = {
	0x0f, 0x20, 0xda, /* mov %cr3, %rdx */
	0x0f, 0x22, 0xda, /* mov %rdx, %cr3: translations are forgotten */
	0xff, 0xe7,       /* jmp *%rdi */
	0x48, 0x8b, 0x03, /* mov (%rbx), %rax */
	0xf4,             /* hlt */
	0x48, 0x89, 0x03, /* mov %rax, (%rbx) */
	0xf4,             /* hlt */
};

enum { CODE_FORGET = 0, CODE_READ = 8, CODE_WRITE = 12 };

static struct {
	int kvm, vm, cpu;
	struct kvm_run *run; /* NULL: there is none */
	size_t run_bytes;
	struct kvm_sregs sregs;
	bool forget; /* before anything else */
} vcpu = {.kvm = -1, .vm = -1, .cpu = -1};

/* 64-bit mode, supervisor, with write protection and execute-disable. */
static bool vcpu_reset(void)
{
	const struct kvm_segment data = {.limit = ~0u, .type = 3, .present = 1, .s = 1, .g = 1};
	struct kvm_sregs *sregs = &vcpu.sregs;

	sregs->ds = sregs->es = sregs->ss = data;
	sregs->cs = data;
	sregs->cs.type = 11;
	sregs->cs.l = 1;
	sregs->cr0 = 0x80010031; /* PG, WP, NE, ET, PE */
	sregs->cr3 = cr3;
	sregs->cr4 = 0x20;    /* PAE */
	sregs->efer = 0xd00;  /* NXE, LMA, LME */
	sregs->idt.limit = 0; /* a fault is a triple fault, and ends KVM_RUN */
	return !ioctl(vcpu.cpu, KVM_SET_SREGS, sregs);
}

/* Return: whether there is one. */
static bool vcpu_create(void)
{
	struct kvm_userspace_memory_region memory = {
		.guest_phys_addr = RAM,
		.memory_size = RAM_BYTES,
		.userspace_addr = (uintptr_t)ram,
	};
	void *run;
	int bytes;

	vcpu.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vcpu.kvm < 0)
		return false;
	vcpu.vm = ioctl(vcpu.kvm, KVM_CREATE_VM, 0);
	if (vcpu.vm < 0 || ioctl(vcpu.vm, KVM_SET_USER_MEMORY_REGION, &memory))
		return false;
	vcpu.cpu = ioctl(vcpu.vm, KVM_CREATE_VCPU, 0);
	bytes = ioctl(vcpu.kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (bytes < 0 || ioctl(vcpu.cpu, KVM_GET_SREGS, &vcpu.sregs) || !vcpu_reset())
		return false;
	run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.cpu, 0);
	if (run == MAP_FAILED)
		return false;
	vcpu.run = run;
	vcpu.run_bytes = (size_t)bytes;
	memcpy(ram + (CODE - RAM), code, sizeof(code));
	return true;
}

static void vcpu_destroy(void)
{
	const int fd[] = {vcpu.cpu, vcpu.vm, vcpu.kvm};

	if (vcpu.run)
		munmap(vcpu.run, vcpu.run_bytes);
	for (unsigned i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* Reads, or writes, a word as the guest does. Return: false: page fault. */
static bool vcpu_access(uint64_t va, bool write, uint64_t *word)
{
	struct kvm_regs regs = {.rflags = 2, .rbx = va, .rax = *word};

	regs.rdi = CODE_VA + (write ? CODE_WRITE : CODE_READ);
	regs.rip = vcpu.forget ? CODE_VA + CODE_FORGET : regs.rdi;
	vcpu.forget = false;
	if (ioctl(vcpu.cpu, KVM_SET_REGS, &regs) || ioctl(vcpu.cpu, KVM_RUN, 0))
		fail("the vCPU does not run");
	switch (vcpu.run->exit_reason) {
	case KVM_EXIT_HLT:
		if (ioctl(vcpu.cpu, KVM_GET_REGS, &regs))
			fail("the vCPU does not tell");
		*word = regs.rax;
		return true;
	case KVM_EXIT_SHUTDOWN:
		if (!vcpu_reset())
			fail("the vCPU cannot go on");
		return false;
	default:
		fail("the vCPU came to something else");
	}
}

/* ---- The host ---- */

/* Where the guest's mappings lie: in each half of the address space, where two entries of the
 * root meet. */
#define AREA_BYTES (64 * MIB)
static const uint64_t area[] = {
	512 * GIB - AREA_BYTES / 2,
	0xffff800000000000ull + 512 * GIB - AREA_BYTES / 2,
};

enum { AREAS = sizeof(area) / sizeof(area[0]), AREA_PAGES = AREA_BYTES / PAGE };

static struct gw_env *env;
static struct gw_heap *heap;
static struct gw_pt *pt;
static bool written[AREAS][AREA_PAGES];

/* Guest RAM at an address as aligned as its large pages: a heap's blocks have to be, too. */
static void ram_create(void)
{
	unsigned char *p = mmap(NULL, RAM_BYTES + 2 * MIB, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("no memory for the guest");
	ram = p + (-(uintptr_t)p & (2 * MIB - 1));
	for (uint64_t at = 0; at < DATA_BYTES; at += PAGE)
		*(uint64_t *)(void *)(ram + at) = RAM + at;
}

/* Called by updates, so that the vCPU does not run at this moment, nor the MMU in software: one
 * thread is all of them. A vCPU that runs has to be interrupted here, and waited for until it has
 * forgotten. */
static void invalidate(void *ctx, const struct gw_range *range)
{
	(void)ctx;
	(void)range;
	vcpu.forget = true;
}

static void tables_create(void)
{
	/* Eager: else the environment's thread calls `invalidate` too, when it finds empty tables.
	 */
	struct gw_opts opts = {.policy = GW_POLICY_EAGER, .invalidate = invalidate};
	struct gw_heap_opts tables;

	env = gw_urcu_create(&urcu_memb_flavor);
	if (!env || gw_heap_defaults(0, &tables))
		fail("no memory for the environment");
	tables.env = env;
	tables.base = ram + (TABLES - RAM);
	tables.phys = TABLES;
	tables.max_bytes = TABLES_BYTES;
	if (gw_heap_create(&tables, &heap))
		fail("cannot make a heap in guest RAM");
	opts.env = env;
	opts.heap[0] = heap;
	if (gw_create(&opts, &pt) || gw_map(pt, CODE_VA, PAGE, CODE, GW_READ | GW_EXEC))
		fail("cannot make a page table");
	cr3 = (uintptr_t)pt->root - pt->to_pointer;
}

/* Random pages of an area, or large leaves, of data alone: a guest that can write its tables can
 * lead a walk anywhere. */
static void update(void)
{
	uint64_t unit = random_next() % 3 ? PAGE : 2 * MIB;
	uint64_t bytes = (1 + random_next() % 8) * unit;
	uint64_t start = random_next() % ((AREA_BYTES - bytes) / unit) * unit;
	uint64_t va = area[random_next() % AREAS] + start;
	uint64_t out = RAM + random_next() % ((DATA_BYTES - bytes) / unit) * unit;
	uint32_t attr = GW_READ | (random_next() & (GW_WRITE | GW_EXEC | GW_USER));
	int err;

	switch (random_next() % 4) {
	case 0:
		err = gw_unmap(pt, va, bytes);
		break;
	case 1:
		err = gw_protect(pt, va, bytes, attr);
		break;
	default:
		err = gw_map(pt, va, bytes, out, attr);
	}
	if (err && err != -EEXIST)
		fail("an update failed");
}

/* Whether the MMU and the library say the same of a page. */
static bool agree(uint64_t va, bool *mapped)
{
	struct access access;
	struct gw_leaf leaf;

	*mapped = gw_walk(pt, va, &leaf);
	if (mmu_translate(va, 0, &access) != *mapped)
		return false;
	return !*mapped || (access.physical == leaf.out + (va - leaf.va) &&
			    access.write == !!(leaf.attr & GW_WRITE) &&
			    access.user == !!(leaf.attr & GW_USER) &&
			    access.execute == !!(leaf.attr & GW_EXEC));
}

/* Every page of all areas, and some around them. Return: how many are mapped. */
static uint64_t compare(void)
{
	const uint64_t around = 16 * PAGE;
	uint64_t pages = 0;
	bool mapped;

	for (unsigned i = 0; i < AREAS; i++) {
		urcu_memb_read_lock();
		for (uint64_t at = 0; at < AREA_BYTES + 2 * around; at += PAGE) {
			if (!agree(area[i] - around + at, &mapped))
				fail("the MMU does not see what the library does");
			pages += mapped;
		}
		urcu_memb_read_unlock();
	}
	return pages;
}

/* What the vCPU may do with a page is what the MMU in software says. The first word of a page of
 * data tells where it is. */
static void compare_vcpu(uint64_t va)
{
	struct access access;
	bool mapped = mmu_translate(va, 0, &access);
	uint64_t word = 0;

	if (vcpu_access(va, false, &word) != mapped || (mapped && word != access.physical))
		fail("the vCPU does not read what the MMU in software does");
	if (!(mapped && access.write) && vcpu_access(va, true, &word))
		fail("the vCPU writes where the MMU in software does not");
}

/* The guest writes to a page, if it may, by the vCPU or by the MMU in software. Return: whether. */
static bool guest_write(uint64_t va, bool by_vcpu)
{
	struct access access;
	uint64_t word = 1;

	if (!mmu_translate(va, 0, &access) || !access.write)
		return false;
	if (by_vcpu) {
		if (!vcpu_access(va, true, &word))
			fail("the vCPU does not write where the MMU in software does");
	} else {
		mmu_translate(va, MMU_ACCESSED | MMU_DIRTY, &access);
		ram[access.physical - RAM]++;
	}
	return true;
}

/* A page was written: all pages of that leaf are dirty. */
static void note(unsigned i, uint64_t va)
{
	struct gw_leaf leaf;

	urcu_memb_read_lock();
	if (gw_walk(pt, va, &leaf))
		for (uint64_t at = 0; at < leaf.bytes; at += PAGE)
			written[i][(leaf.va - area[i] + at) / PAGE] = true;
	urcu_memb_read_unlock();
}

static void found(void *ctx, const struct gw_leaf *run)
{
	const unsigned i = *(const unsigned *)ctx;

	for (uint64_t at = 0; at < run->bytes; at += PAGE) {
		bool *page = &written[i][(run->va - area[i] + at) / PAGE];

		if (!*page)
			fail("a page is dirty that was not written");
		*page = false;
	}
}

/* The guest writes to some pages; then the host asks for what was written. */
static void harvest(unsigned i, uint64_t from)
{
	for (unsigned n = 0; n < 100; n++) {
		uint64_t va = area[i] + (from + n * 257) % AREA_PAGES * PAGE + PAGE / 2;

		if (guest_write(va, vcpu.run && n % 16 == 0))
			note(i, va);
	}
	if (gw_harvest(pt, area[i], AREA_BYTES, GW_DIRTY, found, &i))
		fail("cannot harvest");
	for (unsigned page = 0; page < AREA_PAGES; page++)
		if (written[i][page])
			fail("a page was written that is not dirty");
}

/* What the guest does between two updates. The second time it writes it has to forget first that
 * the pages are dirty. A fault resets the vCPU, which may make it forget too, and so comes last. */
static void use(void)
{
	for (unsigned i = 0; i < AREAS; i++) {
		uint64_t from = random_next() % AREA_PAGES;

		harvest(i, from);
		harvest(i, from);
		for (unsigned n = 0; vcpu.run && n < 4; n++)
			compare_vcpu(area[i] + random_next() % AREA_PAGES * PAGE);
	}
}

int main(int argc, char **argv)
{
	unsigned long updates = argc > 1 ? strtoul(argv[1], NULL, 0) : 200;
	struct gw_pt_stats stats;
	uint64_t mapped = 0;

	if (argc > 2 || !updates)
		fail("usage: guest_tables [UPDATES]");
	urcu_memb_register_thread();
	ram_create();
	tables_create();
	if (!vcpu_create())
		printf("no vCPU of KVM: %s\n", strerror(errno));
	for (unsigned long i = 0; i < updates; i++) {
		update();
		mapped = compare();
		use();
	}
	gw_stats(pt, &stats);
	printf("%lu updates; %" PRIu64 " pages mapped by %" PRIu64 " KiB of tables at %#" PRIx64
	       " in guest RAM, CR3 %#" PRIx64 "\n",
	       updates, mapped, stats.table_bytes / KIB, (uint64_t)TABLES, cr3);

	for (unsigned i = 0; i < AREAS; i++)
		if (gw_unmap(pt, area[i], AREA_BYTES))
			fail("cannot unmap");
	gw_unmap(pt, CODE_VA, PAGE);
	gw_urcu_drain(env);
	gw_stats(pt, &stats);
	if (compare() || stats.table_bytes != PAGE)
		fail("something is left");
	vcpu_destroy();
	gw_destroy(pt);
	gw_heap_put(heap);
	gw_urcu_destroy(env);
	urcu_memb_unregister_thread();
	return 0;
}
