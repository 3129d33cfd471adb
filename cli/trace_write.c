/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Writing a trace: records are coded into one buffer, which is compressed at the end.
 */
#include "trace_format.h"
#include "whole_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define TRACE_LEVEL 9 /* of zstd: a few percent from the best at a tenth of its time */

struct trace_writer {
	unsigned char *body;
	size_t used, room;
	struct trace_state state;
	struct trace_meta rules; /* only the numbers: they decide what an event may hold */
};

static int trace_reserve(struct trace_writer *w, size_t more)
{
	unsigned char *body;
	size_t room = w->room;

	if (more > TRACE_MAX_BODY - w->used)
		return -E2BIG;
	while (room - w->used < more)
		room = room ? room * 2 : 4096;
	if (room == w->room)
		return 0;
	body = realloc(w->body, room);
	if (!body)
		return -ENOMEM;
	w->body = body;
	w->room = room;
	return 0;
}

static void trace_put(struct trace_writer *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		w->body[w->used++] = (unsigned char)(v | 0x80);
	w->body[w->used++] = (unsigned char)v;
}

static int trace_put_string(struct trace_writer *w, const char *s)
{
	const size_t len = strlen(s);
	int err;

	if (len > TRACE_MAX_STRING)
		return -EINVAL;
	err = trace_reserve(w, len + TRACE_VARINT_MAX);
	if (err)
		return err;
	trace_put(w, len);
	memcpy(w->body + w->used, s, len);
	w->used += len;
	return 0;
}

static int trace_put_meta(struct trace_writer *w, const struct trace_meta *meta)
{
	const char *const strings[] = {meta->kernel, meta->machine, meta->thp};
	const uint64_t numbers[] = {meta->page_size, meta->address_bits, meta->lost, meta->others,
				    meta->children,  meta->status,       meta->argc};
	int err = trace_reserve(w, sizeof(numbers) / sizeof(*numbers) * TRACE_VARINT_MAX);

	for (size_t i = 0; !err && i < sizeof(numbers) / sizeof(*numbers); i++)
		trace_put(w, numbers[i]);
	for (size_t i = 0; !err && i < meta->argc; i++)
		err = trace_put_string(w, meta->argv[i]);
	for (size_t i = 0; !err && i < sizeof(strings) / sizeof(*strings); i++)
		err = trace_put_string(w, strings[i]);
	return err;
}

int trace_writer_create(const struct trace_meta *meta, struct trace_writer **out)
{
	struct trace_writer *w;
	int err;

	if (trace_meta_fault(meta))
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->rules = *meta;
	err = trace_put_meta(w, meta);
	if (err) {
		trace_writer_destroy(w);
		return err;
	}
	*out = w;
	return 0;
}

int trace_writer_add(struct trace_writer *w, const struct trace_event *event)
{
	unsigned int fields, shift = trace_page_shift(&w->rules);
	int err;

	if (trace_event_fault(&w->rules, &w->state, event))
		return -EINVAL;
	err = trace_reserve(w, TRACE_RECORD_MAX);
	if (err)
		return err;
	fields = trace_kind_fields(event->kind);
	w->body[w->used++] = (unsigned char)(event->kind | (event->file ? TRACE_FILE_BIT : 0));
	trace_put(w, event->time - w->state.time);
	if (fields & TRACE_HAS_LEAD)
		trace_put(w, event->lead);
	if (fields & TRACE_HAS_TOOK)
		trace_put(w, event->took);
	if (fields & TRACE_HAS_ADDR)
		trace_put(w, trace_zigzag(event->addr >> shift, w->state.page));
	if (fields & TRACE_HAS_LEN)
		trace_put(w, event->len >> shift);
	if (fields & TRACE_HAS_TO)
		trace_put(w, trace_zigzag(event->to >> shift, event->addr >> shift));
	if (fields & TRACE_HAS_TO_LEN)
		trace_put(w, event->to_len >> shift);
	if (fields & TRACE_HAS_PROT)
		trace_put(w, event->prot);
	if (fields & TRACE_HAS_FLAGS)
		trace_put(w, event->flags);
	if (fields & TRACE_HAS_VALUE)
		trace_put(w, event->value);
	trace_state_step(&w->rules, &w->state, event);
	return 0;
}

static void trace_put_header(const struct trace_writer *w, unsigned char *file, size_t packed)
{
	memset(file, 0, TRACE_HEADER_SIZE);
	memcpy(file, TRACE_MAGIC, TRACE_MAGIC_SIZE);
	file[TRACE_AT_VERSION] = TRACE_VERSION;
	trace_put_u64(file + TRACE_AT_BODY, w->used);
	trace_put_u64(file + TRACE_AT_PACKED, packed);
	trace_put_u64(file + TRACE_AT_EVENTS, w->state.events);
	trace_put_u64(file + TRACE_AT_DATA_SUM, trace_sum(file + TRACE_HEADER_SIZE, packed));
	trace_put_u64(file + TRACE_AT_HEADER_SUM, trace_sum(file, TRACE_AT_HEADER_SUM));
}

int trace_writer_pack(struct trace_writer *w, unsigned char **bytes, size_t *size)
{
	const size_t room = ZSTD_compressBound(w->used);
	unsigned char *file = malloc(TRACE_HEADER_SIZE + room);
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t packed;
	int err = 0;

	if (!file || !zstd) {
		err = -ENOMEM;
		goto out;
	}
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, TRACE_LEVEL);
	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	packed = ZSTD_compress2(zstd, file + TRACE_HEADER_SIZE, room, w->body, w->used);
	if (ZSTD_isError(packed)) {
		err = -EIO;
		goto out;
	}
	trace_put_header(w, file, packed);
	*bytes = file;
	*size = TRACE_HEADER_SIZE + packed;
	file = NULL;
out:
	ZSTD_freeCCtx(zstd);
	free(file);
	return err;
}

int trace_writer_save(struct trace_writer *w, const char *path, uint64_t *bytes)
{
	unsigned char *file;
	size_t size;
	int err = trace_writer_pack(w, &file, &size);

	if (err)
		return err;
	err = whole_file_write(path, file, size);
	if (!err && bytes)
		*bytes = size;
	free(file);
	return err;
}

void trace_writer_destroy(struct trace_writer *w)
{
	if (w)
		free(w->body);
	free(w);
}
