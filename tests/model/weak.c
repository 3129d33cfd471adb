/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Runs a harness, over and over, on an emulation of C11's orders of memory: what a weakly ordered
 * machine may show is shown here on any.
 *
 * The harness is compiled with -fsanitize=thread, by which the compiler calls a function at each
 * access to memory; here these functions are not ThreadSanitizer's. Threads are contexts that this
 * file switches between, and only at atomic operations. What can go one way or another - who runs
 * next, and which of the values that a load may see it sees - is a choice, and a run is the list of
 * its choices. Either they are random, or all lists are gone through that deviate from the plain
 * ones (nobody is interrupted, the newest value is seen) so many times.
 *
 * Each atomic location has the list of its stores. A thread's view says from which store on it may
 * still see them, and of each thread how much has happened before. A store with release leaves the
 * storing thread's view with the value, a load with acquire adds it to its own; an operation that
 * reads and writes reads the last store, and passes on its view. An access that is not atomic, and
 * did not happen after another's that one of the two wrote, is a data race, and wrong.
 *
 * Weaker than this C11 is in three points, that are not emulated: a store comes last in its
 * location's list when it is made; a load sees no store that is yet to be made; an operation that
 * is sequentially consistent is as strong as one between two fences. So a fault may be missed. What
 * is reported is allowed by C11.
 *
 * usage: harness [random SECONDS | all SWITCHES OLD SECONDS | replay CHOICES] */
#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

enum {
	SHARED_MAX = 1 << 15, /* bytes that threads share */
	LOCS = 512,           /* atomic locations in one run */
	STORES = 256,         /* to one location */
	VIEWS = 8192,
	CHOICES = 1 << 14,
	OPERATIONS = 1 << 14, /* in one run, that are atomic: more are a loop without end */
	STACK = 64 << 10,
};

/* ---- Wrong ---- */

static struct {
	uint16_t of[CHOICES], made[CHOICES]; /* among how many; which */
	unsigned n;
} choices;

_Noreturn void model_wrong(const char *what, const char *file, int line)
{
	printf("WRONG: %s:%d: %s\nchoices: ", file, line, what);
	for (unsigned i = 0; i < choices.n; i++)
		printf("%u%c", choices.made[i], i + 1 < choices.n ? ',' : '\n');
	fflush(stdout);
	_Exit(1);
}

/* What this file has no room for, or does not emulate: no finding. */
static _Noreturn void unable(const char *what)
{
	printf("the emulation: %s\n", what);
	fflush(stdout);
	_Exit(2);
}

/* ---- Choices ---- */

enum mode { RANDOM, ALL, REPLAY };
enum kind { SWITCH, OLD, FREE };

static enum mode mode;
static unsigned replayed;         /* of the choices, so many are made already */
static unsigned most[2], left[2]; /* deviations of a run: SWITCH, OLD */
static unsigned odds[2] = {8, 4}; /* of one, in a random run */
static uint64_t random_state;

static uint32_t random_number(void)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33);
}

/* Return: a number below n; 0 is the plain choice, unless all are equal (FREE). */
static unsigned choose(enum kind kind, unsigned n)
{
	unsigned at = choices.n, made = 0;

	if (n == 1)
		return 0;
	if (at == CHOICES)
		unable("too many choices");
	if (mode == ALL && kind != FREE && !left[kind])
		n = 1; /* noted all the same, so that lists mean the same in every mode */
	if (at < replayed)
		made = choices.made[at];
	else if (mode == RANDOM && kind == FREE)
		made = random_number() % n;
	else if (mode == RANDOM && random_number() % odds[kind] == 0)
		made = 1 + random_number() % (n - 1);
	if (mode == ALL && kind != FREE && made)
		left[kind]--;
	choices.of[at] = (uint16_t)n;
	choices.made[at] = (uint16_t)made;
	choices.n++;
	return made;
}

/* The next list of choices. Return: false: there is none. */
static bool next_choices(void)
{
	while (choices.n && choices.made[choices.n - 1] + 1 == choices.of[choices.n - 1])
		choices.n--;
	if (!choices.n)
		return false;
	choices.made[choices.n - 1]++;
	return true;
}

/* ---- Views ---- */

struct view {
	uint32_t happened[MODEL_THREADS]; /* of each thread, so many operations */
	uint32_t from[LOCS];              /* of each location, the first store that may be seen */
};

