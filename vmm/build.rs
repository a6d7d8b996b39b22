//! Builds PID 1 of the guests, `guest-init`, as a static program to be included in this one, and finds
//! out the version to show.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The only kind of guest there is.
const TARGET: &str = "x86_64-unknown-linux-gnu";

fn main() {
    let workspace = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join("..");
    println!("cargo::rustc-env=NICVMM_VERSION={}", version(&workspace));
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

/// The version, in a release build from a clone with the commit. Other builds are made so often that
/// following the commit would cost more than it tells.
fn version(workspace: &Path) -> String {
    let number = variable("CARGO_PKG_VERSION");
    if variable("PROFILE") != "release" {
        return format!("{number} (development build)");
    }
    match commit(workspace) {
        Some(commit) => format!("{number} ({commit})"),
        None => number,
    }
}

/// The commit that is checked out, unless these are only files that lie in somebody else's clone.
fn commit(workspace: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(workspace).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    let root = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&root).canonicalize().ok()? != workspace.canonicalize().ok()? {
        return None;
    }
    for name in ["HEAD", "logs/HEAD"] {
        let path = workspace.join(git(&["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&["rev-parse", "--short=10", "HEAD"])
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
