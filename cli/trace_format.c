/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The rules of the trace format that hold on both sides: which fields, which values.
 */
#include "trace_format.h"

#include <stdio.h>
#include <string.h>

static const struct trace_kind_rule {
	const char *name;
	unsigned int fields;
} trace_rules[TRACE_KINDS] = {
	[TRACE_EXEC] = {"exec", 0},
	[TRACE_REGION] = {"region", TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_PROT |
					    TRACE_HAS_FLAGS | TRACE_HAS_FILE},
	[TRACE_FAULT] = {"fault", TRACE_HAS_ADDR},
	[TRACE_MMAP] = {"mmap", TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_PROT |
					TRACE_HAS_FLAGS | TRACE_HAS_FILE},
	[TRACE_MUNMAP] = {"munmap", TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN},
	[TRACE_MREMAP] = {"mremap", TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_TO |
					    TRACE_HAS_TO_LEN | TRACE_HAS_FLAGS | TRACE_EMPTY_LEN},
	[TRACE_BRK] = {"brk", TRACE_IS_CALL | TRACE_HAS_ADDR},
	[TRACE_MPROTECT] = {"mprotect",
			    TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_PROT},
	[TRACE_MADVISE] = {"madvise",
			   TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_FLAGS},
	[TRACE_MLOCK] = {"mlock", TRACE_IS_CALL | TRACE_HAS_ADDR | TRACE_HAS_LEN | TRACE_HAS_FLAGS |
					  TRACE_EMPTY_LEN},
	[TRACE_EXIT] = {"exit", 0},
	[TRACE_SAMPLE] = {"sample", TRACE_HAS_TOOK | TRACE_HAS_VALUE},
};

const char *trace_kind_name(enum trace_kind kind)
{
	unsigned int i = kind;

	return i && i < TRACE_KINDS ? trace_rules[i].name : "?";
}

unsigned int trace_kind_fields(unsigned int kind)
{
	return trace_rules[kind].fields;
}

/* FNV-1a: each step is a bijection of the sum, so one changed byte always shows. */
uint64_t trace_sum(const unsigned char *bytes, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

unsigned int trace_page_shift(const struct trace_meta *meta)
{
	return (unsigned int)__builtin_ctzll(meta->page_size);
}

const char *trace_meta_fault(const struct trace_meta *meta)
{
	if (meta->page_size < 4096 || meta->page_size > 65536 ||
	    (meta->page_size & (meta->page_size - 1)))
		return "the page size is not a power of two from 4096 to 65536";
	if (meta->address_bits < 32 || meta->address_bits > 57)
		return "the width of an address is not 32 to 57 bits";
	if (!meta->argc || meta->argc > TRACE_MAX_ARGS)
		return "the command line is empty or has over 4096 words";
	if (meta->status > TRACE_STATUS_UNKNOWN)
		return "the exit status is over 256";
	return NULL;
}

static const char *trace_range_fault(const struct trace_meta *meta, uint64_t addr, uint64_t len,
				     bool empty)
{
	const uint64_t top = UINT64_C(1) << meta->address_bits;

	if ((addr | len) & (meta->page_size - 1))
		return "an address or length is not a multiple of the page size";
	if (addr > top || len > top - addr)
		return "a range reaches past the end of the address space";
	if (!len && !empty)
		return "a range is empty";
	return NULL;
}

static const char *trace_place_fault(const struct trace_state *state,
				     const struct trace_event *event)
{
	if (state->over)
		return "a record follows the exit record";
	if (!state->events && event->kind != TRACE_EXEC)
		return "the first record is not exec";
	if (event->time < state->time || event->time > TRACE_MAX_TIME ||
	    event->took > TRACE_MAX_TIME - event->time || event->lead > event->time)
		return "the time goes backwards or is out of range";
	return NULL;
}

const char *trace_event_fault(const struct trace_meta *meta, const struct trace_state *state,
			      const struct trace_event *event)
{
	const char *fault = trace_place_fault(state, event);
	unsigned int fields;

	if (fault)
		return fault;
	if (!event->kind || event->kind >= TRACE_KINDS)
		return "the record is of no known kind";
	fields = trace_rules[event->kind].fields;
	if (fields & TRACE_HAS_LEN)
		fault = trace_range_fault(meta, event->addr, event->len, fields & TRACE_EMPTY_LEN);
	else if (fields & TRACE_HAS_ADDR)
		fault = trace_range_fault(meta, event->addr,
					  event->kind == TRACE_FAULT ? meta->page_size : 0, true);
	if (!fault && fields & TRACE_HAS_TO)
		fault = trace_range_fault(meta, event->to, event->to_len, false);
	if (!fault && fields & TRACE_HAS_TO && event->to != event->addr &&
	    event->to < event->addr + event->len && event->addr < event->to + event->to_len)
		fault = "a mapping is moved onto itself";
	if (!fault && event->file && !(fields & TRACE_HAS_FILE))
		fault = "the record has the mark of a file where none belongs";
	return fault;
}

void trace_state_step(const struct trace_meta *meta, struct trace_state *state,
		      const struct trace_event *event)
{
	state->time = event->time;
	if (trace_rules[event->kind].fields & TRACE_HAS_ADDR)
		state->page = event->addr >> trace_page_shift(meta);
	state->events++;
	state->over = event->kind == TRACE_EXIT;
}

int trace_error_print(const struct trace_error *error, const char *path, char *line, size_t size)
{
	return snprintf(line, size, "%s: %s (at byte %llu of the %s)", path, error->text,
			(unsigned long long)error->offset,
			error->in_body ? "uncompressed body" : "file");
}