struct store {
	uint64_t value;
	struct view *view; /* NULL: leaves none */
};

struct loc {
	uintptr_t at;
	unsigned bytes;
	uint32_t n, first;              /* stores; those before `first` nobody may see */
	bool stale;                     /* the value was written by an access that is not atomic */
	uint32_t loaded[MODEL_THREADS]; /* by each thread, when: its operations until then */
	uint32_t stored[MODEL_THREADS];
	struct store store[STORES];
};

/* What is known of a byte beside what is in its location. */
struct byte {
	uint32_t loaded[MODEL_THREADS]; /* by accesses that are not atomic */
	uint32_t stored;
	uint8_t stored_by;
	uint16_t loc; /* + 1 */
};

static struct view view[MODEL_THREADS], strongest, pool[VIEWS];
static unsigned npool, nlocs;
static struct loc locs[LOCS];
static struct byte bytes[SHARED_MAX];

static void view_add(struct view *to, const struct view *from)
{
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		if (to->happened[i] < from->happened[i])
			to->happened[i] = from->happened[i];
	for (unsigned i = 0; i < nlocs; i++)
		if (to->from[i] < from->from[i])
			to->from[i] = from->from[i];
}

static struct view *view_new(void)
{
	struct view *new = &pool[npool];

	if (++npool == VIEWS)
		unable("too many views");
	memset(new->happened, 0, sizeof(new->happened));
	memset(new->from, 0, sizeof(new->from));
	return new;
}

/* ---- Threads ---- */

static struct thread {
	ucontext_t context;
	bool live;
	bool waits;         /* until something is stored */
	bool looked;        /* in vain, */
	uint64_t looked_at; /* after so many stores */
	bool fresh;         /* its next load sees the newest value */
} threads[MODEL_THREADS];
static unsigned self, nthreads;
static uint64_t nstores;
static unsigned noperations;
static unsigned char stacks[MODEL_THREADS][STACK];

unsigned model_self(void)
{
	return self;
}

void model_pause(void)
{
}

static void switch_to(unsigned to)
{
	unsigned from = self;

	self = to;
	if (to != from)
		swapcontext(&threads[from].context, &threads[to].context);
}

static bool runnable(unsigned i)
{
	return threads[i].live && !(threads[i].waits && threads[i].looked_at == nstores);
}

/* Lets one of the others run. Return: false: none can. */
static bool let_run(enum kind kind)
{
	unsigned others[MODEL_THREADS], n = 0, chosen;

	if (kind == SWITCH)
		others[n++] = self;
	for (unsigned i = 1; i <= nthreads; i++)
		if (i != self && runnable(i))
			others[n++] = i;
	if (!n)
		return false;
	chosen = choose(kind, n);
	switch_to(others[chosen]);
	return true;
}

/* Stores are seen in the end: so once after each the caller looks again, at the newest value. */
void model_relax(void)
{
	struct thread *t = &threads[self];

	if (t->looked && t->looked_at == nstores) {
		t->waits = true;
		if (!let_run(FREE))
			model_wrong("all threads wait", "shared", 0);
		t->waits = false;
	}
	t->looked = t->fresh = true;
	t->looked_at = nstores;
}

static void thread_main(void)
{
	model.thread[self - 1]();
	threads[self].live = false;
	if (let_run(FREE))
		abort();
	for (unsigned i = 1; i <= nthreads; i++)
		if (threads[i].live)
			model_wrong("all threads wait", "shared", 0);
	switch_to(0);
	abort();
}

/* ---- Accesses that are not atomic ---- */

static bool is_shared(uintptr_t at)
{
	return at - (uintptr_t)__start_model_shared <
	       (uintptr_t)(__stop_model_shared - __start_model_shared);
}

static struct byte *byte_at(uintptr_t at)
{
	return &bytes[at - (uintptr_t)__start_model_shared];
}

static bool all_before(const uint32_t when[MODEL_THREADS])
{
	for (unsigned i = 0; i < MODEL_THREADS; i++)
		if (when[i] > view[self].happened[i])
			return false;
	return true;
}

static bool stored_before(const struct byte *b)
{
	return b->stored <= view[self].happened[b->stored_by];
}

