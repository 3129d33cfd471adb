/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * What the formats of MMUs have in common: output addresses count up, leaves are aligned to their
 * size, the addresses of some have a sign. Included by a format after its constants. */
#ifndef GRACEWALK_FORMAT_MMU_H
#define GRACEWALK_FORMAT_MMU_H

static inline unsigned gw_fmt_shift(unsigned level);

static inline uint64_t gw_fmt_offset_mask(unsigned level)
{
	return (1ull << gw_fmt_shift(level)) - 1;
}

static inline bool gw_fmt_aligned(uint64_t out, unsigned level)
{
	return !(out & gw_fmt_offset_mask(level));
}

static inline uint64_t gw_fmt_advance(uint64_t out, uint64_t bytes)
{
	return out + bytes;
}

/* With GW_FMT_SIGNED the bits from GW_VA_BITS - 1 up are all equal, else those from GW_VA_BITS up
 * are zero. */
static inline uint64_t gw_fmt_canonical(uint64_t low)
{
	const uint64_t sign = GW_FMT_SIGNED ? 1ull << (GW_VA_BITS - 1) : 0;

	return (low ^ sign) - sign;
}

#endif
