//! The programs that a test can name.

mod accesses;
mod bars;
mod bench;
mod crash;
mod enumerate;
mod hostile;
mod intx;
mod msix;
mod rings;
mod rtl8139;
mod self_interrupts;
mod strings;
mod virtio_net;

use crate::command_line::CommandLine;

type Program = fn(&CommandLine);

const PROGRAMS: &[(&str, Program)] = &[
    ("accesses", accesses::run),
    ("bars", bars::run),
    ("bench", bench::run),
    ("crash", crash::run),
    ("enumerate", enumerate::run),
    ("hostile", hostile::run),
    ("intx", intx::run),
    ("msix", msix::run),
    ("rings", rings::run),
    ("rtl8139", rtl8139::run),
    ("self-interrupts", self_interrupts::run),
    ("strings", strings::run),
    ("virtio-net", virtio_net::run),
];

/// The program of this name.
pub fn find(name: &str) -> Option<Program> {
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| *program)
}
