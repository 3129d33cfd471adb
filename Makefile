# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The doors to the build: each installs what is missing, builds what is stale, and does one thing.

PACKAGES := $(shell sed 's/\#.*//' packages.txt)
# Packages are installed once: what this stamp is newer than was there.
STAMP := build/.packages
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: all check check-all demo benchmark bench data fuzz conformance foreign proof mutants soak coverage clean

all: build/build.ninja
	ninja -C build

# With sanitizers one format of each family; of AArch64 also one with larger tables: the largest where
# threads meet, and middling ones where all of a table is looked at after every step. Level 1 of
# optimization and of debugging information: code that is compiled in half the time and still told by
# file and line.
SANITIZE := -Db_lundef=false -Ddefault_library=static -Doptimization=1 -Ddebug=false -Dc_args=-g1
SOME := x86_64,aarch64_4k,sv39,s390x,ppc64_64k,index64
ASAN := -Db_sanitize=address,undefined $(SANITIZE)
TSAN := -Db_sanitize=thread $(SANITIZE)

check: build/build.ninja build/asan/build.ninja build/tsan/build.ninja
	@scripts/check.sh build build/asan build/tsan --no-suite more

# All that `check` leaves out: every format with sanitizers, without a libc, with wrong bits, on other
# architectures; and more seeds.
check-all: build/build.ninja build/all/asan/build.ninja build/all/tsan/build.ninja
	ninja -C build conformance_more
	@CONFORMANCE_SEEDS=20 MONITOR_QUERIES=2000 FREESTANDING=all FOREIGN=all \
		scripts/check.sh build build/all/asan build/all/tsan --timeout-multiplier 20

demo: all
	@scripts/demo.sh build/cli/gracewalk

benchmark: build/build.ninja
	ninja -C build
	meson test -C build --benchmark --verbose

# Gracewalk and its peers on the same work. BENCH="--pages 65536 --work lookup" is a part of it.
bench: build/build.ninja
	ninja -C build bench/bench_peers bench/bench_counts cli/gracewalk
	build/bench/bench_counts --json build/bench/counts.json
	build/cli/gracewalk standard-test >build/bench/standard-test.txt
	@cat build/bench/standard-test.txt
	build/bench/bench_peers --json build/bench/peers.json $(BENCH)

data: all
	ninja -C build bench/bench_schemes
	@scripts/data.sh

# Every target for longer than `check` does, from what it found the last time on. GW_FUZZ_SECONDS=600 for
# so long each.
fuzz: build/build.ninja
	ninja -C build src/libgracewalk.a
	@for target in trace image $$(sed -n 's/^\tX(\([a-z0-9_]*\)).*/\1/p' src/formats.h); do \
		echo "== $$target"; \
		GW_FUZZ_RUNS=$${GW_FUZZ_RUNS:-100000} GW_FUZZ_DIR=build/fuzz/$$target \
			tests/fuzz/run.sh . $$target || exit 1; \
	done

# Every image, wrong bits in every format; 200 seeds each, and 20,000 addresses by the monitor.
conformance: all
	ninja -C build conformance_more
	CONFORMANCE_SEEDS=200 MONITOR_QUERIES=20000 meson test -C build --suite conformance \
		--timeout-multiplier 20

# Every test of the core, every mix of torture, on every architecture.
foreign: all
	FOREIGN=all meson test -C build --no-rebuild --suite foreign --timeout-multiplier 0

# The models of the protocol within larger bounds, with all faults; harnesses where there is GenMC.
proof: $(STAMP)
	@scripts/proof.sh

# The core with one fault each: the tests have to find it. MUTANTS="take_late dead_not_marked": these.
mutants: $(STAMP)
	@tests/mutants/run.sh $(MUTANTS)

# Random mixes of torture, one after the other. SEED=S has the choices of that seed again.
MINUTES ?= 60
soak: build/build.ninja
	ninja -C build torture_programs cli/gracewalk
	build/cli/gracewalk torture --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

# Lines and branches that the tests reach, of one format of each kind.
coverage: build/coverage/build.ninja
	@scripts/coverage.sh build/coverage

clean:
	rm -rf build

$(STAMP): packages.txt
	@mkdir -p build
	@missing=$$(for p in $(PACKAGES); do \
		dpkg-query -W -f '$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "installing" $$missing; \
		$(SUDO) apt-get update -qq && \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@

# A directory that is there gets the options that are new here.
SETUP = meson setup $(if $(wildcard $@),--reconfigure) $(@D)

build/build.ninja: $(STAMP) Makefile
	@$(SETUP) -Ddefault_library=both
	@touch $@

build/asan/build.ninja: $(STAMP) Makefile
	@$(SETUP) $(ASAN) -Dformats=$(SOME),aarch64_16k
	@touch $@

build/tsan/build.ninja: $(STAMP) Makefile
	@$(SETUP) $(TSAN) -Dformats=$(SOME),aarch64_64k
	@touch $@

build/all/asan/build.ninja: $(STAMP) Makefile
	@$(SETUP) $(ASAN)
	@touch $@

build/all/tsan/build.ninja: $(STAMP) Makefile
	@$(SETUP) $(TSAN)
	@touch $@

# Counters that threads share; no optimization, so that each line is one.
build/coverage/build.ninja: $(STAMP) Makefile
	@$(SETUP) -Db_coverage=true -Doptimization=0 \
		-Dc_args=-fprofile-update=atomic -Dformats=$(SOME)
	@touch $@
