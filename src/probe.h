/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Probes: places where a tracer or a debugger can hook in while a program runs. */
#ifndef GW_PROBE_H
#define GW_PROBE_H

/* GW_PROBE(name, argument...) is a no-operation of one byte with a note in the object file that
 * says where it is and where its arguments are at that moment (user-space statically defined
 * tracing). gracewalk-probes(7) says what each means. A build with -DGW_PROBES has them, and then
 * needs sys/sdt.h, which is macros alone; to every other build, and to model checkers, they are
 * nothing.
 *
 * An argument is a value that the code around has at hand, since it is evaluated whether anybody
 * listens or not. Who listens takes his time, so that probes stand outside locks, but for those of
 * a new table in a split; and walks have none. */
#ifdef GW_PROBES
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define GW_PROBE(...) STAP_PROBEV(gracewalk, __VA_ARGS__)
#else
#define GW_PROBE(...) ((void)0)
#endif

/* What a deferred call is for: the last argument of grace_begin and grace_end. */
enum {
	GRACE_TABLES = 1, /* to turn tables free */
	GRACE_LEAVES,     /* to release leaves */
	GRACE_SWEEP,      /* to look at empty tables again */
	GRACE_TRIM,       /* to look at spare blocks again */
	GRACE_DESTROY,    /* the end of a page table */
};

#endif
