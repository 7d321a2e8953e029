# Every job there is. `make help` lists them.
#
#   make                      build/libmps.a (hot), build/libmps-debug.a (cool)
#   make TARGET=x86_64-unknown-none    both under build/<target>, freestanding
#   make FEATURES=defmt       both under build/host+defmt, with more features
#   make ONLY="amc mfs"       both under build/host+only+amc+mfs, with nothing else in
#   make test                 everything that continuous integration runs
#
# Variables: PREFIX, LIBDIR and DESTDIR (install), TARGET, FEATURES, ONLY, CARGO, CC, JOBS,
# TEST (a filter for `make rust-test`), CLIENT (one for `make client-test`).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

CARGO ?= cargo
CC ?= cc
PREFIX ?= /usr/local
LIBDIR ?= lib
TARGET ?=
FEATURES ?=
ONLY ?=
JOBS ?=
TEST ?=
CLIENT ?=

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
SOURCES := $(shell find src ports arch -type f \( -name '*.rs' -o -name '*.S' -o -name '*.inc' -o -name '*.c' -o -name '*.h' \)) Cargo.toml
LINK := $(wildcard link/*.txt) link/localize.mk tools/macho.rs
HEADERS := $(wildcard include/*.h include/*.hpp)
FACTS ?= ../shared/abi

HOT := build/libmps.a
COOL := build/libmps-debug.a
NONE := x86_64-unknown-none
FREE := build/$(NONE)/libmps.a

# --- Archives -------------------------------------------------------------

# What is built, and where. Each target and set of features has a folder of its
# own, so that none takes another's place; the name is what tools/cross.sh reads.
comma := ,
empty :=
WORDS := $(if $(strip $(ONLY)),only )$(sort $(subst $(comma), ,$(ONLY) $(FEATURES)))
WHAT := $(or $(TARGET),host)$(if $(strip $(WORDS)),+$(subst $(empty) $(empty),+,$(strip $(WORDS))))
PLACE := $(if $(filter host,$(WHAT)),build,build/$(WHAT))

# For Microsoft's linker they are called as it likes.
HOT_NAME := $(if $(findstring -msvc,$(WHAT)),mps.lib,libmps.a)
COOL_NAME := $(if $(findstring -msvc,$(WHAT)),mps-debug.lib,libmps-debug.a)

.PHONY: all lib debug
all: lib debug
lib: $(PLACE)/$(HOT_NAME)
debug: $(PLACE)/$(COOL_NAME)

# $(call archive,WHAT,hot or debug): rustc's archive, and ours out of it.
define archive
@echo "building $@"
@raw=$$(CARGO='$(CARGO)' JOBS='$(JOBS)' tools/cross.sh '$(1)' $(2) 'build/cargo/$(firstword $(subst +, ,$(1)))') && \
  $(MAKE) --no-print-directory -f link/localize.mk IN="$$raw" OUT='$@' \
  EXPORTS="$$(tools/cross.sh --exports '$(1)')" BINUTILS="$$(tools/cross.sh --binutils '$(1)')" \
  EMULATION="$$(tools/cross.sh --emulation '$(1)')" PE="$$(tools/cross.sh --pe '$(1)')" MACHO="$$(tools/cross.sh --macho '$(1)')" PLINTH=link/plinth.txt $(if $(findstring riscv64gc-unknown-linux,$(1)),UNREACHED=keep) \
  $(if $(filter debug,$(2)),DEBUG=1,$(if $(findstring -none,$(1)),UNWINDING=drop))
@touch '$@' # or it would be looked at again, if what rustc writes is the same
endef

RECIPE := tools/cross.sh tools/cross-toolchain.sh
$(HOT): $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,host,hot)
$(COOL): $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,host,debug)
build/%/libmps.a: $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,$*,hot)
build/%/libmps-debug.a: $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,$*,debug)
build/%/mps.lib: $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,$*,hot)
build/%/mps-debug.lib: $(SOURCES) $(LINK) $(RECIPE)
	$(call archive,$*,debug)

# --- Install --------------------------------------------------------------

.PHONY: install
install: lib debug
	install -d $(DESTDIR)$(PREFIX)/$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 $(PLACE)/$(HOT_NAME) $(PLACE)/$(COOL_NAME) $(DESTDIR)$(PREFIX)/$(LIBDIR)
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include
	install -d $(DESTDIR)$(PREFIX)/$(LIBDIR)/cmake/mps
	up=$$(echo '$(LIBDIR)' | sed 's|[^/][^/]*|..|g'); \
	  case "$$(tools/cross.sh --exports '$(WHAT)')" in *plinth*) libs=-lpthread ;; *) libs= ;; esac; \
	  for f in mps.pc mps-config.cmake mps-config-version.cmake; do \
	    case $$f in *.pc) to=pkgconfig; lib="$${libs:+ $$libs}" ;; *) to=cmake/mps; lib=$$libs ;; esac; \
	    sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e "s|@UP@|$$up|" \
	      -e 's|@VERSION@|$(VERSION)|' -e 's|@MINOR@|$(basename $(VERSION))|' \
	      -e "s|@LIBS@|$$lib|" -e 's|@HOT@|$(HOT_NAME)|' -e 's|@COOL@|$(COOL_NAME)|' link/$$f.in \
	      > $(DESTDIR)$(PREFIX)/$(LIBDIR)/$$to/$$f || exit; \
	  done

# What is installed, packed: for the host, or for DIST="target target ...".
DIST ?=
.PHONY: dist
dist:
	@MAKE='$(MAKE)' tools/dist.sh $(DIST)

# The same as Debian's package libmps-dev, for this machine's kind.
.PHONY: deb deb-test
deb:
	@MAKE='$(MAKE)' CC='$(CC)' tools/deb.sh
deb-test: $(HOT) $(COOL)
	@tools/needs.sh deb
	@MAKE='$(MAKE)' CC='$(CC)' tools/deb-test.sh

# --- Checks and tests -----------------------------------------------------

# Packages beside the library's own.
PACKAGES := examples/port/rust tests/port/rust examples/pool-class tools/mps-telemetry \
  tests/face tests/face/fail tools/mps-derive tests/defmt tests/models benches/micro \
  examples/firmware examples/firmware/host examples/lisp

# Fast: does it compile, with and without features, and do the lints hold?
.PHONY: check
check:
	$(CARGO) check --quiet --all-targets --target-dir build/cargo/check
	$(CARGO) clippy --quiet --all-targets --features port-host --target-dir build/cargo/check -- -D warnings
	$(CARGO) clippy --quiet --all-targets --manifest-path examples/pool-class/Cargo.toml \
	  --target-dir build/cargo/example -- -D warnings
	$(CARGO) clippy --quiet --all-targets --manifest-path examples/port/rust/Cargo.toml \
	  --target-dir build/cargo/port-example -- -D warnings
	$(CARGO) clippy --quiet --manifest-path tests/port/rust/Cargo.toml --features bare \
	  --target-dir build/cargo/check -- -D warnings
	$(CARGO) clippy --quiet --manifest-path tests/port/rust/Cargo.toml --features linux \
	  --target-dir build/cargo/check -- -D warnings
	$(CARGO) fmt --check
	rustfmt --check --edition 2024 --config-path rustfmt.toml tools/macho.rs
	@for d in $(PACKAGES); do $(CARGO) fmt --check --manifest-path $$d/Cargo.toml || exit; done
	$(CARGO) clippy --quiet --all-targets --features derive,allocator-api2 --target-dir build/cargo/check -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --no-deps --features derive,allocator-api2 --target-dir build/cargo/doc
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --no-deps --manifest-path tools/mps-derive/Cargo.toml --target-dir build/cargo/doc

# Everything. What is missing for it is installed where that may be done, else
# named (tools/needs.sh). The last line is 'N passed, N failed'.
.PHONY: test
test:
	@tools/needs.sh test
	@tools/run-tests.sh

# The parts of it, each ending in a line 'N passed, N failed'.
.PHONY: rust-test example-test model-test abi-test facts-test client-test scheme-test minimal-test install-test size-test freestanding-test gdb-test index-test
rust-test:
	@tools/rust-test.sh $(TEST)

# Pool classes from outside the library.
example-test:
	@MANIFEST=examples/pool-class/Cargo.toml FEATURES= OUT=build/cargo/example tools/rust-test.sh $(TEST)

# The protocols between threads, in all orders (tests/models); seconds. LOOM_MAX_PREEMPTIONS
# says how often threads are interrupted (2 or 3, as each model says).
model-test:
	@RUSTFLAGS='--cfg loom' MANIFEST=tests/models/Cargo.toml FEATURES= OUT=build/cargo/models tools/rust-test.sh $(TEST)

# A model of two traces, by Spin: half a minute.
.PHONY: spin-test
spin-test:
	@tools/spin-test.sh

abi-test: $(HOT) build/implemented.txt
	@EXPORTS=build/implemented.txt tests/abi/run.sh include $(HOT) $(CC)

facts-test: $(HOT)
	@tools/facts-test.sh $(FACTS) $(HOT)

client-test: $(HOT) $(COOL)
	@tools/sum.sh \
	  "tests/client/run.sh $(HOT) include $(CLIENT)" \
	  "tests/client/run.sh $(COOL) include $(CLIENT)"

# The same programs, each with a software barrier (tests/client/soft.c); with the debug archive
# those that barriers matter most to (docs/STATUS.md, "Can the tests fail?"), for all takes minutes.
SOFT_DEBUG = amc ams awl barrier basics bulk heap mixed twoarenas
.PHONY: soft-test
soft-test: $(HOT) $(COOL)
	@SOFT=1 tools/sum.sh \
	  "tests/client/run.sh $(HOT) include $(CLIENT)" \
	  "tests/client/run.sh $(COOL) include '$(or $(CLIENT),$(SOFT_DEBUG))'"

gdb-test: $(HOT)
	@tests/client/gdb.sh $(HOT) include

index-test:
	@tools/index-test.sh $(FACTS)

# What building for other targets says and does, with tools that are not there.
.PHONY: tools-test
tools-test: $(HOT)
	@tools/tools-test.sh

# What the demonstration shows on a terminal.
.PHONY: demo-test
demo-test: $(HOT)
	@$(MAKE) -s --no-print-directory -C examples/scheme all BUILD=../../build/scheme
	@examples/scheme/terminal-test.py build/scheme/scheme

# Is there what the documents and comments name?
.PHONY: docs-test
docs-test:
	@tools/docs-test.py

# The manual: it builds, its blocks run and print what it says, its names and links are there.
# Its pages in Chromium (not part of `make test`). PAGE: a part of the name of pages whose
# blocks alone are run.
PAGE ?=
.PHONY: manual-test manual-browser
manual-test: $(HOT) $(COOL)
	@tools/needs.sh manual-test
	@CC='$(CC)' CARGO='$(CARGO)' tools/manual-test.py $(PAGE)
manual-browser: manual
	@tools/needs.sh manual-browser
	@tools/manual-browser.py

# The hosted archive in every way in which it is linked.
.PHONY: test-systems
test-systems: $(HOT)
	@tools/test-systems.sh $(CLIENT)

# Every target: built, held to its lists, and run as far as it can be.
.PHONY: test-ports targets
test-ports:
	@tools/test-ports.sh

# What is built for which target, and what it runs on. What lacks is built.
targets:
	@tools/targets.sh

# All client programs on other processors. Not part of `make test`: minutes.
.PHONY: cross-test
cross-test:
	@tools/sum.sh "tools/cross-test.sh i686-unknown-linux-gnu $(CLIENT)" \
	  "tools/cross-test.sh aarch64-unknown-linux-gnu $(CLIENT)" \
	  "tools/cross-test.sh riscv64gc-unknown-linux-gnu $(CLIENT)" \
	  "tools/cross-test.sh x86_64-pc-windows-gnu $(CLIENT)" \
	  "tools/cross-test.sh i686-pc-windows-gnu $(CLIENT)"

scheme-test: $(HOT) $(COOL)
	@tools/sum.sh \
	  "$(MAKE) -s --no-print-directory -C examples/scheme test BUILD=../../build/scheme" \
	  "BRIEF=1 $(MAKE) -s --no-print-directory -C examples/scheme test BUILD=../../build/scheme-debug MPS_LIB=../../$(COOL)"

minimal-test: $(HOT)
	@$(MAKE) -s --no-print-directory -C examples/minimal test

# include/mps.hpp, and the example in C++.
.PHONY: cpp-test
cpp-test: $(HOT) $(COOL)
	@tools/sum.sh "tests/cpp/run.sh $(HOT) $(CURDIR)/include" "tests/cpp/run.sh $(COOL) $(CURDIR)/include" \
	  "$(MAKE) -s --no-print-directory -C examples/cpp test"

# The face for Rust programs: what its users do, with few checks and with all; what must not compile;
# the examples in its documents.
.PHONY: face-test face-doc-test
face-test:
	@tools/sum.sh \
	  "MANIFEST=tests/face/Cargo.toml FEATURES= OUT=build/cargo/face tools/rust-test.sh $(TEST)" \
	  "MANIFEST=tests/face/Cargo.toml FEATURES=cool OUT=build/cargo/face-cool tools/rust-test.sh $(TEST)" \
	  tests/face/fail.sh "$(MAKE) -s --no-print-directory face-doc-test"
face-doc-test:
	@out=$$($(CARGO) test --quiet --doc --features derive,allocator-api2 --target-dir build/cargo/face-doc 2>&1); rc=$$?; \
	  echo "$$out"; n=$$(echo "$$out" | awk '/^test result:/ { p += $$4; f += $$6 } END { print p + 0 " passed, " f + 0 " failed" }'); \
	  echo "$$n"; [ $$rc = 0 ] && [ "$${n%% *}" != 0 ]

# The Lisp in safe Rust.
.PHONY: lisp-test
lisp-test:
	@CARGO='$(CARGO)' examples/lisp/test.sh

# What a registry would get of each crate: complete, and without a warning.
.PHONY: package-test
package-test:
	@tools/package-test.sh

install-test: $(HOT) $(COOL)
	@tools/install-test.sh

size-test: $(HOT) $(COOL) $(FREE)
	@tools/sum.sh "$(MAKE) --no-print-directory size-hot" "$(MAKE) --no-print-directory size-debug" \
	  "$(MAKE) --no-print-directory size-freestanding"

# Each part of the library left out by itself, and archives of small sets.
.PHONY: features-test
features-test:
	@MAKE='$(MAKE)' CARGO='$(CARGO)' tools/features-test.sh

# How much stack and memory the library needs: the tables of docs/memory.md.
.PHONY: memory-table
memory-table:
	@tools/needs.sh firmware
	@MAKE='$(MAKE)' tools/memory-table.sh

# A microcontroller's program, under QEMU.
# Kernels on four processors, booted under QEMU.
.PHONY: kernel-test
kernel-test:
	@$(MAKE) -s --no-print-directory -C examples/kernel test

.PHONY: firmware-test
firmware-test:
	@$(MAKE) -s --no-print-directory -C examples/firmware test

freestanding-test: $(FREE)
	@tests/freestanding/run.sh $(FREE)

# Do ports keep the contract of mpsport.h? Our own must, and of broken ones it is said
# what they break (tests/port). The port in Rust collects (examples/port/rust).
.PHONY: port-test
port-test: $(FREE)
	@tools/sum.sh tests/port/run.sh "tests/port/doubles.sh $(FREE)" "tests/port/interrupts.sh $(FREE)" \
	  "MANIFEST=examples/port/rust/Cargo.toml FEATURES= OUT=build/cargo/port-example tools/rust-test.sh"

# The tool that reads event streams, its page in a browser, and events in defmt.
.PHONY: telemetry-test
telemetry-test: $(HOT) $(COOL) $(FREE)
	@tools/telemetry-test.sh $(HOT) $(COOL) $(FREE)

# What the archive should define by now: all but what docs/STATUS.md says is absent.
build/implemented.txt: link/exports.txt link/plinth.txt $(wildcard docs/STATUS.md) tools/absent.sh
	@mkdir -p build
	@tools/absent.sh > $@.absent
	@sed -e 's/#.*//' -e '/^ *$$/d' link/exports.txt link/plinth.txt | LC_ALL=C sort -u \
	  | LC_ALL=C comm -23 - $@.absent > $@

.PHONY: abi
abi: abi-test facts-test

.PHONY: size size-hot size-debug size-freestanding size-table
size: size-hot size-debug size-table
# How large the library is with what in it, for the targets there are tools for.
size-table:
	@tools/size-table.sh
size-hot: $(HOT)
	@tools/check-archive.sh $(HOT) hot link/undefined-host.txt link/plinth.txt
size-debug: $(COOL)
	@tools/check-archive.sh $(COOL) debug link/undefined-host.txt link/plinth.txt
size-freestanding: $(FREE)
	@tools/check-archive.sh $(FREE) freestanding link/undefined.txt

# Can the tests fail? One mechanism switched off at a time.
.PHONY: test-faults
test-faults:
	@tools/test-faults.sh

# Address and thread sanitizers, on what can run under them; minutes. Not part of
# `make test`. Parts: tools/sanitize.sh address-rust and so on.
.PHONY: sanitize
sanitize:
	@tools/needs.sh sanitize
	@tools/sanitize.sh

# --- Use ------------------------------------------------------------------

# The manual: pages in build/manual/html. Needs PyPI the first time.
.PHONY: manual
manual:
	@CARGO="$(CARGO)" tools/manual.sh

# The demonstration. On a terminal one line moves while a program runs; with
# MODE=log, and in a pipe, there is a line for each collection. With
# MODE=telemetry a report about it as well, the path of which is the last line.
MODE ?=
.PHONY: demo demo-telemetry
demo:
	@tools/needs.sh demo
	@$(MAKE) -s --no-print-directory $(HOT)
	@$(MAKE) --no-print-directory -C examples/scheme demo BUILD=../../build/scheme MODE=$(MODE)
ifeq ($(MODE),telemetry)
	@tool=$$(CARGO='$(CARGO)' tools/telemetry-tool.sh) && cd build/scheme/streams && \
	  "$$tool" report *.log -o ../../demo.html
	@echo "$(CURDIR)/build/demo.html"
endif

demo-telemetry:
	@$(MAKE) --no-print-directory demo MODE=telemetry

# Against other collectors and allocators, those that are installed: tables and plots on one
# page, build/bench/index.html. bench-quick takes less than five minutes, at smaller sizes.
# ROUNDS: how often each row is run. BENCH: which tables (benches/bench.py --list).
ROUNDS ?=
BENCH ?=
.PHONY: bench bench-quick bench-micro bench-tree bench-alloc bench-needs
bench bench-quick: bench-needs $(HOT)
	@CARGO='$(CARGO)' benches/bench.py $(if $(filter bench-quick,$@),--quick) \
	  $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(BENCH),--only '$(BENCH)',--micro)
# Single operations, by criterion (which is fetched for this and for nothing else).
bench-micro: $(HOT)
	@cd benches/micro && CRITERION_HOME='$(CURDIR)/build/bench/criterion' \
	  $(CARGO) bench --locked --target-dir ../../build/cargo/micro --bench micro
# Two of them as text, with what the page has not.
bench-tree bench-alloc: bench-needs
bench-needs:
	@tools/needs.sh bench || echo "Without these:" >&2
bench-tree: $(HOT)
	@CFLAGS_EXTRA=-DHAVE_MPSX benches/tree/run.sh $(HOT) include $(or $(ROUNDS),3)
bench-alloc: $(HOT)
	@benches/alloc/run.sh $(HOT) include $(or $(ROUNDS),3)

# Do the benchmark programs work? At tiny sizes; no time is looked at.
.PHONY: bench-test
bench-test: $(HOT)
	@benches/bench.py --smoke

.PHONY: help
help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile
	@echo "Targets:" $$(sed -n 's/^\.PHONY: //p' Makefile)

.PHONY: clean
clean:
	rm -rf build
