# nicvmm: `make test` checks everything.

.PHONY: build test lint

build:
	cargo build --release

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets -- -D warnings

test: lint
	cargo test --workspace
