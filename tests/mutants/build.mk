# SPDX-License-Identifier: MIT OR GPL-2.0-only
# Programs of the tests out of the sources themselves, for one format: what a fault changes is
# compiled again, and nothing else. Meson's builds know more; this one starts in no time.
#
#   make -f build.mk PROGRAM=table FORMAT=tiny [SANITIZER=thread]

CC = gcc
FORMAT = x86_64
OUT = out/$(FORMAT)$(SANITIZER:%=+%)
CFLAGS = -O1 -g -MMD -D_GNU_SOURCE -Wno-tsan -Iinclude -Isrc -Itests/core -Itests/torture
CFLAGS += -DGW_FORMAT=$(FORMAT) $(SANITIZER:%=-fsanitize=%)
# A format of the tests' own.
ifneq ($(wildcard tests/*/format/$(FORMAT).h),)
CFLAGS += '-DGW_FORMAT_HEADER="format/$(FORMAT).h"'
endif

HEAP = $(wildcard src/heap/*.c)
CORE = $(HEAP) $(wildcard src/table/*.c)
URCU = $(CORE) src/env/urcu/urcu.c
FIXTURE = $(addprefix tests/core/,bench.c extents.c fixture.c look.c fake_env.c)
TORTURE = $(addprefix tests/torture/,env.c model.c torture.c updater.c walker.c)

sources_heap = $(HEAP) tests/core/heap_bench.c tests/core/fake_env.c
sources_heap_points = $(sources_heap)
sources_heap_random = $(sources_heap)
sources_heap_steps = $(HEAP) tests/core/fake_env.c
sources_urcu = $(URCU) tests/core/fake_env.c
sources_bare = $(CORE) src/env/bare/bare.c tests/bare/bare_test.c
sources_torture = $(URCU) $(TORTURE)
sources_dirty = $(URCU) tests/torture/dirty.c
sources_moves = $(URCU) tests/torture/remap.c
sources_regress = $(URCU) tests/torture/regress.c

# "Format" steps: between two atomic operations of the deferral other threads get their turn.
out/steps/src/heap/defer.o: CFLAGS += -include tests/core/heap_steps.h

# Of a program: those that it is named with above, or else a test of the core with the fixture.
sources = $(or $(sources_$(PROGRAM)),$(CORE) $(FIXTURE)) $(wildcard tests/core/$(PROGRAM)_test.c)
objects = $(patsubst %.c,$(OUT)/%.o,$(sources))

$(OUT)/$(PROGRAM): $(objects)
	$(CC) $(CFLAGS) $^ -lcmocka -lurcu-memb -lurcu-mb -lurcu-qsbr -lurcu-bp -lurcu-common -lurcu \
		-lpthread -o $@

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c $< -o $@

-include $(objects:.o=.d)
