/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the fuzz targets share: the input, taken bit by bit, and what has to hold of it. */
#ifndef GRACEWALK_TESTS_FUZZ_INPUT_H
#define GRACEWALK_TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void hold(bool ok)
{
	if (!ok)
		abort();
}

struct input {
	const uint8_t *data;
	size_t left;
};

/* The next bytes, up to eight; zeroes for those that are missing. */
static inline uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	if (bytes > input->left)
		bytes = input->left;
	memcpy(&value, input->data, bytes);
	input->data += bytes;
	input->left -= bytes;
	return value;
}

#endif
