//! Logs: JSON on Lambda, readable lines on a terminal, always on stderr off Lambda so that stdout holds results alone.
//!
//! `RUST_LOG` chooses levels, by target where it names some: `warn`, `info,ledger=debug`.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

use crate::Settings;

fn filter(default: LevelFilter) -> Targets {
    let chosen = Settings::from_process().get("RUST_LOG").and_then(|text| text.parse().ok());
    chosen.unwrap_or_else(|| Targets::new().with_default(default))
}

/// JSON lines for CloudWatch.
pub fn on_lambda() {
    let lines = fmt::layer().json().with_current_span(false).without_time();
    // A second call, in a test, finds a subscriber in place: that one stays.
    let _ = tracing_subscriber::registry().with(filter(LevelFilter::INFO)).with(lines).try_init();
}

/// Readable lines on stderr, warnings only unless `RUST_LOG` says otherwise.
pub fn on_terminal() {
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let _ = tracing_subscriber::registry().with(filter(LevelFilter::WARN)).with(lines).try_init();
}