static _Noreturn void race(uintptr_t at, const char *what)
{
	char text[80];

	snprintf(text, sizeof(text), "data race: %s of shared byte %zu by thread %u", what,
		 (size_t)(at - (uintptr_t)__start_model_shared), self);
	model_wrong(text, "shared", 0);
}

static void plain_load(uintptr_t at, size_t n)
{
	for (; n && is_shared(at); n--, at++) {
		struct byte *b = byte_at(at);

		if (!stored_before(b) || (b->loc && !all_before(locs[b->loc - 1].stored)))
			race(at, "load");
		b->loaded[self] = view[self].happened[self];
	}
}

static void plain_store(uintptr_t at, size_t n)
{
	for (; n && is_shared(at); n--, at++) {
		struct byte *b = byte_at(at);
		struct loc *loc = b->loc ? &locs[b->loc - 1] : NULL;

		if (!stored_before(b) || !all_before(b->loaded) ||
		    (loc && !(all_before(loc->stored) && all_before(loc->loaded))))
			race(at, "store");
		b->stored = view[self].happened[self];
		b->stored_by = (uint8_t)self;
		if (loc)
			loc->stale = true;
	}
}

/* ---- Atomic accesses ---- */

static uint64_t memory(const struct loc *loc)
{
	const void *at = (const void *)loc->at;

	switch (loc->bytes) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return *(const volatile uint16_t *)at;
	case 4:
		return *(const volatile uint32_t *)at;
	default:
		return *(const volatile uint64_t *)at;
	}
}

static void memory_set(const struct loc *loc, uint64_t value)
{
	void *at = (void *)loc->at;

	switch (loc->bytes) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(volatile uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(volatile uint64_t *)at = value;
	}
}

static struct store *store_add(struct loc *loc, uint64_t value, struct view *left_view)
{
	if (loc->n == STORES)
		unable("too many stores to one location");
	loc->store[loc->n] = (struct store){.value = value, .view = left_view};
	return &loc->store[loc->n++];
}

static struct loc *loc_at(uintptr_t at, unsigned n)
{
	struct byte *b = byte_at(at);
	struct loc *loc;

	if (!is_shared(at))
		unable("an atomic object that is not marked as shared");
	if (!b->loc) {
		if (nlocs == LOCS)
			unable("too many locations");
		loc = &locs[nlocs++];
		memset(loc, 0, offsetof(struct loc, store));
		loc->at = at;
		loc->bytes = n;
		loc->stale = true;
		for (unsigned i = 0; i < n; i++)
			b[i].loc = (uint16_t)nlocs;
	}
	loc = &locs[b->loc - 1];
	if (loc->at != at || loc->bytes != n)
		unable("atomic operations of several sizes at one place");
	return loc;
}

static bool acquires(int order)
{
	return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
	       order == __ATOMIC_SEQ_CST || order == __ATOMIC_CONSUME;
}

