# SPDX-License-Identifier: Apache-2.0
#
# podbind. `make help` lists what there is to do. Everything built goes under build/.
#   make CC=clang-14 BUILD=build/clang      another compiler, beside the first
#   make VARIANT=san unit-programs          -O1 with AddressSanitizer and UBSan, in build/san/

BUILD := build
VARIANT := release# release | san | tsan | cov | fuzz
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
OUT := $(BUILD)/$(VARIANT)
BIN := $(if $(filter release,$(VARIANT)),$(BUILD),$(OUT))
VERSION := $(file <VERSION)

MAKEFLAGS += --no-builtin-rules $(if $(filter 0,$(MAKELEVEL)),-j2)
.DEFAULT_GOAL := all
.DELETE_ON_ERROR .SECONDARY .SECONDEXPANSION:

# ---- sources: whatever lies in the folders ----------------------------------------------------
ROOMS := base crds kube aws reconcile informers controller cli
PRODUCT := $(wildcard $(ROOMS:=/*.c))
MODEL := $(wildcard tests/standin/model*.c)
STANDIN := $(filter-out $(MODEL),$(wildcard tests/standin/*.c))
SIM := $(wildcard tests/sim/*.c)
UNIT := $(wildcard tests/unit/test_*.c)
UNIT_HELPERS := $(filter-out $(UNIT),$(wildcard tests/unit/*.c))
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_HELPERS := $(filter-out $(FUZZ),$(wildcard tests/fuzz/*.c))
SOURCES := $(PRODUCT) $(MODEL) $(STANDIN) $(SIM) $(wildcard tests/bench/*.c tests/crash/*.c tests/delays/*.c) $(UNIT) \
    $(UNIT_HELPERS) $(FUZZ) $(FUZZ_HELPERS)
HEADERS := $(wildcard $(ROOMS:=/*.h) tests/*/*.h)
object = $(patsubst %.c,$(OUT)/%.o,$(1))

# ---- flags: those a compiler lacks are dropped by tools/probe.sh ---------------------------------
LIBRARIES := libcurl jansson yaml-0.1 expat libwebsockets libcrypto libssl
WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wstrict-prototypes \
    -Wmissing-prototypes -Wformat=2 -Wimplicit-fallthrough -Wvla -Wpointer-arith -Wwrite-strings \
    -Wundef -Wdate-time -Wlogical-op -Wduplicated-cond -Wtrampolines -Wbidi-chars=any
HARDENING := -fstack-clash-protection -fstack-protector-strong -fcf-protection=full \
    -mbranch-protection=standard -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3 \
    -fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing -fexceptions
HARDENING_LINK := -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,-z,separate-code \
    -Wl,--as-needed -Wl,--no-copy-dt-needed-entries
MODE_release = -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 $(call probe,$(HARDENING)) -fPIE
LINK_release = -pie $(call probe,$(HARDENING_LINK))
MODE_san = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
MODE_tsan = -O1 -fno-omit-frame-pointer -fsanitize=thread
MODE_cov = -O0 --coverage -fprofile-update=atomic
MODE_fuzz = -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LINK_fuzz = -fsanitize=fuzzer,address,undefined
probe = $(shell tools/probe.sh $(BUILD)/probe "$(CC)" $(1))
packages = $(or $(shell pkg-config $(1) $(2)),$(if $(filter --libs,$(1)),\
    $(error missing libraries: run tools/deps.sh)))

ifneq ($(filter-out help clean fmt lint demo test check unit coverage mutants e2e crash tsan valgrind delays bench fuzz,$(or $(MAKECMDGOALS),all)),)
COMPILE := $(CC) -std=c11 -D_GNU_SOURCE -DPODBIND_VERSION=\"$(VERSION)\" -iquote. -pthread -g \
    $(MODE_$(VARIANT)) $(call probe,$(WARNINGS)) $(call packages,--cflags,$(LIBRARIES)) $(CFLAGS)
LINK := $(CC) -pthread $(or $(LINK_$(VARIANT)),$(MODE_$(VARIANT))) $(LDFLAGS)
LIBS := $(call packages,--libs,$(LIBRARIES))
same = $(and $(findstring x$(1)x,x$(2)x),$(findstring x$(2)x,x$(1)x))
keep = $(if $(call same,$(strip $(file <$(1))),$(strip $(2))),,$(shell mkdir -p $(OUT))$(file >$(1),$(2)))
$(call keep,$(OUT)/command,$(COMPILE))# changed flags compile all again
$(call keep,$(OUT)/sources,$(SOURCES))# a file less links all again
endif

# ---- what there is to do ------------------------------------------------------------------------
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' Makefile)
all: $(BIN)/podbind $(if $(filter release,$(VARIANT)),$(BUILD)/compile_commands.json) ## build/podbind (the default)
demo: ## blue and green on this machine, start to end
	@tools/deps.sh && $(MAKE) --no-print-directory $(BIN)/podbind $(BIN)/podbind-standin
	@python3 tests/demo/demo.py
test: ## everything: lint, unit, simulation, boto3, end to end
	@tools/deps.sh && python3 tools/test.py
check: STAGES := unit,sim --variant san --histories 200## the quick tests (ASan+UBSan): unit, cases, 200 simulated histories
unit: STAGES := unit## the unit tests and cases (ASan+UBSan)
e2e: STAGES := e2e## end to end on a real kube-apiserver
crash: STAGES := deps,controlplane,crash --points all## kill -9 at 464 points, and what has made others delete everything
tsan: STAGES := deps,unit,controlplane,e2e --variant tsan --operator tsan## the unit tests and end to end under ThreadSanitizer
valgrind: STAGES := deps,unit --variant release --way valgrind## the unit tests under valgrind
delays: STAGES := deps,unit --variant release --way delays## the unit tests five times, with threads held up at random
check unit e2e crash tsan valgrind delays:
	@python3 tools/test.py --only $(STAGES)
sim: $(BIN)/podbind-sim ## simulated histories: HISTORIES=1000 SEED=1 WIRE=1
	@$< --histories $(or $(HISTORIES),1000) --seed $(or $(SEED),1) --kept tests/sim/kept $(if $(WIRE),--wire)
mutants: ## breaks podbind, and the simulator must find it: AUTO=300 by rule, MUTANTS="07 31"
	@python3 tools/mutants.py $(if $(AUTO),--auto $(AUTO)) $(MUTANTS)
coverage: ## branches of reconcile/ taken by unit tests and cases, and by HISTORIES=4000 histories
	@python3 tools/coverage.py $(if $(HISTORIES),--histories $(HISTORIES))
fuzz: ## the parsers under libFuzzer: SECONDS=60 each, TARGETS="arn tape"
	@tools/deps.sh && python3 tools/fuzz.py --seconds $(or $(SECONDS),60) $(TARGETS)
bench: ## speed and size against a measured bound: N=100,1000,5000
	@python3 tests/bench/bench.py $(if $(N),--counts=$(N))
lint: ## layers, purity, formatting, banned calls, sizes, clang-tidy, warnings
	@tools/lint/run.sh
fmt: ## format the C sources
	@tools/lint/format.sh --write
clean: ## remove build/
	@rm -rf $(BUILD)
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

programs: all $(if $(STANDIN),$(BIN)/podbind-standin) $(if $(SIM),$(BIN)/podbind-sim $(BIN)/podbind-bench) $(BIN)/crash_points.so ## podbind, the AWS stand-in, the simulator, the benchmark
unit-programs: $(UNIT:%.c=$(OUT)/%) $(FUZZ:%.c=$(OUT)/%)
objects: $(call object,$(SOURCES))
headers: $(HEADERS:%=$(OUT)/%.alone)

# ---- how things are built -----------------------------------------------------------------------
link = echo '  LD    $@' && mkdir -p $(@D) && $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)
archive = echo '  AR    $@' && mkdir -p $(@D) && rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(BIN)/podbind: $(call object,$(PRODUCT)) $(OUT)/sources
	@$(link)

