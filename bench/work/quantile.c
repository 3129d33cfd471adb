/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Quantiles of what single operations took. */
#include "work.h"

/* The k-th smallest of n, by Hoare's selection; moves them about. */
static uint32_t smallest(uint32_t *ticks, size_t n, size_t k)
{
	size_t low = 0, high = n - 1;

	while (low < high) {
		uint32_t pivot = ticks[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;; i++, j--) {
			uint32_t t;

			while (ticks[i] < pivot)
				i++;
			while (ticks[j] > pivot)
				j--;
			if (i >= j)
				break;
			t = ticks[i];
			ticks[i] = ticks[j];
			ticks[j] = t;
		}
		if (k <= j)
			high = j;
		else
			low = j + 1;
	}
	return ticks[low];
}

double work_quantile(uint32_t *ticks, size_t n, double part)
{
	return n ? smallest(ticks, n, (size_t)(part * (double)(n - 1))) / work_ticks_per_ns() : 0;
}
