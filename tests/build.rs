//! Builds the bare-metal guest of `payload/` with rustc itself, for the host's own target: the only
//! one whose `core` every toolchain has.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=payload");
    let env = |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"));
    let source = PathBuf::from(env("CARGO_MANIFEST_DIR")).join("payload");
    let program = PathBuf::from(env("OUT_DIR")).join("payload.elf");
    let mut linker_script = std::ffi::OsString::from("link-arg=-Wl,-T,");
    linker_script.push(source.join("link.ld"));
    let status = Command::new(env("RUSTC"))
        .args(["--edition", "2024", "--crate-name", "payload", "--crate-type", "bin"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(["-C", "panic=abort", "-C", "opt-level=2", "-C", "relocation-model=static"])
        .args(["-C", "link-arg=-nostdlib", "-C", "link-arg=-static", "-C", "link-arg=-no-pie"])
        .args(["-C", "link-arg=-Wl,--build-id=none", "-C"])
        .arg(linker_script)
        .arg("-o")
        .arg(&program)
        .arg(source.join("src/main.rs"))
        .status()
        .expect("rustc starts");
    assert!(status.success(), "rustc could not build the bare-metal guest");
    println!("cargo::rustc-env=NICVMM_PAYLOAD={}", program.display());
}
