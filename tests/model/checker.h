/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Runs a harness under a stateless model checker: once, with threads made in a fixed order. A wait
 * is an assumption: executions in which it would have to go on are covered by those in which what
 * is waited for has happened. */
#ifndef GRACEWALK_TESTS_MODEL_CHECKER_H
#define GRACEWALK_TESTS_MODEL_CHECKER_H

#include <assert.h>
#include <pthread.h>

void __VERIFIER_assume(int condition);

#define MODEL_SHARED
#define model_check(what) assert(what)

static _Thread_local unsigned model_number;

static inline unsigned model_self(void)
{
	return model_number;
}

static inline void model_relax(void)
{
	__VERIFIER_assume(0);
}

static inline void model_pause(void)
{
}

static void *model_run(void *number)
{
	model_number = (unsigned)(uintptr_t)number;
	model.thread[model_number - 1]();
	return NULL;
}

int main(void)
{
	pthread_t thread[MODEL_THREADS - 1];

	model.setup();
	for (uintptr_t i = 0; i < MODEL_THREADS - 1 && model.thread[i]; i++)
		pthread_create(&thread[i], NULL, model_run, (void *)(i + 1));
	for (unsigned i = 0; i < MODEL_THREADS - 1 && model.thread[i]; i++)
		pthread_join(thread[i], NULL);
	model.end();
	return 0;
}

#endif
