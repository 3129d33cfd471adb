/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Between a harness and who runs it: a checker (checker.h), threads (native.c), or the emulation of
 * weak orders (weak.c). */
#ifndef GRACEWALK_TESTS_MODEL_RUN_H
#define GRACEWALK_TESTS_MODEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_THREADS = 5 }; /* the first one alone in setup and end */

/* One small program, of one to four threads. */
struct model {
	void (*setup)(void);
	void (*thread[MODEL_THREADS - 1])(void);
	void (*end)(void);
};

/* Each harness has one. */
extern const struct model model;

/* All that threads share is marked MODEL_SHARED, and begins as zeroes: who repeats a harness zeroes
 * it before each run. */
#ifdef GW_C11_CHECKER
#include "checker.h"
#else
#define MODEL_SHARED __attribute__((section("model_shared")))
extern char __start_model_shared[], __stop_model_shared[];

unsigned model_self(void); /* the calling thread: 0 in setup and end, then 1 and up */
void model_relax(void);    /* called over and over until another thread has done something */
void model_pause(void);    /* a place that is worth being held up at */
_Noreturn void model_wrong(const char *what, const char *file, int line);
#define model_check(what) ((what) ? (void)0 : model_wrong(#what, __FILE__, __LINE__))
#endif

#endif
