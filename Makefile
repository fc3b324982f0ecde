# Every target installs what it needs and is quick when nothing is missing. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# npm writes this file last: it is there and newer than the lockfile exactly when an install went through.
INSTALLED := node_modules/.package-lock.json
BUILT := dist/.built
# Folders count as sources too, so that a deleted file makes dist stale.
SOURCES := $(shell find src) package.json tsconfig.json tsconfig.build.json

# Flags of the server (make run) or of vitest (make test-unit, test-e2e, test-browser).
ARGS ?=

.PHONY: help install build ffmpeg lean-ffmpeg setup demo run test test-unit test-e2e test-browser test-long test-lean test-package lint bench bench-faults bench-recovery bench-steady bench-storms bench-growth bench-on-demand bench-copies bench-long bench-sync bench-webrtc bench-catalogue fuzz soak package clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED) ## the npm packages of the lockfile
	@:

$(INSTALLED): package-lock.json
	@echo 'installing the npm packages of package-lock.json'
	@npm ci --loglevel=error --no-progress >/dev/null
	@touch $@

build: $(BUILT) ## compile src/ into dist/
	@:

$(BUILT): $(SOURCES) | $(INSTALLED)
	@echo 'compiling src/ into dist/'
	@rm -rf dist
	@node_modules/.bin/tsc -p tsconfig.build.json
	@touch $@

ffmpeg:
	@scripts/setup-ffmpeg.sh

lean-ffmpeg: ## vendor/ffmpeg-lean, built from Debian's source: records at a fraction of the cost (docs/decisions/0011-lean-ffmpeg.md)
	@scripts/build-lean-ffmpeg.sh

setup: install ffmpeg ## packages, and an ffmpeg when the machine has none
	@:

demo: build ffmpeg ## record six seconds from a real RTMP encoder and show the finished file
	@node scripts/demo.mjs

run: build ffmpeg ## start the server: make run ARGS='--set rtmp.port=1936'
	@exec node dist/main.js $(ARGS)

test: setup ## everything a pull request must pass
	@scripts/setup-tests.sh
	@node scripts/verify.mjs static unit e2e

test-long: setup ## bad lines, attacks, bad disks, WHIP, a thousand short recordings: needs a quiet machine
	@scripts/setup-tests.sh
	@node scripts/verify.mjs long

test-lean: setup lean-ffmpeg ## recording with the lean FFmpeg
	@scripts/setup-tests.sh
	@node scripts/verify.mjs lean

test-unit: install ## unit tests alone
	@node_modules/.bin/vitest run --project unit $(ARGS)

test-e2e: build ffmpeg ## end-to-end tests alone: real encoders, the real server
	@scripts/setup-tests.sh
	@node_modules/.bin/vitest run --project e2e $(ARGS)

test-browser: setup ## the Web SDK, the demo page and playback in Chromium: five minutes; CI runs them before `make test`
	@scripts/setup-tests.sh
	@node_modules/.bin/vitest run --project browser $(ARGS)

test-package: build ffmpeg ## the packages: install, record, upgrade, remove; PACKAGE_CHROOT names a Debian 13 for the .deb
	@node_modules/.bin/vitest run --project package $(ARGS)

fuzz: build ffmpeg ## changed sessions through all doors at once while a canary is recorded: FUZZ_SECONDS (600), FUZZ_SEED (docs/fuzzing.md)
	@node_modules/.bin/vitest run --project fuzz $(ARGS)

soak: build ffmpeg ## publishing and stopping for hours, a line a minute: SOAK_SECONDS (7200), SOAK_RATE (docs/fuzzing.md)
	@node_modules/.bin/vitest run --project soak $(ARGS)

lint: install ## eslint, formatting, types, architecture, shellcheck
	@node scripts/verify.mjs static

bench: build ffmpeg ## cost per recording beside nginx-rtmp (docs/benchmarks.md)
	@scripts/setup-nginx.sh
	@node bench/rtmp-recording.mjs

bench-steady: build ffmpeg ## what recording costs while it lasts, beside nginx-rtmp writing FLV (docs/benchmarks.md)
	@scripts/setup-nginx.sh
	@node bench/rtmp-steady.mjs

bench-storms: build ffmpeg ## a hundred publishers that come, and leave, within a second (docs/benchmarks.md)
	@node bench/storms.mjs

bench-growth: build ffmpeg ## what a recording costs among 1 to 200: BENCH_NUMBERS (docs/benchmarks.md)
	@node bench/growth.mjs

bench-on-demand: build ffmpeg ## how soon a recording that REST starts has its first byte in a file (docs/benchmarks.md)
	@node bench/on-demand.mjs

bench-copies: build ffmpeg ## bytes that move in memory between socket and FFmpeg's pipe: BENCH_LOADS (docs/benchmarks.md)
	@node bench/copies.mjs

bench-long: build ffmpeg ## memory, and the time of the end, of a recording of ten hours: BENCH_HOURS, BENCH_SPEED (docs/benchmarks.md)
	@node bench/long-recording.mjs

bench-faults: build ffmpeg ## what a kill -9 loses, beside nginx-rtmp (docs/benchmarks.md)
	@scripts/setup-nginx.sh
	@node bench/faults.mjs

bench-recovery: build ffmpeg ## how long a start takes to finish what a kill left (docs/benchmarks.md)
	@node bench/recovery.mjs

bench-sync: build ffmpeg ## what syncing against power failure costs (docs/benchmarks.md)
	@node bench/record-sync.mjs

bench-webrtc: build ffmpeg ## cost per recording beside Janus (docs/benchmarks.md)
	@scripts/setup-bench-webrtc.sh
	@node bench/webrtc-recording.mjs

package: build ## packages/: a Debian package, and a tarball with install.sh (docs/installation.md)
	@scripts/package.sh

bench-catalogue: build ## lists, start and writes of a catalogue of 100,000 files (docs/benchmarks.md)
	@node bench/catalogue.mjs

clean: ## remove everything that was built or fetched, except recordings
	@rm -rf dist coverage vendor packages node_modules