$(BIN)/podbind-standin: $(OUT)/tests/standin/standin_main.o $(OUT)/standin.a $(OUT)/model.a \
    $(OUT)/product.a $(OUT)/sources
	@$(link) $(call packages,--libs,libmicrohttpd)

$(BIN)/podbind-sim $(BIN)/podbind-bench: $(BIN)/podbind-%: $$(call object,$$(wildcard tests/$$*/*.c)) \
    $(OUT)/standin.a $(OUT)/model.a $(OUT)/product.a $(OUT)/sources
	@$(link)

$(OUT)/tests/unit/test_%: $(OUT)/tests/unit/test_%.o $(call object,$(UNIT_HELPERS)) \
    $(OUT)/model.a $(OUT)/product.a
	@$(link) $(call packages,--libs,cmocka)

$(OUT)/tests/fuzz/fuzz_%: $(OUT)/tests/fuzz/fuzz_%.o $(OUT)/fuzz.a $(OUT)/standin.a $(OUT)/model.a $(OUT)/product.a
	@$(link) $(call packages,--libs,cmocka)
$(OUT)/tests/fuzz/fuzz_tape: $(filter-out %/sim_main.o,$(call object,$(SIM)))

$(BIN)/crash_points.so $(BIN)/delays.so: $(BIN)/%.so: $$(wildcard tests/*/$$*.c) $(OUT)/command
	@echo '  LD    $@' && $(COMPILE) -fPIC -shared $(LDFLAGS) -o $@ $<

$(OUT)/product.a: $(filter-out %/cli/main.o,$(call object,$(PRODUCT)))
$(OUT)/model.a: $(call object,$(MODEL))
$(OUT)/standin.a: $(filter-out %/standin_main.o,$(call object,$(STANDIN)))
$(OUT)/fuzz.a: $(call object,$(FUZZ_HELPERS))
$(OUT)/product.a $(OUT)/model.a $(OUT)/standin.a $(OUT)/fuzz.a: $(OUT)/sources
	@$(archive)

$(OUT)/%.o: %.c $(OUT)/command
	@echo '  CC    $<' && mkdir -p $(@D) && $(COMPILE) -MMD -MP -c -o $@ $<

$(OUT)/%.h.alone: %.h $(OUT)/command # each header compiles alone
	@mkdir -p $(@D) && echo '#include "$<"' | \
	    $(COMPILE) -MMD -MP -MF $@.d -MT $@ -fsyntax-only -x c - && touch $@

$(BUILD)/compile_commands.json: $(OUT)/command $(OUT)/sources
	@{ echo '['; for source in $(SOURCES); do printf '{"directory": "%s", "file": "%s", "command": "%s"},\n' \
	    "$(CURDIR)" "$$source" "$$(sed 's/[\\"]/\\&/g' $<) -c $$source"; done | sed '$$s/,$$//'; echo ']'; } >$@

-include $(patsubst %.o,%.d,$(call object,$(SOURCES))) $(HEADERS:%=$(OUT)/%.alone.d)
