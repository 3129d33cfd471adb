/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Fuzz target of traces: whatever the bytes are, a trace is refused with a reason or read to its
 * end, by an address space too; and what was read is written as the same trace.
 *
 * Input: a byte whose lowest bit says what the rest is. 0: a file, of which the sums are put right.
 * 1: the number of records, 8 bytes, little-endian, and an uncompressed body, of which a file is
 * made. Whatever does not hold traps. */
#include "input.h"
#include "space.h"
#include "trace_format.h"
#include <errno.h>
#include <zstd.h>

/* Of an address space: a body of a few bytes may ask for every page there is. */
enum { CALLS_MAX = 10000 };

struct file {
	unsigned char *bytes;
	size_t size;
};

/* ---- Input ---- */

static void put_sums_right(struct file *file)
{
	unsigned char *b = file->bytes;

	if (file->size < TRACE_HEADER_SIZE)
		return;
	trace_put_u64(b + TRACE_AT_DATA_SUM,
		      trace_sum(b + TRACE_HEADER_SIZE, file->size - TRACE_HEADER_SIZE));
	trace_put_u64(b + TRACE_AT_HEADER_SUM, trace_sum(b, TRACE_AT_HEADER_SUM));
}

/* In memory of just that size, so that a byte too many is noticed. */
static struct file as_it_is(const uint8_t *data, size_t size)
{
	struct file file = {malloc(size ? size : 1), size};

	hold(file.bytes);
	memcpy(file.bytes, data, size);
	put_sums_right(&file);
	return file;
}

static struct file around_body(const uint8_t *body, size_t size, uint64_t records)
{
	size_t room = ZSTD_compressBound(size), packed;
	struct file file = {calloc(1, TRACE_HEADER_SIZE + room), 0};

	hold(file.bytes);
	packed = ZSTD_compress(file.bytes + TRACE_HEADER_SIZE, room, body, size, 1);
	hold(!ZSTD_isError(packed));
	file.size = TRACE_HEADER_SIZE + packed;
	memcpy(file.bytes, TRACE_MAGIC, TRACE_MAGIC_SIZE);
	trace_put_u64(file.bytes + TRACE_AT_VERSION, TRACE_VERSION);
	trace_put_u64(file.bytes + TRACE_AT_BODY, size);
	trace_put_u64(file.bytes + TRACE_AT_PACKED, packed);
	trace_put_u64(file.bytes + TRACE_AT_EVENTS, records);
	put_sums_right(&file);
	return file;
}

/* ---- An address space ---- */

static void inside(const struct trace_meta *meta, uint64_t addr, uint64_t len)
{
	uint64_t top = 1ull << meta->address_bits;

	hold(!((addr | len) & (meta->page_size - 1)));
	hold(addr <= top && len <= top - addr);
}

struct calls {
	const struct trace_meta *meta;
	unsigned n;
};

static int count(struct calls *calls, uint64_t addr, uint64_t len)
{
	inside(calls->meta, addr, len);
	return ++calls->n > CALLS_MAX ? -ENOMEM : 0;
}

static int on_range(void *ctx, uint64_t addr, uint64_t len)
{
	return count(ctx, addr, len);
}

static int on_pages(void *ctx, uint64_t addr, uint64_t len, uint32_t prot)
{
	(void)prot;
	return count(ctx, addr, len);
}

static int on_move(void *ctx, uint64_t from, uint64_t to, uint64_t len)
{
	int err = count(ctx, from, len);

	return err ? err : count(ctx, to, len);
}

static void apply_all(struct trace *trace, enum space_policy policy)
{
	struct calls calls = {trace_meta(trace), 0};
	struct space_options options;
	struct trace_event event;
	struct space *space;
	int err;

	space_options_init(&options, policy, calls.meta);
	options.ops = (struct space_ops){
		.map = on_pages,
		.unmap = on_range,
		.protect = on_pages,
		.move = on_move,
		.reclaim = on_range,
		.reserve = on_range,
	};
	options.ctx = &calls;
	err = space_create(&options, &space);
	if (err)
		return;
	trace_rewind(trace);
	while (!err && trace_next(trace, &event))
		err = space_apply(space, &event);
	hold(!err || err == -ENOMEM || err == -E2BIG);
	space_destroy(space);
}

/* ---- Reading and writing ---- */

static void write_again(struct trace *trace, struct trace_writer *writer)
{
	struct trace_event event;
	uint64_t n = 0;

	trace_rewind(trace);
	for (; trace_next(trace, &event); n++) {
		hold(strcmp(trace_kind_name(event.kind), "?"));
		inside(trace_meta(trace), event.addr, event.len);
		inside(trace_meta(trace), event.to, event.to_len);
		hold(!trace_writer_add(writer, &event));
	}
	hold(n == trace_count(trace));
}

/* Equal traces have equal bodies. */
static void same_body(const struct file *a, const struct file *b)
{
	uint64_t size = trace_get_u64(a->bytes + TRACE_AT_BODY);
	unsigned char *body = malloc(2 * size);

	hold(body && size == trace_get_u64(b->bytes + TRACE_AT_BODY));
	hold(ZSTD_decompress(body, size, a->bytes + TRACE_HEADER_SIZE,
			     a->size - TRACE_HEADER_SIZE) == size);
	hold(ZSTD_decompress(body + size, size, b->bytes + TRACE_HEADER_SIZE,
			     b->size - TRACE_HEADER_SIZE) == size);
	hold(!memcmp(body, body + size, size));
	free(body);
}

static void round_trip(struct trace *trace, const struct file *file)
{
	struct trace_writer *writer;
	struct file again;

	hold(!trace_writer_create(trace_meta(trace), &writer));
	write_again(trace, writer);
	hold(!trace_writer_pack(writer, &again.bytes, &again.size));
	trace_writer_destroy(writer);
	same_body(file, &again);
	free(again.bytes);
}

static void refused(int err, const struct trace_error *error)
{
	char line[300];

	hold(err == -EBADMSG || err == -EOPNOTSUPP || err == -E2BIG);
	hold(*error->text);
	hold(trace_error_print(error, "trace", line, sizeof(line)) > 0);
}

static void read_file(const struct file *file)
{
	struct trace_error error = {.text = ""};
	struct trace *trace;
	int err = trace_open_memory(file->bytes, file->size, &trace, &error);

	if (err) {
		refused(err, &error);
		return;
	}
	round_trip(trace, file);
	apply_all(trace, SPACE_EXACT);
	apply_all(trace, SPACE_LINUX);
	trace_close(trace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file file;

	if (!size)
		return 0;
	if (!(*data & 1))
		file = as_it_is(data + 1, size - 1);
	else if (size < 9)
		return 0;
	else
		file = around_body(data + 9, size - 9, trace_get_u64(data + 1));
	read_file(&file);
	free(file.bytes);
	return 0;
}
