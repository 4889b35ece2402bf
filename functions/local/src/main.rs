//! The `sitrep` command.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    host::trace::on_terminal();
    let command = local::cli::Cli::parse();
    match local::commands::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            eprintln!("sitrep: {}", stop.message());
            ExitCode::from(stop.code())
        }
    }
}
