# Makes the archive that users link out of the one that rustc writes:
#
#   make -f link/localize.mk IN=raw.a OUT=libmps.a EXPORTS="file..." [DEBUG=1]
#
# One relocatable object whose only global symbols are those that EXPORTS list
# (of these, the ones that exist yet: tests/abi reports the others), without
# what nothing reaches, without bitcode, and without debug information unless
# DEBUG is set. BINUTILS is a prefix, for foreign processors; EMULATION is what
# ld -m wants for a processor that is not its own; UNREACHED=keep leaves in what
# nothing reaches. (ld for RISC-V spoils the unwinding tables, if there are any, when it takes that out.)
# MACHO is for macOS, for which no linker at hand joins objects: there tools/macho.rs makes the
# archive, of one object of Rust and one of C.
# PE is for Windows: x86_64 or x86. There PLINTH lists what is in members of its own, each a jump
# into a table in the object (ports/plinth.rs says why). An OUT that ends in .lib is put together by
# Microsoft's `lib`, as lld has it.
# UNWINDING=drop takes the unwinding tables out: rustc makes them for ARM64 even where
# nobody unwinds.

IN ?= $(error IN: the archive from rustc)
OUT ?= $(error OUT: the archive to make)
EXPORTS ?= link/exports.txt
BINUTILS ?=
EMULATION ?=
UNREACHED ?=
UNWINDING ?=
PE ?=
MACHO ?=
PLINTH ?=

T := $(OUT).tmp

# What C's names begin with there.
UNDERSCORE := $(if $(filter x86,$(PE)),_)
# Windows' own entry that the members jump into.
TABLE := $(if $(PE),mps_int_plinth)

# Of what processor IN is, only binutils made for it can tell.
READS = nm sees no symbols in $(IN): are $(BINUTILS)nm and $(BINUTILS)ld made for its processor?

ifneq ($(MACHO),)
$(OUT): $(IN) $(EXPORTS) link/localize.mk tools/macho.rs
	@rm -rf $(T) && mkdir -p $(T)
	@sed -e 's/#.*//' -e '/^ *$$/d' $(EXPORTS) > $(T)/wanted
	tools/macho.sh $(T)/wanted $(IN) $(T)/libmps.a
	@mv $(T)/libmps.a $@ && rm -rf $(T)
else
$(OUT): $(IN) $(EXPORTS) link/localize.mk
	@for c in nm ld objcopy ar; do command -v $(BINUTILS)$$c >/dev/null || { \
	  echo "there is no $(BINUTILS)$$c: it comes with binutils for the target" >&2; exit 1; }; done
	@rm -rf $(T) && mkdir -p $(T)
	@{ sed -e 's/#.*//' -e '/^ *$$/d' $(EXPORTS); echo $(TABLE); } | sed -e '/^$$/d' -e 's/^/$(UNDERSCORE)/' \
	  | LC_ALL=C sort -u > $(T)/wanted
	@$(BINUTILS)nm --defined-only --extern-only $(IN) 2>/dev/null \
	  | awk 'NF == 3 { print $$3 }' | LC_ALL=C sort -u > $(T)/there
	@test -s $(T)/there || { echo "$(READS)" >&2; exit 1; }
	@LC_ALL=C comm -12 $(T)/wanted $(T)/there > $(T)/exports
	@test -s $(T)/exports || { echo "$(IN) defines nothing public" >&2; exit 1; }
	$(BINUTILS)ld $(EMULATION:%=-m %) -r $(if $(UNREACHED),,--gc-sections) --force-group-allocation $$(sed 's/^/-u /' $(T)/exports) -o $(T)/mps.o $(IN)
	$(BINUTILS)objcopy --keep-global-symbols=$(T)/exports \
	  $(if $(PE),--remove-section=.drectve) --remove-section=.llvmbc '--remove-section=.ARM.exidx*' '--remove-section=.rel.ARM.exidx*' --remove-section=.llvmcmd --remove-section=.comment \
	  $(if $(UNWINDING),--remove-section=.eh_frame --remove-section=.rela.eh_frame) \
  $(if $(DEBUG),,--strip-debug) $(T)/mps.o
ifneq ($(PE),)
	@n=0; for f in $$(sed -e 's/#.*//' -e '/^ *$$/d' $(PLINTH)); do \
	  printf '.text\n.globl %s\n.def %s; .scl 2; .type 32; .endef\n.p2align 4\n%s: jmp %s+%d\n' \
	    $(UNDERSCORE)$$f $(UNDERSCORE)$$f $(UNDERSCORE)$$f $(UNDERSCORE)$(TABLE) $$((8 * n)) \
	    | $(BINUTILS)as -o $(T)/$$f.o || exit 1; \
	  n=$$((n + 1)); done
endif
	@rm -f $@
ifeq ($(suffix $(OUT)),.lib)
	cd $(T) && lld-link /lib /nologo /out:libmps.a mps.o $$(ls mps_*.o)
else
	cd $(T) && $(BINUTILS)ar crsD libmps.a mps.o $$(ls mps_*.o 2>/dev/null)
endif
	@mv $(T)/libmps.a $@ && rm -rf $(T)
endif
