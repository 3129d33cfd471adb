/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Traces of a real program's address space: the events, a writer and a distrustful reader.
 *
 * The file format is docs/trace.md. In memory every address and length is in bytes; a fault is
 * known to its page. Nothing here is shared between threads: one thread per writer or reader.
 */
#ifndef GRACEWALK_CLI_TRACE_H
#define GRACEWALK_CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of event. The numbers are those of the file. */
enum trace_kind {
	TRACE_EXEC = 1, /* a new, empty address space begins */
	TRACE_REGION,   /* a mapping made by the kernel: addr len prot flags file */
	TRACE_FAULT,    /* one page was touched: addr */
	TRACE_MMAP,     /* addr (the result) len prot flags file */
	TRACE_MUNMAP,   /* addr len */
	TRACE_MREMAP,   /* addr len (old), to to_len (new), flags */
	TRACE_BRK,      /* addr: the end of the heap after the call, rounded up to a page */
	TRACE_MPROTECT, /* addr len prot */
	TRACE_MADVISE,  /* addr len, flags: the advice */
	TRACE_MLOCK,    /* addr len flags; len 0 stands for mlockall */
	TRACE_EXIT,     /* the address space is gone; the last event, if it is there at all */
	TRACE_SAMPLE,   /* value: VmPTE of the kernel in kB */
	TRACE_KINDS
};

#define TRACE_REGION_STACK 1u /* flags of a REGION: it grows downwards */

struct trace_event {
	enum trace_kind kind;
	bool file;            /* REGION, MMAP: backed by a file, or special: not anonymous */
	uint32_t prot, flags; /* as the system call takes them */
	uint64_t time;        /* CLOCK_MONOTONIC, ns; see docs/trace.md for the moment meant */
	uint64_t lead;        /* of a call: ns from its begin to time */
	uint64_t took;        /* ns from time to the end of the call, or of the sample's read */
	uint64_t addr, len;
	uint64_t to, to_len;
	uint64_t value;
};

/* What is known of a recording as a whole. Strings and the array belong to whoever filled it. */
struct trace_meta {
	char **argv; /* the recorded program's command line, argc strings */
	size_t argc;
	char *kernel;  /* uname -r */
	char *machine; /* uname -m */
	char *thp;     /* always, madvise or never; empty where there are none */
	uint64_t page_size;
	uint32_t address_bits; /* user addresses lie below 1 << address_bits */
	uint64_t lost;         /* events the kernel could not store */
	uint64_t others;       /* events of other processes, left out */
	uint64_t children;     /* processes the program forked, left out */
	uint32_t status;       /* exit status, or TRACE_STATUS_UNKNOWN */
};

#define TRACE_STATUS_UNKNOWN 256u

/* What the format allows. A reader refuses more before it reserves memory for it. */
#define TRACE_MAX_BODY (256u << 20) /* bytes of the uncompressed body */
#define TRACE_MAX_ARGS 4096u
#define TRACE_MAX_STRING 65535u
#define TRACE_MAX_TIME (UINT64_C(1) << 62)
#define TRACE_HEADER_SIZE 64u

/* Why a trace was refused: a sentence for the user, and where. */
struct trace_error {
	char text[200];
	uint64_t offset;
	bool in_body; /* offset counts in the uncompressed body, not in the file */
};

/**
 * trace_error_print() - Write one line about a refused trace into a buffer.
 *
 * Return: the length, as snprintf().
 */
int trace_error_print(const struct trace_error *error, const char *path, char *line, size_t size);

/** trace_kind_name() - "mmap", "fault", ...; "?" for a number that is no kind. */
const char *trace_kind_name(enum trace_kind kind);

struct trace_writer;

/**
 * trace_writer_create() - Begin a trace.
 * @meta: copied; all strings must be there.
 *
 * Return: 0, -EINVAL for metadata that a reader would refuse, -ENOMEM.
 */
int trace_writer_create(const struct trace_meta *meta, struct trace_writer **out);

/**
 * trace_writer_add() - Append an event; times must not decrease.
 *
 * Return: 0, -EINVAL for an event that a reader would refuse, -E2BIG when the body would pass
 * TRACE_MAX_BODY, -ENOMEM. The trace is as it was before after any failure.
 */
int trace_writer_add(struct trace_writer *writer, const struct trace_event *event);

/**
 * trace_writer_pack() - Compress and hand over the whole file's bytes; the caller frees them.
 *
 * Return: 0, -ENOMEM, -EIO when the compressor failed.
 */
int trace_writer_pack(struct trace_writer *writer, unsigned char **bytes, size_t *size);

/**
 * trace_writer_save() - Pack into a file, which appears whole or not at all.
 * @bytes: receives the size of the file; may be NULL.
 *
 * Return: 0, the errors of trace_writer_pack(), or those of open, write, rename, negative.
 */
int trace_writer_save(struct trace_writer *writer, const char *path, uint64_t *bytes);

void trace_writer_destroy(struct trace_writer *writer);

struct trace;

/**
 * trace_open() - Read a trace and check all of it.
 * @error: always filled on failure.
 *
 * Every record is checked here, so that trace_next() cannot fail half way.
 *
 * Return: 0, -EBADMSG for a file that is no sound trace, -EOPNOTSUPP for a later version,
 * -E2BIG for one over the limits, -ENOMEM, or what open and read said.
 */
int trace_open(const char *path, struct trace **out, struct trace_error *error);

/** trace_open_memory() - The same from bytes, which may be freed afterwards. */
int trace_open_memory(const void *bytes, size_t size, struct trace **out,
		      struct trace_error *error);

const struct trace_meta *trace_meta(const struct trace *trace);
uint64_t trace_count(const struct trace *trace);

/** trace_next() - Fetch the next event. Return: false after the last. */
bool trace_next(struct trace *trace, struct trace_event *event);

void trace_rewind(struct trace *trace);
void trace_close(struct trace *trace);

#endif