static bool releases(int order)
{
	return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static void fence(int order)
{
	if (order != __ATOMIC_SEQ_CST)
		return;
	view_add(&view[self], &strongest);
	view_add(&strongest, &view[self]);
}

/* Before each operation: others may run; then it is checked against accesses that are not atomic.
 */
static struct loc *begin(volatile void *p, unsigned n, int order, bool stores)
{
	uintptr_t at = (uintptr_t)p;
	struct loc *loc;

	if (++noperations == OPERATIONS)
		model_wrong("it does not end", "shared", 0);
	if (self)
		let_run(SWITCH);
	loc = loc_at(at, n);
	for (unsigned i = 0; i < n; i++) {
		const struct byte *b = byte_at(at + i);

		if (!stored_before(b) || (stores && !all_before(b->loaded)))
			race(at, stores ? "atomic store" : "atomic load");
	}
	if (loc->stale) {
		loc->stale = false;
		loc->first = loc->n;
		store_add(loc, memory(loc), NULL);
	}
	view[self].happened[self]++;
	(stores ? loc->stored : loc->loaded)[self] = view[self].happened[self];
	fence(order);
	return loc;
}

static unsigned number_of(const struct loc *loc)
{
	return (unsigned)(loc - locs);
}

static void saw(const struct loc *loc, uint32_t index, int order)
{
	view[self].from[number_of(loc)] = index;
	if (acquires(order) && loc->store[index].view)
		view_add(&view[self], loc->store[index].view);
	threads[self].fresh = false;
}

static uint64_t do_load(volatile void *p, unsigned n, int order)
{
	struct loc *loc = begin(p, n, order, false);
	uint32_t from = view[self].from[number_of(loc)];
	uint32_t index = loc->n - 1;

	if (from < loc->first)
		from = loc->first;
	if (!threads[self].fresh)
		index -= choose(OLD, loc->n - from);
	saw(loc, index, order);
	return loc->store[index].value;
}

/* A store after `before`, whose view it passes on; NULL: after none. */
static void put(struct loc *loc, uint64_t value, int order, const struct store *before)
{
	struct view *left_view = NULL;

	view[self].from[number_of(loc)] = loc->n;
	if (releases(order) || (before && before->view)) {
		left_view = view_new();
		if (releases(order))
			view_add(left_view, &view[self]);
		if (before && before->view)
			view_add(left_view, before->view);
	}
	store_add(loc, value, left_view);
	view[self].happened[self]++; /* what comes from here on did not happen before */
	memory_set(loc, value);
	nstores++;
	if (order == __ATOMIC_SEQ_CST)
		view_add(&strongest, &view[self]);
}

static void do_store(volatile void *p, unsigned n, uint64_t value, int order)
{
	put(begin(p, n, order, true), value, order, NULL);
}

enum change { EXCHANGE, ADD, SUB, AND, OR, XOR };

static uint64_t changed(uint64_t old, uint64_t value, enum change change)
{
	switch (change) {
	case ADD:
		return old + value;
	case SUB:
		return old - value;
	case AND:
		return old & value;
	case OR:
		return old | value;
	case XOR:
		return old ^ value;
	default:
		return value;
	}
}

static uint64_t do_change(volatile void *p, unsigned n, uint64_t value, int order,
			  enum change change)
{
	struct loc *loc = begin(p, n, order, true);
	const struct store *last = &loc->store[loc->n - 1];
	uint64_t old = last->value;

	saw(loc, loc->n - 1, order);
	put(loc, changed(old, value, change), order, last);
	return old;
}

/* One that fails is a load, and may have seen any value that differs. */
static bool do_compare(volatile void *p, unsigned n, uint64_t *expected, uint64_t value, int order,
		       int fail_order)
{
	struct loc *loc = begin(p, n, order, true);
	const struct store *last = &loc->store[loc->n - 1];
	uint32_t from = view[self].from[number_of(loc)], index = loc->n - 1, back = 0;

	if (from < loc->first)
		from = loc->first;
	while (index > from && loc->store[index - 1].value != *expected)
		index--;
	if (!threads[self].fresh)
		back = choose(OLD, loc->n - index);
	index = loc->n - 1 - back;
	if (!back && last->value == *expected) {
		saw(loc, index, order);
		put(loc, value, order, last);
		return true;
	}
	saw(loc, index, fail_order);
	*expected = loc->store[index].value;
	return false;
}

/* ---- What the compiler calls, and nobody else ---- */

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void)
{
}

#define PLAIN(n)                                \
	void __tsan_read##n(void *p)            \
	{                                       \
		plain_load((uintptr_t)p, n);    \
	}                                       \
	void __tsan_write##n(void *p)           \
	{                                       \
		plain_store((uintptr_t)p, n);   \
	}                                       \
	void __tsan_unaligned_read##n(void *p)  \
	{                                       \
		plain_load((uintptr_t)p, n);    \
	}                                       \
	void __tsan_unaligned_write##n(void *p) \
	{                                       \
		plain_store((uintptr_t)p, n);   \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, size_t n)
{
	plain_load((uintptr_t)p, n);
}

void __tsan_write_range(void *p, size_t n)
{
	plain_store((uintptr_t)p, n);
}

