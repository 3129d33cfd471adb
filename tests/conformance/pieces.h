/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * The same mappings in other pieces: what collapse and split make of them, and cursors tell. */
#ifndef CONFORMANCE_PIECES_H
#define CONFORMANCE_PIECES_H

#include "choose.h"

/* gw_collapse, and whether it did as the expected mappings ask for. */
void collapse_at(const struct range *range, uint32_t flags);
/* What `invalidate` is told meanwhile. */
void collapse_told(const struct gw_range *range);
/* gw_split of a leaf, and whether its pieces are what it was. */
void split_at(const struct range *range);
/* Every leaf and hole of a range by a cursor, against what should be mapped. */
void survey(const struct range *range);

#endif
