/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The page tables of this machine. */
#include "scan_machine.h"
#include "space.h"
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The first that reaches far enough. What a kernel with more bits than a process uses has beyond is
 * a table or two. */
static const struct {
	const char *machine;
	long page_bytes;
	unsigned user_bits; /* of user addresses */
	unsigned levels;    /* below the root, without those above PUD, which VmPTE leaves out */
	const char *format;
} machines[] = {
	{"x86_64", 4096, 56, 3, "x86-64"},        {"aarch64", 4096, 39, 2, "aarch64-4k"},
	{"aarch64", 4096, 52, 3, "aarch64-4k"},   {"aarch64", 16384, 36, 1, "aarch64-16k"},
	{"aarch64", 16384, 47, 2, "aarch64-16k"}, {"aarch64", 16384, 52, 3, "aarch64-16k"},
	{"aarch64", 65536, 42, 1, "aarch64-64k"}, {"aarch64", 65536, 52, 2, "aarch64-64k"},
	{"riscv64", 4096, 38, 2, "sv39"},         {"riscv64", 4096, 56, 3, "sv48"},
	{"s390x", 4096, 42, 2, "s390x"},          {"s390x", 4096, 63, 3, "s390x"},
	{"ppc64", 4096, 52, 3, "ppc64-4k"},       {"ppc64", 65536, 52, 3, "ppc64-64k"},
	{"ppc64le", 4096, 52, 3, "ppc64-4k"},     {"ppc64le", 65536, 52, 3, "ppc64-64k"},
};

const struct gw_format *scan_machine_format(uint64_t top, unsigned *levels)
{
	long page_bytes = sysconf(_SC_PAGESIZE);
	struct utsname uts;

	uname(&uts);
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (!strcmp(uts.machine, machines[i].machine) &&
		    page_bytes == machines[i].page_bytes && top <= 1ull << machines[i].user_bits) {
			*levels = machines[i].levels;
			return gw_format_find(machines[i].format);
		}
	return NULL;
}

bool scan_machine_reclaims(void)
{
	struct space_options options;
	struct utsname uts;
	char thp[] = "";

	uname(&uts);
	space_options_init(&options, SPACE_LINUX,
			   &(const struct trace_meta){.kernel = uts.release,
						      .machine = uts.machine,
						      .thp = thp,
						      .page_size = (uint64_t)sysconf(_SC_PAGESIZE),
						      .address_bits = 47});
	return options.dontneed_reclaims;
}
