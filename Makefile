# Two commands do everything on a fresh Debian 12 with Rust and git:
#   make run    installs what is missing, builds, runs the gateway on a small morning's mail and shows what came of it
#   make test   installs what is missing and checks everything: format, lints, tests, docs, licences

.PHONY: run test install install-tests fixtures bench fuzz clean-demo

run: install
	cargo build --release --locked
	./demo

test: install-tests
	cargo fmt --all -- --check
	cargo clippy --all-targets --locked -- -D warnings
	cargo test --all-targets --locked
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked --quiet

install:
	./install run

install-tests:
	./install tests

fixtures:
	cargo run --locked --example make-fixtures -- fixtures

bench: install-tests
	cargo build --release --locked
	./benches/compare

fuzz:
	./fuzz/run

clean-demo:
	rm -rf var
