//! One file per command.

pub mod check;
pub mod compare;
pub mod diagnose;
pub mod doctor;
pub mod evaluate;
pub mod evaluate_cases;
pub mod index;
pub mod measure;
pub mod model;
pub mod platform;
pub mod report;
pub mod run;
pub mod schema;
pub mod search;

use std::io::Write as _;
use std::path::Path;

use crate::Stop;
use crate::cli::{Cli, Command, Run};

/// Runs a command to its end.
pub fn run(cli: Cli) -> Result<(), Stop> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        // Interrupted, the command is dropped like any other future, and its temporary folders go with it. It is asked first,
        // because `platform` waits for Ctrl-C itself.
        tokio::select! {
            biased;
            ended = command(cli) => ended,
            _ = tokio::signal::ctrl_c() => Err(Stop::Interrupted),
        }
    })
}

async fn command(cli: Cli) -> Result<(), Stop> {
    match cli.command {
        None => run::run(Run::default()).await,
        Some(Command::Run(options)) => run::run(options).await,
        Some(Command::Diagnose(options)) => diagnose::run(&options),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Compare(options)) => compare::run(&options).await,
        Some(Command::Doctor(options)) => doctor::run(&options).await,
        Some(Command::Index(options)) => index::run(&options).await,
        Some(Command::Search(options)) => search::run(&options).await,
        Some(Command::Evaluate(options)) => evaluate::run(&options).await,
        Some(Command::EvaluateCases(options)) => evaluate_cases::run(&options),
        Some(Command::Report(options)) => report::run(&options).await,
        Some(Command::Model) => model::run(),
        Some(Command::Platform(options)) => platform::run(&options).await,
        Some(Command::Schema(options)) => schema::run(&options),
    }
}

/// Prints a result. A closed pipe (`sitrep … | head`) is no failure.
pub fn print(text: &str) -> Result<(), Stop> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::Failed(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints a JSON document.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Stop> {
    print(&serde_json::to_string_pretty(value).map_err(|error| Stop::Failed(error.to_string()))?)
}

/// A file's text; the error names it.
pub fn read(path: &Path) -> Result<String, Stop> {
    std::fs::read_to_string(path)
        .map_err(|error| Stop::Usage(format!("{} cannot be read: {error}", path.display())))
}

/// A JSON file; the error names the file, and the line and column where it breaks.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path, what: &str) -> Result<T, Stop> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Stop::Usage(format!("{} is not {what}: {error}", path.display())))
}
