# `make demo` reproduces the incident; `make test` checks everything. Both install what they need.

NICVMM := target/release/nicvmm
CARGO := cargo

FUZZ_TARGETS := rtl8139 virtio pci path framing options kernel
FUZZ_SECONDS := 60

.PHONY: demo test bench fuzz hostile audit build lint guest deb packages-demo packages-test

demo: packages-demo build guest
	@echo "== comparing three NICs behind a 1420-byte link"
	$(NICVMM) compare

test: packages-test lint build guest
	@echo "== tests"
	# One at a time: two emulated machines at once on two CPUs lose interrupts more often than one.
	$(CARGO) test --workspace -- --test-threads=1

build:
	@echo "== building"
	$(CARGO) build --release

bench: build guest
	@echo "== boot time against QEMU"
	$(CARGO) run --release --package tests --bin boot-time
	@echo "== the walls of the sandbox"
	$(CARGO) run --release --package tests --bin walls
	@echo "== cutting a super-frame, beside memcpy and a checksum"
	$(CARGO) bench --package devices --bench super_frame
	@echo "== NICs against QEMU's"
	$(CARGO) run --release --package tests --bin nic-bench
	@echo "== stock guests against QEMU's"
	$(CARGO) run --release --package tests --bin guest-speed
	@echo "== frames a second of the path"
	$(CARGO) bench --package vmm --bench path

# New inputs stay in the corpus's directory: those worth keeping are to be picked.
fuzz:
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	for target in $(FUZZ_TARGETS); do \
		CARGO_PROFILE_RELEASE_LTO=off $(CARGO) fuzz run --fuzz-dir tests/fuzz --features libfuzzer \
			--sanitizer none --target-dir target/fuzz $$target -- \
			-max_len=4096 -timeout=60 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# Eighty minutes: eight seeds, ten each.
hostile: build
	@echo "== a guest that means harm"
	$(CARGO) run --release --package tests --bin hostile-guest -- $(HOSTILE)

audit:
	@echo "== known flaws, licenses and sources of the crates; needs cargo-deny (cargo install --locked cargo-deny)"
	$(CARGO) deny check
	@echo "== unsafe code, place by place"
	$(CARGO) test --quiet --package tests --test unsafe_code -- --nocapture

deb: build
	@echo "== the Debian package; needs cargo-deb (cargo install cargo-deb)"
	$(NICVMM) generate target/generated
	$(CARGO) deb --package vmm --no-build --strip

lint:
	@echo "== formatting and lints"
	$(CARGO) fmt --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	$(CARGO) fmt --check --manifest-path tests/payload/Cargo.toml
	$(CARGO) clippy --manifest-path tests/payload/Cargo.toml --target-dir target/payload -- -D warnings

guest: build
	@echo "== the default guest"
	$(NICVMM) guest build

packages-demo:
	@resources/install-packages build guest nested

packages-test:
	@resources/install-packages build guest nested user-network test
