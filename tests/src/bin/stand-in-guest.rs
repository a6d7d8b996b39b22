//! A guest without a machine, see [`tests::stand_in`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match tests::stand_in::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stand-in guest: {error}");
            ExitCode::FAILURE
        }
    }
}
