# What a person or a machine does with Dockyard. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build image test times check bench bench-pages bench-search demo screenshots dev install clean

PREFIX ?= $(HOME)/.local
# Arguments of the server, as in: make run ARGS='--listen 0.0.0.0:3000'
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' Makefile

run: ## Build for trying out and start the server on http://127.0.0.1:3000 (Ctrl-C stops it)
	@scripts/build.sh dev
	@exec target/dev/dockyard serve $(ARGS)

build: ## Make target/release/dockyard and target/release/mydocker, optimised (a quarter of an hour at first)
	@scripts/build.sh release

test: ## Everything: lints, unit, integration, real clients, a real browser (a part: ONLY=clients/docker)
	@scripts/test.sh $(ONLY)

times: ## How long each step of the last test run took, beside its budget
	@scripts/times.sh

check: ## Formatting, lints and unit tests
	@scripts/setup.sh build
	@scripts/check.sh

bench-search: ## Measure the search over a million repositories beside SQLite FTS5: docs/search.md (some five minutes)
	@scripts/bench-search.sh $(ARGS)

bench-pages: ## Measure the pages of a large sample instance and write docs/pages.md (some minutes)
	@scripts/bench-pages.sh

bench: ## Measure beside docker-registry, and the pages: docs/benchmarks.md, docs/pages.md (some fifteen minutes)
	@scripts/bench.sh $(ARGS)
	@scripts/bench-pages.sh

demo: ## Serve a filled instance on http://127.0.0.1:3000, gone at Ctrl-C (ARGS: --grow, or of serve)
	@scripts/demo.sh $(ARGS)

screenshots: ## Pictures of every page, in target/screenshots, from the sample instance
	@scripts/setup.sh test
	@scripts/build.sh dev
	@DOCKYARD_SCREENSHOTS=../target/screenshots DOCKYARD_BIN_DIR=target/dev scripts/browser.sh --project pages

dev: ## Rebuild, restart and reload open pages at each change of a source file
	@scripts/dev.sh $(ARGS)

image: build ## Make the container image dockyard:latest (ARGS: --tag NAME:TAG, --engine docker|podman|buildah)
	@scripts/image.sh $(ARGS)

install: build ## Copy both programs, manual pages and completions below PREFIX (~/.local unless set)
	@install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' \
	  '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DESTDIR)$(PREFIX)/share/zsh/site-functions' \
	  '$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d'
	@install -m 755 target/release/dockyard target/release/mydocker '$(DESTDIR)$(PREFIX)/bin/'
	@target/release/mydocker man '$(DESTDIR)$(PREFIX)/share/man/man1'
	@target/release/mydocker completions bash >'$(DESTDIR)$(PREFIX)/share/bash-completion/completions/mydocker'
	@target/release/mydocker completions zsh >'$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_mydocker'
	@target/release/mydocker completions fish >'$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/mydocker.fish'
	@echo 'installed dockyard and mydocker below $(DESTDIR)$(PREFIX)'

clean: ## Remove what was built (the caches outside this folder and ./data stay)
	rm -rf target end2end/node_modules end2end/test-results
