/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Inside of the trace format that the writer and the reader share; see docs/trace.md.
 */
#ifndef GRACEWALK_CLI_TRACE_FORMAT_H
#define GRACEWALK_CLI_TRACE_FORMAT_H

#include "trace.h"

#define TRACE_MAGIC "\x89GWT\r\n\x1a\n"
#define TRACE_MAGIC_SIZE 8u
#define TRACE_VERSION 1u
#define TRACE_FILE_BIT 0x80u /* of the kind's byte: backed by a file */
#define TRACE_VARINT_MAX 10u /* bytes of the longest number */
#define TRACE_RECORD_MAX (1 + 9 * TRACE_VARINT_MAX)

/* Offsets of the fixed header's fields; all are little-endian. */
enum trace_header_offset {
	TRACE_AT_VERSION = 8,
	TRACE_AT_FLAGS = 12,
	TRACE_AT_BODY = 16,
	TRACE_AT_PACKED = 24,
	TRACE_AT_EVENTS = 32,
	TRACE_AT_DATA_SUM = 40,
	TRACE_AT_RESERVED = 48,
	TRACE_AT_HEADER_SUM = 56,
};

/* The fields a record can have, in the order in which they are stored. */
enum trace_field {
	TRACE_HAS_TOOK = 1 << 0,
	TRACE_HAS_ADDR = 1 << 1,
	TRACE_HAS_LEN = 1 << 2,
	TRACE_HAS_TO = 1 << 3,
	TRACE_HAS_TO_LEN = 1 << 4,
	TRACE_HAS_PROT = 1 << 5,
	TRACE_HAS_FLAGS = 1 << 6,
	TRACE_HAS_VALUE = 1 << 7,
	TRACE_HAS_FILE = 1 << 8,
	TRACE_EMPTY_LEN = 1 << 9, /* a length of 0 is allowed */
	TRACE_HAS_LEAD = 1 << 10, /* stands before TOOK */
	TRACE_IS_CALL = TRACE_HAS_LEAD | TRACE_HAS_TOOK,
};

/* What the coding of the next record depends on. */
struct trace_state {
	uint64_t time; /* of the record before */
	uint64_t page; /* address of the record before, in pages */
	uint64_t events;
	bool over; /* an EXIT was seen */
};

unsigned int trace_kind_fields(unsigned int kind);

/** trace_meta_fault() - What is wrong with the metadata; NULL when nothing is. */
const char *trace_meta_fault(const struct trace_meta *meta);

/** trace_event_fault() - What is wrong with an event at this place; NULL when nothing is. */
const char *trace_event_fault(const struct trace_meta *meta, const struct trace_state *state,
			      const struct trace_event *event);

/** trace_state_step() - Move past an event that has no fault. */
void trace_state_step(const struct trace_meta *meta, struct trace_state *state,
		      const struct trace_event *event);

uint64_t trace_sum(const unsigned char *bytes, size_t size);
unsigned int trace_page_shift(const struct trace_meta *meta);

static inline uint64_t trace_get_u64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static inline void trace_put_u64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

/* A signed difference as a number whose small values are the small differences. */
static inline uint64_t trace_zigzag(uint64_t to, uint64_t from)
{
	uint64_t d = to - from;

	return d << 1 ^ (d >> 63 ? ~UINT64_C(0) : 0);
}

static inline uint64_t trace_unzigzag(uint64_t z, uint64_t from)
{
	return from + (z >> 1 ^ (z & 1 ? ~UINT64_C(0) : 0));
}

#endif
