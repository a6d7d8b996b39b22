//! Debian's gdb, as a person would use it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::skip;
use crate::wait::wait_for_file;

/// Time for a debugger's socket to appear.
const APPEARANCE: Duration = Duration::from_secs(30);

/// Whether gdb is here. If it is not, says which test is skipped and why.
pub fn require_gdb(test: &str) -> bool {
    let there = Command::new("gdb").arg("--version").stdout(Stdio::null()).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        skip(test, "gdb is not installed");
    }
    there
}

/// Connects to `socket` and runs these commands; answers what gdb printed.
pub fn debug(socket: &Path, commands: &[&str]) -> String {
    wait_for_file(socket, APPEARANCE);
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-iex", "set architecture i386:x86-64"]);
    gdb.args(["-ex", &format!("target remote {}", socket.display())]);
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let output = gdb.stdin(Stdio::null()).output().expect("gdb starts");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
