# SPDX-License-Identifier: GPL-2.0
# Front door. 'make demo' and 'make test' set up all that they need on a bare
# Debian 12 as root; the other targets take it that one of them has run.

KERNELS := 6.1 6.12
MAKEFLAGS += --no-print-directory

.PHONY: help all modules tools demo test soak check kunit suite selftest bench asan \
	vm-shell setup clean

help:		## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 12

all: tools modules	## the programs, and the modules for both kernels

modules:	## the modules, into build/6.1 and build/6.12
	@for k in $(KERNELS); do tests/vm/get-module $$k || exit; done

tools:		## the programs, into build/tools/bin
	@tests/vm/get-tools

demo:		## set up, boot a stock kernel, load, limit, account, print
	@tests/vm/setup demo
	@tests/vm/run -- /root/tests/demo.sh

test:		## set up, build, every test, one verdict
	@tests/vm/setup test
	@tests/run-all

soak:		## the same with the tests that take long on the slower kernels
	@tests/vm/setup soak
	@BC_LONG=1 tests/run-all

check:		## static checks: sparse, W=1, kernel-doc, checkpatch, shellcheck
	@tests/checks/run

kunit:		## the KUnit suites: K=debug (default), 6.1 or 6.12
	@tests/kunit/run $(or $(K),debug)

suite:		## the tests in the guest: K=6.1|6.12|debug T='tests/guest/...'
	@tests/vm/suite -k $(or $(K),6.1) $(or $(T),$(wildcard tests/guest/*.sh tests/guest/*.py))

selftest:	## the tests of the test machine itself
	@tests/vm/selftest

bench:		## instruction counts of the hot paths, as a table
	@tests/bench/run

asan:		## the tests of the programs under the sanitizers
	@$(MAKE) -C tools OUT=$(CURDIR)/build/asan asan

vm-shell:	## a shell in the test machine: K=6.1|6.12|debug, the module loaded
	@tests/vm/run -k $(or $(K),6.1) -t 86400 --shell

setup:		## packages, kernels, image, debug kernel: what 'make test' needs
	@tests/vm/setup all

clean:		## remove build/ (what is cached outside the tree stays)
	rm -rf build
