# What a person or a machine does with Dockyard. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build test check bench bench-pages demo screenshots dev install clean

PREFIX ?= $(HOME)/.local
# Arguments of the server, as in: make run ARGS='--listen 0.0.0.0:3000'
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

run: build ## Build and start the server on http://127.0.0.1:3000 (Ctrl-C stops it)
	@exec target/release/dockyard serve $(ARGS)

build: ## Make target/release/dockyard and target/release/mydocker
	@scripts/build.sh

test: ## Everything: lints, unit, integration, real clients, a real browser
	@scripts/test.sh

check: ## Formatting, lints and unit tests
	@scripts/setup.sh build
	@scripts/check.sh

bench-pages: ## Measure the pages of a large sample instance and write docs/pages.md (some minutes)
	@scripts/bench-pages.sh

bench: ## Measure beside docker-registry, and the pages: docs/benchmarks.md, docs/pages.md (some fifteen minutes)
	@scripts/bench.sh $(ARGS)
	@scripts/bench-pages.sh

demo: ## Serve a filled instance on http://127.0.0.1:3000, gone at Ctrl-C (ARGS: --grow, or of serve)
	@scripts/demo.sh $(ARGS)

screenshots: build ## Pictures of every page, in target/screenshots, from the sample instance
	@scripts/setup.sh test
	@scripts/browser.sh --project pages

dev: ## Rebuild, restart and reload open pages at each change of a source file
	@scripts/dev.sh $(ARGS)

install: build ## Copy both programs to PREFIX/bin (PREFIX is ~/.local unless set)
	@install -d '$(DESTDIR)$(PREFIX)/bin'
	@install -m 755 target/release/dockyard target/release/mydocker '$(DESTDIR)$(PREFIX)/bin/'
	@echo 'installed dockyard and mydocker in $(DESTDIR)$(PREFIX)/bin'

clean: ## Remove what was built (the caches outside this folder and ./data stay)
	rm -rf target end2end/node_modules end2end/test-results
