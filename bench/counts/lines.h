/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The lines of memory that two threads' operations write, and which of them both write. */
#ifndef GW_BENCH_COUNTS_LINES_H
#define GW_BENCH_COUNTS_LINES_H

#include <stdint.h>

/* Whose operation it is. */
enum who { WHO_A, WHO_B, WHOS };
/* Which of its operations. */
enum part { PART_MAP, PART_UNMAP, PARTS };

/* Fields that a line is made of are told apart by numbers below this. */
enum { FIELDS_MAX = 32 };

/* Forgets all lines. */
void lines_forget(void);
/* From here on another operation writes. */
void lines_next_operation(void);
/* A store or a read-modify-write of that field. Return: 1 if the operation writes the line for the
 * first time. */
unsigned lines_write(uintptr_t at, unsigned field, enum who who, enum part part);
/* Of all writes since they were forgotten, adds those to lines that both have written. */
void lines_shared(uint64_t writes[PARTS][FIELDS_MAX]);

#endif
