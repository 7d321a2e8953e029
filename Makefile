# Every job there is. `make help` lists them.
#
#   make                      build/libmps.a (hot), build/libmps-debug.a (cool)
#   make TARGET=x86_64-unknown-none    build/<target>/libmps.a, freestanding
#   make test                 everything .ci/run runs
#
# Variables: PREFIX and DESTDIR (install), TARGET, CARGO, CC, JOBS, TEST (a
# filter for `make rust-test`), CLIENT (one for `make client-test`).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

CARGO ?= cargo
CC ?= cc
PREFIX ?= /usr/local
TARGET ?=
JOBS ?=
TEST ?=
CLIENT ?=

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
SOURCES := $(shell find src ports arch -type f \( -name '*.rs' -o -name '*.S' -o -name '*.c' -o -name '*.h' \)) Cargo.toml
LINK := $(wildcard link/*.txt) link/localize.mk
HEADERS := $(wildcard include/*.h)
FACTS ?= ../shared/abi

HOT := build/libmps.a
COOL := build/libmps-debug.a
NONE := x86_64-unknown-none
FREE := build/$(NONE)/libmps.a

# --- Archives -------------------------------------------------------------

RUSTC_LIB = $(CARGO) rustc --quiet --release --lib --crate-type staticlib $(if $(JOBS),-j $(JOBS))
LOCALIZE = $(MAKE) --no-print-directory -f link/localize.mk

ifeq ($(TARGET),)
.PHONY: all
all: lib debug
else
.PHONY: all
all: build/$(TARGET)/libmps.a
endif

.PHONY: lib debug
lib: $(HOT)
debug: $(COOL)

$(HOT): $(SOURCES) $(LINK)
	$(RUSTC_LIB) --features port-host,archive --target-dir build/cargo/hot
	@$(LOCALIZE) IN=build/cargo/hot/release/libmps.a OUT=$@ EXPORTS="link/exports.txt link/plinth.txt"

$(COOL): $(SOURCES) $(LINK)
	$(RUSTC_LIB) --features port-host,archive,variety-cool --target-dir build/cargo/cool
	@$(LOCALIZE) IN=build/cargo/cool/release/libmps.a OUT=$@ EXPORTS="link/exports.txt link/plinth.txt" DEBUG=1

# Another target: with the port of its system if there is one, else the hooks.
# tools/cross.sh finds a compiler that has, or can build, the core library.
build/%/libmps.a: $(SOURCES) $(LINK) tools/cross.sh tools/cross-toolchain.sh
	CARGO='$(CARGO)' tools/cross.sh $* build/cargo/$*
	@$(LOCALIZE) IN=build/cargo/$*/$*/release/libmps.a OUT=$@ \
	  EXPORTS="link/exports.txt $(if $(findstring linux,$*),link/plinth.txt)" \
	  BINUTILS=$$(tools/cross.sh --binutils $*) EMULATION=$$(tools/cross.sh --emulation $*)

# --- Install --------------------------------------------------------------

.PHONY: install
install: lib debug
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 644 $(HOT) $(COOL) $(DESTDIR)$(PREFIX)/lib
	install -m 644 $(HEADERS) $(DESTDIR)$(PREFIX)/include
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' link/mps.pc.in \
	  > $(DESTDIR)$(PREFIX)/lib/pkgconfig/mps.pc

# --- Checks and tests -----------------------------------------------------

# Fast: does it compile, with and without features, and do the lints hold?
.PHONY: check
check:
	$(CARGO) check --quiet --all-targets
	$(CARGO) clippy --quiet --all-targets --features port-host -- -D warnings
	$(CARGO) clippy --quiet --all-targets --manifest-path examples/pool-class/Cargo.toml \
	  --target-dir build/cargo/example -- -D warnings

.PHONY: test
test:
	@tools/run-tests.sh

# The parts of it, each ending in a line 'N passed, N failed'.
.PHONY: rust-test example-test abi-test facts-test client-test scheme-test minimal-test install-test size-test freestanding-test gdb-test index-test cross-test
rust-test:
	@tools/rust-test.sh $(TEST)

# Pool classes from outside the library.
example-test:
	@MANIFEST=examples/pool-class/Cargo.toml FEATURES= OUT=build/cargo/example tools/rust-test.sh $(TEST)

abi-test: lib build/implemented.txt
	@EXPORTS=build/implemented.txt tests/abi/run.sh include $(HOT) $(CC)

facts-test: lib
	@tools/facts-test.sh $(FACTS) $(HOT)

client-test: lib debug
	@tools/sum.sh \
	  "tests/client/run.sh $(HOT) include $(CLIENT)" \
	  "tests/client/run.sh $(COOL) include $(CLIENT)"

gdb-test: lib
	@tests/client/gdb.sh $(HOT) include

index-test:
	@tools/index-test.sh $(FACTS)

# Not part of `make test`: minutes, and it wants compilers and an emulator.
cross-test:
	@tools/sum.sh "tools/cross-test.sh i686-unknown-linux-gnu $(CLIENT)" \
	  "tools/cross-test.sh aarch64-unknown-linux-gnu $(CLIENT)"

scheme-test: lib debug
	@tools/sum.sh \
	  "$(MAKE) -s --no-print-directory -C examples/scheme test BUILD=../../build/scheme" \
	  "$(MAKE) -s --no-print-directory -C examples/scheme test BUILD=../../build/scheme-debug MPS_LIB=../../$(COOL)"

minimal-test: lib
	@$(MAKE) -s --no-print-directory -C examples/minimal test

install-test: lib debug
	@tools/install-test.sh

size-test: lib debug $(FREE)
	@tools/sum.sh "$(MAKE) --no-print-directory size-hot" "$(MAKE) --no-print-directory size-debug" \
	  "$(MAKE) --no-print-directory size-freestanding"

freestanding-test: $(FREE)
	@tests/freestanding/run.sh $(FREE)

# The tool that reads event streams, its page in a browser, and events in defmt.
.PHONY: telemetry-test
telemetry-test: lib debug $(FREE)
	@tools/telemetry-test.sh $(HOT) $(COOL) $(FREE)

# What the archive should define by now: all but what docs/STATUS.md says is absent.
build/implemented.txt: link/exports.txt link/plinth.txt $(wildcard docs/STATUS.md) tools/absent.sh
	@mkdir -p build
	@tools/absent.sh > $@.absent
	@sed -e 's/#.*//' -e '/^ *$$/d' link/exports.txt link/plinth.txt | LC_ALL=C sort -u \
	  | LC_ALL=C comm -23 - $@.absent > $@

.PHONY: abi
abi: abi-test facts-test

.PHONY: size size-hot size-debug size-freestanding
size: size-hot size-debug
size-hot: lib
	@tools/check-archive.sh $(HOT) hot link/undefined-host.txt link/plinth.txt
size-debug: debug
	@tools/check-archive.sh $(COOL) debug link/undefined-host.txt link/plinth.txt
size-freestanding: $(FREE)
	@tools/check-archive.sh $(FREE) freestanding link/undefined.txt

# Can the tests fail? One mechanism switched off at a time.
.PHONY: test-faults
test-faults:
	@tools/test-faults.sh

# --- Use ------------------------------------------------------------------

# The demonstration; with MODE=telemetry, a report about it as well, the path of
# which is the last line.
MODE ?=
.PHONY: demo demo-telemetry
demo: lib
	@$(MAKE) --no-print-directory -C examples/scheme demo BUILD=../../build/scheme MODE=$(MODE)
ifeq ($(MODE),telemetry)
	@tool=$$(CARGO='$(CARGO)' tools/telemetry-tool.sh) && cd build/scheme/streams && \
	  "$$tool" report *.log -o ../../demo.html
	@echo "$(CURDIR)/build/demo.html"
endif

demo-telemetry:
	@$(MAKE) --no-print-directory demo MODE=telemetry

# Against other collectors and allocators, those that are installed. ROUNDS:
# how often each table is run; ONLY: which of the allocators' tables.
ROUNDS ?= 3
.PHONY: bench bench-tree bench-alloc
bench: bench-tree bench-alloc
bench-tree: lib
	@CFLAGS_EXTRA=-DHAVE_MPSX benches/tree/run.sh $(HOT) include $(ROUNDS)
bench-alloc: lib
	@benches/alloc/run.sh $(HOT) include $(ROUNDS)

.PHONY: help
help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile
	@echo "Targets:" $$(sed -n 's/^\.PHONY: //p' Makefile)

.PHONY: clean
clean:
	rm -rf build
