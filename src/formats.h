/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * All formats by their GW_FORMAT word, in the order of gw_format_at; src/meson.build has the same.
 */
#ifndef GW_FORMATS_H
#define GW_FORMATS_H

#ifndef GW_FORMATS
#define GW_FORMATS(X)     \
	X(x86_64)         \
	X(x86_64_la57)    \
	X(aarch64_4k)     \
	X(aarch64_16k)    \
	X(aarch64_64k)    \
	X(aarch64_4k_52)  \
	X(aarch64_16k_52) \
	X(aarch64_64k_52) \
	X(sv39)           \
	X(sv48)           \
	X(sv57)           \
	X(s390x)          \
	X(s390x_3)        \
	X(s390x_5)        \
	X(ppc64_4k)       \
	X(ppc64_64k)      \
	X(index64)
#endif

#endif
