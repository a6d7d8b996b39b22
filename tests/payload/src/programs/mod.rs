//! The programs that a test can name.

mod accesses;
mod bars;
mod enumerate;
mod intx;
mod msix;
mod rings;
mod self_interrupts;

use crate::command_line::CommandLine;

type Program = fn(&CommandLine);

const PROGRAMS: &[(&str, Program)] = &[
    ("accesses", accesses::run),
    ("bars", bars::run),
    ("enumerate", enumerate::run),
    ("intx", intx::run),
    ("msix", msix::run),
    ("rings", rings::run),
    ("self-interrupts", self_interrupts::run),
];

/// The program of this name.
pub fn find(name: &str) -> Option<Program> {
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| *program)
}
