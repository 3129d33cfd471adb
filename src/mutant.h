/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Deliberate faults, compiled in by name only, that the tests must catch: -DGW_MUTANT_name=1. */
#ifndef GW_MUTANT_H
#define GW_MUTANT_H

/* GW_MUTANT(name) is 1 in a build with that fault and the constant 0 in every other: an
 * undefined name stays a word after expansion, which pastes into nothing that takes an
 * argument's place. */
#define GW_MUTANT(name) GW_MUTANT_IS_ONE(GW_MUTANT_##name)
#define GW_MUTANT_IS_ONE(value) GW_MUTANT_PASTE(value)
#define GW_MUTANT_PASTE(value) GW_MUTANT_CHOOSE(GW_MUTANT_COMMA_##value)
#define GW_MUTANT_CHOOSE(comma_or_word) GW_MUTANT_SECOND(comma_or_word 1, 0, 0)
#define GW_MUTANT_COMMA_1 0,
#define GW_MUTANT_SECOND(first, second, ...) second

#endif
