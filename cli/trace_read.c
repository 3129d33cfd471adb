/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Reading a trace that nobody vouches for: sizes first, then sums, then every record.
 */
#include "trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct trace {
	unsigned char *body;
	size_t size, at, first; /* first: where the records begin */
	uint64_t events;
	struct trace_state state;
	struct trace_meta meta;
};

__attribute__((format(printf, 5, 6))) static int trace_refuse(struct trace_error *error, int code,
							      bool in_body, uint64_t offset,
							      const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsnprintf(error->text, sizeof(error->text), text, args);
	va_end(args);
	error->offset = offset;
	error->in_body = in_body;
	return code;
}

/* One number. Only its shortest form is right, so that equal bodies are equal traces. */
static const char *trace_get(struct trace *t, uint64_t *v)
{
	unsigned int shift = 0;
	unsigned char byte;

	*v = 0;
	do {
		if (t->at == t->size)
			return "the body ends in the middle of a number";
		byte = t->body[t->at++];
		if (shift == 63 && byte > 1)
			return "a number has more than 64 bits";
		*v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return !byte && shift > 7 ? "a number is not in its shortest form" : NULL;
}

static const char *trace_get_u32(struct trace *t, uint32_t *v)
{
	uint64_t wide;
	const char *fault = trace_get(t, &wide);

	if (!fault && wide > UINT32_MAX)
		fault = "a number is too large for its field";
	*v = (uint32_t)wide;
	return fault;
}

/* Pages to bytes; what overflows becomes a value that every range check refuses. */
static uint64_t trace_bytes(const struct trace *t, uint64_t pages)
{
	const unsigned int shift = trace_page_shift(&t->meta);

	return pages >> (63 - shift) ? ~(t->meta.page_size - 1) : pages << shift;
}

static const char *trace_get_bytes(struct trace *t, uint64_t *bytes)
{
	uint64_t pages;
	const char *fault = trace_get(t, &pages);

	*bytes = trace_bytes(t, pages);
	return fault;
}

static const char *trace_get_address(struct trace *t, uint64_t from, uint64_t *bytes)
{
	uint64_t z;
	const char *fault = trace_get(t, &z);

	*bytes = trace_bytes(t, trace_unzigzag(z, from));
	return fault;
}

static const char *trace_get_ranges(struct trace *t, unsigned int fields, struct trace_event *e)
{
	const unsigned int shift = trace_page_shift(&t->meta);
	const char *fault = NULL;

	if (fields & TRACE_HAS_ADDR)
		fault = trace_get_address(t, t->state.page, &e->addr);
	if (!fault && fields & TRACE_HAS_LEN)
		fault = trace_get_bytes(t, &e->len);
	if (!fault && fields & TRACE_HAS_TO)
		fault = trace_get_address(t, e->addr >> shift, &e->to);
	if (!fault && fields & TRACE_HAS_TO_LEN)
		fault = trace_get_bytes(t, &e->to_len);
	return fault;
}

static const char *trace_get_times(struct trace *t, unsigned int fields, struct trace_event *e)
{
	uint64_t step;
	const char *fault = trace_get(t, &step);

	/* A step that overflows is made out of range, not small. */
	e->time = step > UINT64_MAX - t->state.time ? UINT64_MAX : t->state.time + step;
	if (!fault && fields & TRACE_HAS_LEAD)
		fault = trace_get(t, &e->lead);
	if (!fault && fields & TRACE_HAS_TOOK)
		fault = trace_get(t, &e->took);
	return fault;
}

static const char *trace_get_event(struct trace *t, struct trace_event *e)
{
	const unsigned char head = t->body[t->at++];
	const unsigned int kind = head & ~TRACE_FILE_BIT;
	const char *fault;
	unsigned int fields;

	memset(e, 0, sizeof(*e));
	if (!kind || kind >= TRACE_KINDS)
		return "the record is of no known kind";
	e->kind = (enum trace_kind)kind;
	e->file = head & TRACE_FILE_BIT;
	fields = trace_kind_fields(kind);
	fault = trace_get_times(t, fields, e);
	if (!fault)
		fault = trace_get_ranges(t, fields, e);
	if (!fault && fields & TRACE_HAS_PROT)
		fault = trace_get_u32(t, &e->prot);
	if (!fault && fields & TRACE_HAS_FLAGS)
		fault = trace_get_u32(t, &e->flags);
	if (!fault && fields & TRACE_HAS_VALUE)
		fault = trace_get(t, &e->value);
	return fault;
}

static int trace_get_string(struct trace *t, char **out, struct trace_error *error)
{
	uint64_t len;
	const char *fault = trace_get(t, &len);

	if (!fault && (len > TRACE_MAX_STRING || len > t->size - t->at))
		fault = "a string is longer than the format or the body allows";
	if (!fault && memchr(t->body + t->at, 0, len))
		fault = "a string holds a zero byte";
	if (fault)
		return trace_refuse(error, -EBADMSG, true, t->at, "%s", fault);
	*out = strndup((const char *)t->body + t->at, len);
	if (!*out)
		return trace_refuse(error, -ENOMEM, true, t->at, "out of memory");
	t->at += len;
	return 0;
}

static int trace_get_numbers(struct trace *t, struct trace_error *error)
{
	struct trace_meta *m = &t->meta;
	uint64_t words = 0;
	const char *fault = trace_get(t, &m->page_size);

	if (!fault)
		fault = trace_get_u32(t, &m->address_bits);
	if (!fault)
		fault = trace_get(t, &m->lost);
	if (!fault)
		fault = trace_get(t, &m->others);
	if (!fault)
		fault = trace_get(t, &m->children);
	if (!fault)
		fault = trace_get_u32(t, &m->status);
	if (!fault)
		fault = trace_get(t, &words);
	m->argc = words;
	if (!fault)
		fault = trace_meta_fault(m);
	return fault ? trace_refuse(error, -EBADMSG, true, t->at, "%s", fault) : 0;
}

static int trace_get_meta(struct trace *t, struct trace_error *error)
{
	struct trace_meta *m = &t->meta;
	char **const strings[] = {&m->kernel, &m->machine, &m->thp};
	int err = trace_get_numbers(t, error);

	if (err)
		return err;
	m->argv = calloc(m->argc + 1, sizeof(*m->argv));
	if (!m->argv)
		return trace_refuse(error, -ENOMEM, true, t->at, "out of memory");
	for (size_t i = 0; !err && i < m->argc; i++)
		err = trace_get_string(t, &m->argv[i], error);
	for (size_t i = 0; !err && i < sizeof(strings) / sizeof(*strings); i++)
		err = trace_get_string(t, strings[i], error);
	t->first = t->at;
	return err;
}

/* Decode every record once, so that later no record can turn out bad. */
static int trace_check_records(struct trace *t, struct trace_error *error)
{
	struct trace_event event;

	while (t->at < t->size) {
		const size_t start = t->at;
		const char *fault = trace_get_event(t, &event);

		if (!fault)
			fault = trace_event_fault(&t->meta, &t->state, &event);
		if (fault)
			return trace_refuse(error, -EBADMSG, true, start, "record %llu: %s",
					    (unsigned long long)t->state.events, fault);
		trace_state_step(&t->meta, &t->state, &event);
	}
	if (t->state.events != t->events)
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_EVENTS,
				    "the header counts %llu records, the body holds %llu",
				    (unsigned long long)t->events,
				    (unsigned long long)t->state.events);
	trace_rewind(t);
	return 0;
}

