//! Runs any command in the nested machine: `cargo run --example nested -- uname -a`.
//!
//! The current directory is writable in there.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let mut request = vmm::nested::Request::new(std::env::args_os().skip(1));
    request.writable.push(std::env::current_dir()?);
    let status = vmm::nested::run(&request, &indicatif::ProgressBar::new_spinner())?;
    Ok(ExitCode::from(status as u8))
}
