//! Fuzz targets: what a guest, a wire or a file may bring, and what must hold whatever it is.
//!
//! 1. A target is a function that takes any bytes, makes a story of them ([`Input`]), has the code
//!    under test live through it, and panics where something does not hold.
//! 2. libFuzzer looks for bytes that reach code that no bytes reached before: `make fuzz`, or
//!    `cargo fuzz run rtl8139` as `tests/fuzz/README.md` says. `targets/` has its programs.
//! 3. What it found worth keeping is in `corpus/`, made small; `tests/corpus.rs` goes through it
//!    without any fuzzer, and through random bytes, in every test run.
//!
//! A new target is a module with `run`, a line in [`TARGETS`], a program of one line in `targets/`
//! with its entry in `Cargo.toml`, and a directory in `corpus/`.

pub mod framing;
mod input;
pub mod kernel;
mod memory_file;
pub mod options;
pub mod path;
pub mod pci;
pub mod rtl8139;
pub mod virtio;
mod wire;

pub use input::Input;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of its program, and of its directory in the corpus.
    pub name: &'static str,
    /// What to do with bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "rtl8139", run: rtl8139::run },
    Target { name: "virtio", run: virtio::run },
    Target { name: "pci", run: pci::run },
    Target { name: "path", run: path::run },
    Target { name: "framing", run: framing::run },
    Target { name: "options", run: options::run },
    Target { name: "kernel", run: kernel::run },
];
