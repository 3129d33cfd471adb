/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * liburcu's flavours by name. */
#include "flavour.h"
#include <stddef.h>
#include <string.h>

extern const struct rcu_flavor_struct urcu_memb_flavor, urcu_mb_flavor, urcu_qsbr_flavor,
	urcu_bp_flavor;

const struct rcu_flavor_struct *flavour_find(const char *name)
{
	static const struct {
		const char *name;
		const struct rcu_flavor_struct *flavour;
	} flavours[] = {
		{"memb", &urcu_memb_flavor},
		{"mb", &urcu_mb_flavor},
		{"qsbr", &urcu_qsbr_flavor},
		{"bp", &urcu_bp_flavor},
	};

	for (size_t i = 0; i < sizeof(flavours) / sizeof(flavours[0]); i++)
		if (!strcmp(name, flavours[i].name))
			return flavours[i].flavour;
	return NULL;
}
