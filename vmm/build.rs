//! Builds PID 1 of the guests, `guest-init`, as a static program to be included in this one.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// The only kind of guest there is.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() {
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    for path in ["resources/guest-init", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(path).display());
    }
    // OUT_DIR is TARGET_DIR/PROFILE/build/vmm-HASH/out: all profiles share one build of PID 1,
    // in a directory of its own, because the outer cargo holds the lock on its own directory.
    let out = PathBuf::from(variable("OUT_DIR"));
    let target = out.ancestors().nth(4).unwrap_or(&out).join("guest-init");
    let mut cargo = Command::new(variable("CARGO"));
    cargo
        .current_dir(&workspace)
        .args(["rustc", "--package", "guest-init", "--bin", "guest-init", "--release"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    // What the outer build says about flags, wrappers (clippy) and targets is not for this one.
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
    ] {
        cargo.env_remove(name);
    }
    let status = cargo.status().expect("cargo can be run");
    assert!(
        status.success(),
        "guest-init could not be built as a static program; is the Rust target {TARGET} installed?"
    );
    let program = target.join(TARGET).join("release/guest-init");
    println!("cargo::rustc-env=GUEST_INIT={}", program.display());
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
