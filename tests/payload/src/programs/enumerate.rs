//! Lists the functions of the PCI bus: a fact `function` for each.

use crate::command_line::CommandLine;
use crate::facts::note;
use crate::pci;

pub fn run(_: &CommandLine) {
    for function in pci::functions() {
        note(
            "function",
            format_args!(
                "{} identity {:#010x} class {:#010x} interrupt {:#06x}",
                function.slot(),
                function.read(pci::IDENTITY),
                function.read(pci::CLASS),
                function.read(pci::INTERRUPT) as u16
            ),
        );
    }
}