#define CHANGE(bits, name, change)                                                     \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *p,        \
						    uint##bits##_t value, int order)   \
	{                                                                              \
		return (uint##bits##_t)do_change(p, (bits) / 8, value, order, change); \
	}

#define ATOMIC(bits)                                                                           \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int order) \
	{                                                                                      \
		return (uint##bits##_t)do_load((volatile void *)p, (bits) / 8, order);         \
	}                                                                                      \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *p, uint##bits##_t value,     \
					 int order)                                            \
	{                                                                                      \
		do_store(p, (bits) / 8, value, order);                                         \
	}                                                                                      \
	int __tsan_atomic##bits##_compare_exchange_strong(                                     \
		volatile uint##bits##_t *p, uint##bits##_t *expected, uint##bits##_t value,    \
		int order, int fail_order)                                                     \
	{                                                                                      \
		uint64_t wide = *expected;                                                     \
		bool done = do_compare(p, (bits) / 8, &wide, value, order, fail_order);        \
		*expected = (uint##bits##_t)wide;                                              \
		return done;                                                                   \
	}                                                                                      \
	/* clang's: what was there is the answer. */                                           \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                             \
		volatile uint##bits##_t *p, uint##bits##_t expected, uint##bits##_t value,     \
		int order, int fail_order)                                                     \
	{                                                                                      \
		uint64_t wide = expected;                                                      \
		do_compare(p, (bits) / 8, &wide, value, order, fail_order);                    \
		return (uint##bits##_t)wide;                                                   \
	}                                                                                      \
	CHANGE(bits, exchange, EXCHANGE)                                                       \
	CHANGE(bits, fetch_add, ADD)                                                           \
	CHANGE(bits, fetch_sub, SUB)                                                           \
	CHANGE(bits, fetch_and, AND)                                                           \
	CHANGE(bits, fetch_or, OR)                                                             \
	CHANGE(bits, fetch_xor, XOR)

ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

/* ---- Runs ---- */

static void run(void)
{
	size_t shared = (size_t)(__stop_model_shared - __start_model_shared);

	if (shared > SHARED_MAX)
		unable("too much is shared");
	memset(__start_model_shared, 0, shared);
	memset(bytes, 0, shared * sizeof(bytes[0]));
	memset(view, 0, sizeof(view));
	memset(&strongest, 0, sizeof(strongest));
	npool = nlocs = 0;
	nstores = 0;
	noperations = 0;
	choices.n = 0;
	left[SWITCH] = most[SWITCH];
	left[OLD] = most[OLD];
	self = 0;
	model.setup();
	for (unsigned i = 1; i <= nthreads; i++) {
		struct thread *t = &threads[i];

		t->live = true;
		t->waits = t->looked = t->fresh = false;
		view[i] = view[0];
		view[i].happened[i] = 1;
		getcontext(&t->context);
		t->context.uc_stack.ss_sp = stacks[i];
		t->context.uc_stack.ss_size = STACK;
		t->context.uc_link = NULL;
		makecontext(&t->context, thread_main, 0);
	}
	view[0].happened[0]++; /* what setup did comes before the threads, what end does after */
	let_run(FREE);
	for (unsigned i = 1; i <= nthreads; i++)
		view_add(&view[0], &view[i]);
	model.end();
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Return: the number of runs. */
static uint64_t run_random(double until)
{
	uint64_t n = 0;

	for (; now() < until; n++) {
		random_state = (n + 1) * 0x9e3779b97f4a7c15u;
		odds[SWITCH] = 2u << random_number() % 6;
		odds[OLD] = 2u << random_number() % 4;
		run();
	}
	return n;
}

/* In *done: whether these were all that there are. */
static uint64_t run_all(double until, bool *done)
{
	uint64_t n = 0;

	for (replayed = 0; now() < until; replayed = choices.n) {
		run();
		n++;
		*done = !next_choices();
		if (*done)
			break;
	}
	return n;
}

static void replay(const char *list)
{
	char *end;

	for (; *list; list = *end ? end + 1 : end)
		choices.made[replayed++] = (uint16_t)strtoul(list, &end, 10);
	run();
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "random";
	bool done = true;
	uint64_t n = 1;

	while (nthreads < MODEL_THREADS - 1 && model.thread[nthreads])
		nthreads++;
	if (!strcmp(how, "all") && argc == 5) {
		mode = ALL;
		most[SWITCH] = (unsigned)atoi(argv[2]);
		most[OLD] = (unsigned)atoi(argv[3]);
		n = run_all(now() + atof(argv[4]), &done);
	} else if (!strcmp(how, "replay") && argc == 3) {
		mode = REPLAY;
		replay(argv[2]);
	} else {
		n = run_random(now() + (argc > 2 ? atof(argv[2]) : 1));
	}
	printf("%llu runs%s\n", (unsigned long long)n,
	       mode == ALL ? done ? ", all there are" : ", not all: out of time" : "");
	return 0;
}
