//! What the installed QEMU is called, and how to get it: variants run under it, and it is the nested
//! machine.

/// The program.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// What installs it on Debian and Ubuntu.
pub const REMEDY: &str = "sudo apt-get install --no-install-recommends qemu-system-x86";