static int trace_check_identity(const unsigned char *file, size_t size, struct trace_error *error)
{
	if (size < TRACE_MAGIC_SIZE || memcmp(file, TRACE_MAGIC, TRACE_MAGIC_SIZE))
		return trace_refuse(error, -EBADMSG, false, 0, "this is not a Gracewalk trace");
	if (size < TRACE_HEADER_SIZE)
		return trace_refuse(error, -EBADMSG, false, size, "the file ends in its header");
	if (trace_get_u64(file + TRACE_AT_HEADER_SUM) != trace_sum(file, TRACE_AT_HEADER_SUM))
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_HEADER_SUM,
				    "the header's checksum does not fit: the file is damaged");
	/* The version shares a word with the flags; neither has room for anything else. */
	if (trace_get_u64(file + TRACE_AT_VERSION) != TRACE_VERSION)
		return trace_refuse(error, -EOPNOTSUPP, false, TRACE_AT_VERSION,
				    "a later version of the format; update gracewalk to read it");
	if (trace_get_u64(file + TRACE_AT_RESERVED))
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_RESERVED,
				    "the reserved word is not zero");
	return 0;
}

static int trace_check_sizes(const unsigned char *file, size_t size, struct trace_error *error)
{
	const uint64_t packed = trace_get_u64(file + TRACE_AT_PACKED);
	const uint64_t body = trace_get_u64(file + TRACE_AT_BODY);
	const uint64_t events = trace_get_u64(file + TRACE_AT_EVENTS);

	if (packed != size - TRACE_HEADER_SIZE)
		return trace_refuse(error, -EBADMSG, false, size,
				    "the header promises %llu bytes of data, the file has %llu",
				    (unsigned long long)packed,
				    (unsigned long long)(size - TRACE_HEADER_SIZE));
	if (body > TRACE_MAX_BODY)
		return trace_refuse(error, -E2BIG, false, TRACE_AT_BODY,
				    "the body would have %llu bytes; at most %u are allowed",
				    (unsigned long long)body, TRACE_MAX_BODY);
	if (events > body)
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_EVENTS,
				    "the header counts more records than the body has bytes");
	if (trace_get_u64(file + TRACE_AT_DATA_SUM) !=
	    trace_sum(file + TRACE_HEADER_SIZE, size - TRACE_HEADER_SIZE))
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_DATA_SUM,
				    "the data's checksum does not fit: the file is damaged");
	return 0;
}

