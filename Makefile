# SPDX-License-Identifier: GPL-2.0
# The ways in. Nothing here is ever part of a kernel tree.

tools := tools/vmemmap
quote := '
hash := \#

# The words that each goal takes; everything else is refused.
any := INSTALL
kernel := $(any) BASE LINUX FORCE
harness := MM CC CFLAGS
takes_help :=
takes_run := SCENARIO $(kernel) CONFIG ACCEL KTAP STOCK
takes_test := KERNEL SCENARIO $(kernel) ACCEL MINUTES
takes_test-all := $(takes_test)
takes_test-debug := $(takes_test)
takes_unit := FILTER SEED V VARIANTS $(harness) $(any)
takes_coverage := $(any)
takes_mutants := N FUNCTIONS $(any)
takes_fuzz := SECONDS $(harness) $(any)
takes_kunit := KERNEL FILTER V $(kernel) CONFIG ACCEL PATCHES
takes_links := KERNEL $(kernel)
takes_cross := KERNEL $(kernel)
takes_compare := SCENARIO $(kernel) ACCEL
takes_bench := KERNEL $(kernel)
takes_bench-scale := $(harness) $(any)
takes_show-test := $(any)
takes_pages := $(any)
takes_words :=
takes_laid := $(kernel)
takes_laid-all := $(kernel)
takes_overlay-test := BASE FILTER $(any)
takes_patches := BASE LINUX FORCE SIGNOFF $(any)
takes_patches-test := BASE LINUX FORCE $(any)
takes_patches-build := $(takes_patches-test)
takes_check := $(kernel)
takes_clean :=
goals := $(patsubst takes_%,%,$(filter takes_%,$(.VARIABLES)))

# What stands in the command line of make, but not in the environment
given := $(strip $(foreach name,$(.VARIABLES),$(if $(findstring command,$(origin $(name))),$(name))))
asked := $(or $(filter $(goals),$(MAKECMDGOALS)),help)
taken := $(sort $(foreach goal,$(asked),$(takes_$(goal))))
refused := $(filter-out $(taken),$(given))
ifneq ($(refused),)
$(error $(firstword $(asked)) takes $(or $(patsubst %,%=,$(takes_$(firstword $(asked)))),no words), \
	not $(patsubst %,%=,$(refused)))
endif

# Neither make nor the kernel's build can cope with a path that has these in it.
odd := $(strip $(foreach character,: $(quote) " $(hash) $$ %,$(findstring $(character),$(CURDIR))))
ifneq ($(filter-out help clean,$(asked)),)
ifneq ($(words $(CURDIR))$(odd),1)
$(error the path of this clone, '$(CURDIR)', has a space or one of :'"$(hash)$$% in it; move the clone elsewhere)
endif
endif

# The words that were given, for a script
words = $(foreach name,$(filter $(takes_$@),$(given)),$(name)='$(subst $(quote),'\'',$(value $(name)))')

.PHONY: $(goals)

help:
	@$(tools)/help.sh

run kunit links cross compare bench pages check:
	@$(tools)/$@.sh $(words)

test:
	@$(tools)/test.sh $(words)

test-all test-debug:
	@$(tools)/test.sh $(@:test-%=%) $(words)

unit coverage mutants fuzz:
	@$(tools)/harness.sh $@ $(words)

bench-scale:
	@$(tools)/harness.sh scale $(words)

laid:
	@$(tools)/laid_test.sh $(words)

laid-all:
	@$(tools)/laid_test.sh all $(words)

words:
	@$(tools)/words_test.sh

overlay-test patches-test show-test:
	@$(tools)/$(@:-test=_test).sh $(words)

patches-build:
	@$(tools)/patches_test.sh build $(words)

patches:
	@$(tools)/patches.sh $(words)

# If build is a link, what it points to is emptied.
clean:
	@[ ! -e build ] || find build/ -mindepth 1 -delete
	@[ -L build ] || rm -rf build
	@$(tools)/help.sh | tail -n 1
	@echo 'To remove them too, remove that directory.'
