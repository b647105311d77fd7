# Everything that a person types. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# Where Go's own archive installs it: what Debian packs may be too old.
export PATH := $(PATH):/usr/local/go/bin

TARGET := $(or $(CARGO_TARGET_DIR),target)
DINH := $(TARGET)/debug/dinh
LOADTEST := $(TARGET)/debug/dinh-loadtest
LINE_DEVICE := $(TARGET)/debug/line-device
# What the benches of conferences are built with; `dev` is built sooner and runs slower.
PROFILE := release
BUILT := $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
# Builds the debug server alone. Whoever builds the tests as well does it by their command: Cargo compiles
# dependencies anew for another selection of features.
BUILD_DINH ?= cargo build --locked -p signaling --bin dinh
NPM := npm --no-audit --no-fund --no-update-notifier --loglevel=error

TOOLS := $(TARGET)/tools

WEB := web-client
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public $(WEB)/*.html $(WEB)/dev/*.ts $(WEB)/*.ts $(WEB)/*.js -type f)
BROWSER := tests/browser
API := tests/api
INTEROP := tests/interop

# Random inputs are the same in every run of the tests, so that what fails here fails everywhere;
# `make properties` tries others.
export PROPTEST_RNG_SEED ?= 20261126
CASES ?= 20000

# What must be on the PATH, or a module of Python, each with the Debian package that brings it.
BUILD_NEEDS := cc:build-essential
DOCS_NEEDS := python3:python3 ensurepip:python3-venv
LINT_NEEDS := $(BUILD_NEEDS) curl:curl python3:python3 ensurepip:python3-venv
TEST_NEEDS := $(BUILD_NEEDS) python3:python3 ensurepip:python3-venv chromium:chromium firefox-esr:firefox-esr ip:iproute2 nft:nftables strace:strace nginx:nginx caddy:caddy go:golang-go tinyproxy:tinyproxy turnserver:coturn openssl:openssl certutil:libnss3-tools pg_ctlcluster:postgresql

# Installs what is missing of $(1), all at once; says what to do where it cannot.
define install
	@export PATH="$$PATH:/usr/sbin:/sbin"; missing=""; \
	for need in $(1); do command -v "$${need%%:*}" >/dev/null || python3 -c "import $${need%%:*}" 2>/dev/null || missing="$$missing $${need##*:}"; done; \
	[ -n "$$missing" ] || exit 0; \
	[ "$$(id -u)" = 0 ] && root="" || root="sudo"; \
	command -v apt-get >/dev/null || { echo "Please install:$$missing"; exit 1; }; \
	echo "Installing:$$missing"; \
	$$root apt-get update -qq; \
	DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $$missing >/dev/null
endef

.PHONY: help
help: ## list what can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: build ## start a server with a demo conference, and print links into it
	@exec $(DINH) serve --demo

.PHONY: build
build: packages web ## build the web client and the server
	$(BUILD_DINH)

.PHONY: docs
docs: packages-docs docs/dist/index.html ## build the documentation that the server serves at /docs

.PHONY: release
release: packages web docs ## build the binary to put on a server, with the pages inside
	cargo build --locked --release -p signaling --bin dinh

.PHONY: deb
deb: release ## build the Debian package, and try it: dist/dinh_*.deb
	$(call install,lintian:lintian)
	@package=$$(packaging/debian/build $(TARGET)/release/dinh dist) && packaging/debian/check $$package && echo $$package

.PHONY: test-package
test-package: packages-test web docs $(BROWSER)/node_modules/.package-lock.json ## install the package on a fresh Debian, and hold a conference there in real browsers through TCP 443 alone: PROFILE=dev
	$(call install,mmdebstrap:mmdebstrap)
	cargo build --locked --profile $(PROFILE) -p signaling --bin dinh --features pages-inside
	@package=$$(QUICK=1 packaging/debian/build $(BUILT)/dinh $(TARGET)/package) && packaging/debian/fresh $$package $(BUILT)/dinh $(TARGET)/fresh

.PHONY: helm
helm: packages-docs build $(TOOLS)/helm/.installed ## lint the Helm chart, and have the server judge what it is configured with
	$(TOOLS)/helm/bin/python packaging/helm/check.py $(DINH)

CYCLONEDX := $(TOOLS)/sbom/bin/cargo-cyclonedx

.PHONY: dist
dist: deb helm $(CYCLONEDX) ## everything to be published, with what it is made of and checksums: dist/
	packaging/dist $(TARGET)/release/dinh $(CYCLONEDX) $(TOOLS)/helm/bin/python dist

$(CYCLONEDX):
	cargo install --quiet --locked --root $(TOOLS)/sbom cargo-cyclonedx@0.5.9

.PHONY: test
test: packages-test web docs ## run every test, browsers included
	$(NPM) --prefix $(WEB) test
	@$(MAKE) --no-print-directory screens-quick
	@$(MAKE) --no-print-directory screens-longer
	cargo test --workspace --locked
	@$(MAKE) --no-print-directory test-postgres
	@$(MAKE) --no-print-directory interop-quick
	@$(MAKE) --no-print-directory networks-quick
	@$(MAKE) --no-print-directory browsers

.PHONY: test-postgres
test-postgres: packages-test web ## the tests of what is kept, those of the whole server and a few faults, on a PostgreSQL of their own
	TEST_STORE=postgres cargo test --workspace --locked --lib -- store::
	TEST_STORE=postgres cargo test --workspace --locked --test server --test faults

# The programs built last, for tests that are not in Rust.
PROGRAMS = DINH="$(abspath $(DINH))" LOADTEST="$(abspath $(LOADTEST))" LINE_DEVICE="$(abspath $(LINE_DEVICE))"

.PHONY: browsers
browsers: packages-test web $(BROWSER)/node_modules/.package-lock.json ## run the tests with real browsers, against the programs built last
	$(PROGRAMS) $(NPM) --prefix $(BROWSER) test

.PHONY: screens
screens: packages-test web ## photograph every state of every page, have axe judge it, and tell what has changed: SIZES, LOOKS, LANGUAGES
	$(NPM) --prefix $(WEB) run screens -- "$(abspath $(TARGET))/screens"

.PHONY: screens-quick
screens-quick: packages-test web ## the same on a phone and a laptop, each in one language, and what looks different from the reference
	$(NPM) --prefix $(WEB) run screens -- --quick "$(abspath $(TARGET))/screens-quick"

.PHONY: screens-reference
screens-reference: packages-test web ## keep what every state looks like now as the reference
	$(NPM) --prefix $(WEB) run screens -- --quick --renew "$(abspath $(TARGET))/screens-quick"

.PHONY: screens-longer
screens-longer: packages-test web ## whether a third language, of long words and with three plurals, has room on every page
	$(NPM) --prefix $(WEB) run screens -- --longer fr "$(abspath $(TARGET))/screens-longer"

.PHONY: lighthouse
lighthouse: packages-test web $(BROWSER)/node_modules/.package-lock.json ## what Lighthouse says of the pages on a slow phone, against the program built last
	$(PROGRAMS) $(NPM) --prefix $(BROWSER) run lighthouse

.PHONY: test-reach
test-reach: packages-test web $(BROWSER)/node_modules/.package-lock.json ## real browsers behind firewalls of every kind, and write docs/src/engineer/reach.md
	$(PROGRAMS) REACH_DOCUMENT="$(abspath docs/src/engineer/reach.md)" node --test --test-reporter=spec $(BROWSER)/test/reach.test.mjs

NETWORKS = $(PROGRAMS) node $(BROWSER)/networks/run.mjs

.PHONY: networks-quick
networks-quick: packages-test web $(BROWSER)/node_modules/.package-lock.json ## real browsers behind the worst bad lines, against the programs built last
	$(NETWORKS) --slack 5 quick

.PHONY: test-networks
test-networks: packages-test web $(BROWSER)/node_modules/.package-lock.json ## real browsers behind bad lines of every kind, and write docs/networks.md
	cargo build --workspace --locked --bins
	$(NETWORKS) --document docs/networks.md

# What `make interop` needs beside: GStreamer, which is too much to install for each run of the tests.
GSTREAMER := python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-libav \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
INTEROP_TOOLS := $(TOOLS)/interop/.installed $(INTEROP)/node_modules/.package-lock.json

.PHONY: interop-quick
interop-quick: packages-test $(INTEROP_TOOLS) ## clients of others whose packages are small, against the programs built last
	$(INTEROP)/run $(DINH) $(LOADTEST) $(TOOLS)/interop $(TARGET)/interop aiortc FFmpeg libdatachannel werift

.PHONY: interop
interop: packages-test $(INTEROP_TOOLS) ## all of them, and write docs/interop.md
	@dpkg -s $(GSTREAMER) >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(GSTREAMER) >/dev/null; }
	@status=0; $(INTEROP)/run $(DINH) $(LOADTEST) $(TOOLS)/interop $(TARGET)/interop || status=$$?; \
	mkdir -p docs; cp $(TARGET)/interop/interop.md docs/interop.md; exit $$status

# Cases for each operation and phase of the tests, in `make api`; `make api-fuzz` tries many more.
API_CASES := 4

.PHONY: api
api: packages-lint web $(TOOLS)/api/.installed $(API)/node_modules/.package-lock.json ## check the description of the REST interface, and the interface against it
	$(BUILD_DINH)
	$(API)/check $(DINH) $(TOOLS)/api $(TARGET)/api
	$(API)/fuzz $(DINH) $(TOOLS)/api $(API_CASES)

.PHONY: api-fuzz
api-fuzz: API_CASES := 200
api-fuzz: api ## the same, with many more cases

.PHONY: faults
faults: packages-test web ## kill the server and break its disk at random: FAULTS (200), FAULTS_SEED, FAULTS_ONLY, FAULTS_COMMANDS
	FAULTS="$${FAULTS:-200}" cargo test --locked -p signaling --test faults -- --nocapture

.PHONY: faults-postgres
faults-postgres: packages-test web ## the same on PostgreSQL, which is killed and restarted too: FAULTS (200), FAULTS_SEED, FAULTS_ONLY, FAULTS_COMMANDS
	FAULTS="$${FAULTS:-200}" TEST_STORE=postgres cargo test --locked -p signaling --test faults -- --nocapture

.PHONY: lint
lint: packages-lint web $(TOOLS)/lint/.installed $(TOOLS)/docs/.installed $(TOOLS)/promtool/usr/bin/promtool ## check format, lints, types, dependencies and licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(NPM) --prefix $(WEB) run check
	cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
	$(TOOLS)/lint/bin/cargo-shear --locked
	$(TOOLS)/docs/bin/mdbook test docs
	$(TOOLS)/lint/bin/cargo-deny --locked check bans licenses sources
	$(BUILD_DINH)
	packaging/check-metrics $(TOOLS)/promtool/usr/bin/promtool $(DINH)
	@if $(TOOLS)/lint/bin/cargo-deny fetch db 2>/dev/null; then $(TOOLS)/lint/bin/cargo-deny --locked check --disable-fetch advisories; \
	else echo "The advisories of RustSec cannot be fetched: not checked"; fi

.PHONY: properties
properties: packages web ## the tests that draw their inputs at random, with many others: CASES, NAME
	env -u PROPTEST_RNG_SEED PROPTEST_CASES=$(CASES) cargo test --workspace --locked --lib -- $(NAME)

# Coverage for libFuzzer, with flags that a stable compiler takes.
COVERAGE := -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
SECONDS_EACH ?= 300

.PHONY: fuzz
fuzz: packages web ## fuzz every parser and a whole shard: TARGETS, SECONDS_EACH
	RUSTFLAGS="$(COVERAGE)" cargo build --locked --release --manifest-path tests/fuzz/Cargo.toml \
		--target $(HOST) --target-dir $(TARGET)/fuzz
	tests/fuzz/run.sh $(TARGET)/fuzz/$(HOST)/release/fuzz $(TARGET)/fuzz/corpus $(SECONDS_EACH) $(TARGETS)

.PHONY: bench
bench: packages ## what forwarding a packet costs: ns and allocations
	cargo bench --locked -p sfu --bench forward

.PHONY: bench-country
bench-country: packages web ## a whole country at one server: SITES, DURATION, SCENARIO
	cargo build --locked --release -p signaling -p loadtest --bins
	loadtest/scripts/bench-country.sh $(TARGET)/release/dinh $(TARGET)/release/dinh-loadtest $(TARGET)/bench-country

.PHONY: bench-conferences
bench-conferences: packages web ## conference after conference at one server, and what is left: COUNT, SITES, PROFILE=dev
	$(call install,curl:curl jq:jq)
	cargo build --locked --profile $(PROFILE) -p signaling -p loadtest --bins
	loadtest/scripts/bench-conferences.sh $(BUILT)/dinh $(BUILT)/dinh-loadtest $(TARGET)/bench-conferences

.PHONY: bench-restart
bench-restart: packages web ## a server killed, upgraded and reloaded under a thousand sites: SITES, FORGETS=1, PROFILE=dev
	$(call install,openssl:openssl)
	cargo build --locked --profile $(PROFILE) -p signaling -p loadtest --bins
	loadtest/scripts/bench-restart.sh $(BUILT)/dinh $(BUILT)/dinh-loadtest $(TARGET)/bench-restart

.PHONY: bench-turns
bench-turns: packages web ## a thousand sites that get through by TURN inside TLS alone: SITES, DURATION, PROFILE=dev
	$(call install,openssl:openssl)
	cargo build --locked --profile $(PROFILE) -p signaling -p loadtest --bins
	TLS=1 SCENARIO=loadtest/scenarios/turns.toml loadtest/scripts/bench-country.sh $(BUILT)/dinh $(BUILT)/dinh-loadtest $(TARGET)/bench-turns

.PHONY: bench-office
bench-office: packages-docs web ## an office of 150,000 accounts, 5,000 bookings and 50,000 sites, and how soon its pages answer: TIMES, STORE=postgres, PROFILE=dev
	cargo build --locked --profile $(PROFILE) -p signaling --bin dinh --example fill-office
	loadtest/scripts/bench-office.py $(BUILT)/dinh $(BUILT)/examples/fill-office $(TARGET)/bench-office

.PHONY: bench-mail
bench-mail: packages web ## how soon the letters of a whole country are with a mail server: STORE=postgres, PROFILE=dev
	cargo build --locked --profile $(PROFILE) -p signaling --bin dinh
	loadtest/scripts/bench-mail.py $(BUILT)/dinh $(TARGET)/bench-mail

.PHONY: web
web: $(WEB)/dist/index.html

.PHONY: packages packages-docs packages-lint packages-test
packages:
	$(call install,$(BUILD_NEEDS))
packages-docs:
	$(call install,$(DOCS_NEEDS))
packages-lint:
	$(call install,$(LINT_NEEDS))
packages-test:
	$(call install,$(TEST_NEEDS))

# Programs that come from Python's registry, each set in an environment of its own.
$(TOOLS)/%/.installed: .ci/%.txt
	python3 -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# One program out of Debian's package of Prometheus, whose daemon and pages are not wanted.
$(TOOLS)/promtool/usr/bin/promtool:
	@mkdir -p $(TOOLS)/promtool && cd $(TOOLS)/promtool && rm -f *.deb && \
	{ apt-get -o APT::Sandbox::User=root download prometheus 2>/dev/null || { apt-get update -qq && apt-get -o APT::Sandbox::User=root download prometheus; }; } >/dev/null && \
	dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm -f *.deb

# A page needs no more than its style: what the builder adds for scripts is left out.
docs/dist/index.html: $(TOOLS)/docs/.installed $(shell find docs/src docs/theme docs/book.toml -type f)
	$(TOOLS)/docs/bin/mdbook build docs --dest-dir $(abspath $(TARGET))/docs
	rm -rf docs/dist && mkdir -p docs/dist/theme && cp $(TARGET)/docs/theme/docs.css docs/dist/theme/
	cd $(TARGET)/docs && find . -name '*.html' ! -name toc.html -exec cp --parents {} $(abspath docs/dist)/ ';'
	@touch $@

# npm writes this file last, so a broken install is made again.
%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	$(NPM) --prefix $* ci
	@touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(WEB_SOURCES)
	$(NPM) --prefix $(WEB) run build
	@touch $@