static int trace_unpack(struct trace *t, const unsigned char *file, size_t size,
			struct trace_error *error)
{
	size_t n;

	t->size = trace_get_u64(file + TRACE_AT_BODY);
	t->events = trace_get_u64(file + TRACE_AT_EVENTS);
	t->body = malloc(t->size ? t->size : 1);
	if (!t->body)
		return trace_refuse(error, -ENOMEM, false, TRACE_AT_BODY, "out of memory");
	/* The output buffer bounds what a hostile frame can expand to. */
	n = ZSTD_decompress(t->body, t->size, file + TRACE_HEADER_SIZE, size - TRACE_HEADER_SIZE);
	if (ZSTD_isError(n))
		return trace_refuse(error, -EBADMSG, false, TRACE_HEADER_SIZE,
				    "the data cannot be uncompressed into the promised %zu bytes: "
				    "%s",
				    t->size, ZSTD_getErrorName(n));
	if (n != t->size)
		return trace_refuse(error, -EBADMSG, false, TRACE_AT_BODY,
				    "the header promises %zu bytes of body, the data gives %zu",
				    t->size, n);
	return 0;
}

int trace_open_memory(const void *bytes, size_t size, struct trace **out, struct trace_error *error)
{
	struct trace *t = NULL;
	int err = trace_check_identity(bytes, size, error);

	if (!err)
		err = trace_check_sizes(bytes, size, error);
	if (err)
		return err;
	t = calloc(1, sizeof(*t));
	if (!t)
		return trace_refuse(error, -ENOMEM, false, 0, "out of memory");
	err = trace_unpack(t, bytes, size, error);
	if (!err)
		err = trace_get_meta(t, error);
	if (!err)
		err = trace_check_records(t, error);
	if (err) {
		trace_close(t);
		return err;
	}
	*out = t;
	return 0;
}

static int trace_read_all(int fd, unsigned char *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EBADMSG;
		done += (size_t)n;
	}
	return 0;
}

static int trace_load(int fd, unsigned char **bytes, size_t *size, struct trace_error *error)
{
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return trace_refuse(error, -errno, false, 0, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return trace_refuse(error, -EBADMSG, false, 0, "this is not a regular file");
	/* Nothing compresses into more than its bound, so a larger file is no trace. */
	if ((uint64_t)st.st_size > TRACE_HEADER_SIZE + ZSTD_compressBound(TRACE_MAX_BODY))
		return trace_refuse(error, -E2BIG, false, (uint64_t)st.st_size,
				    "the file is larger than any trace can be");
	*size = (size_t)st.st_size;
	*bytes = malloc(*size ? *size : 1);
	if (!*bytes)
		return trace_refuse(error, -ENOMEM, false, 0, "out of memory");
	err = trace_read_all(fd, *bytes, *size);
	if (err) {
		free(*bytes);
		return trace_refuse(error, err, false, 0, "%s",
				    err == -EBADMSG ? "the file became shorter while it was read"
						    : strerror(-err));
	}
	return 0;
}

int trace_open(const char *path, struct trace **out, struct trace_error *error)
{
	unsigned char *bytes = NULL;
	size_t size = 0;
	int err, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return trace_refuse(error, -errno, false, 0, "%s", strerror(errno));
	err = trace_load(fd, &bytes, &size, error);
	close(fd);
	if (err)
		return err;
	err = trace_open_memory(bytes, size, out, error);
	free(bytes);
	return err;
}

const struct trace_meta *trace_meta(const struct trace *t)
{
	return &t->meta;
}

uint64_t trace_count(const struct trace *t)
{
	return t->events;
}

bool trace_next(struct trace *t, struct trace_event *event)
{
	if (t->at == t->size)
		return false;
	trace_get_event(t, event); /* checked when the trace was opened */
	trace_state_step(&t->meta, &t->state, event);
	return true;
}

void trace_rewind(struct trace *t)
{
	t->at = t->first;
	t->state = (struct trace_state){0};
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->meta.argv && i < t->meta.argc; i++)
		free(t->meta.argv[i]);
	free(t->meta.argv);
	free(t->meta.kernel);
	free(t->meta.machine);
	free(t->meta.thp);
	free(t->body);
	free(t);
}
