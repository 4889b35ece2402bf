//! Logs: JSON on Lambda, readable lines on a terminal, always on stderr off Lambda so that stdout holds results alone.

use tracing_subscriber::{EnvFilter, fmt};

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// JSON lines for CloudWatch.
pub fn on_lambda() {
    // A second call, in a test, finds a subscriber in place: that one stays.
    let _ = fmt().json().with_env_filter(filter("info")).with_current_span(false).without_time().try_init();
}

/// Readable lines on stderr, warnings only unless `RUST_LOG` says otherwise.
pub fn on_terminal() {
    let _ = fmt().with_writer(std::io::stderr).with_env_filter(filter("warn")).with_target(false).try_init();
}
