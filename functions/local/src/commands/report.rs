//! `sitrep report`: what the ledger says of the last weeks.

use host::{Settings, aws::of_machine};
use ledger::Ledger;

use super::{print, print_json};
use crate::cli::Report;
use crate::report::{Figures, Spread, figures};
use crate::{Stop, html};

/// Reads the ledger and prints the figures.
pub async fn run(options: &Report) -> Result<(), Stop> {
    let until = options.until.unwrap_or_else(host::clock::now);
    let from = until
        .checked_sub(options.since)
        .map_err(|error| Stop::Usage(format!("--since reaches beyond what times there are: {error}")))?;
    let ledger = Ledger::open(&of_machine(Settings::from_process()).await).await;
    if !ledger.remembers() {
        return Err(Stop::Usage("there is no ledger: set LEDGER_TABLE or SITREP_HOME".to_owned()));
    }
    let records = ledger.since(from).await.map_err(|error| Stop::Failed(error.to_string()))?;
    let figures = figures(&records, from, until, options.baseline);
    if let Some(path) = &options.html {
        let page = html::report(&figures)
            .map_err(|error| Stop::Failed(format!("the page cannot be rendered: {error}")))?;
        std::fs::write(path, page)
            .map_err(|error| Stop::Usage(format!("{} cannot be written: {error}", path.display())))?;
        eprintln!("Wrote {}", path.display());
    }
    if options.json { print_json(&figures) } else { print(&text(&figures)) }
}

/// The table.
fn text(figures: &Figures) -> String {
    let mut out = vec![format!(
        "{} to {} UTC\n",
        figures.from.strftime("%Y-%m-%d %H:%M"),
        figures.until.strftime("%Y-%m-%d %H:%M")
    )];
    let mut row = |name: &str, value: String| out.push(format!("{name:<28} {value}"));
    row("Deliveries", figures.deliveries.to_string());
    row("Alert cycles", format!("{} ({} folded into others)", figures.cycles, figures.folded));
    row("Incidents", format!("{} ({} still open)", figures.incidents, figures.open));
    let [high, medium, low] = figures.levels;
    row("Briefs", format!("HIGH {high} ({}), MEDIUM {medium}, LOW {low}", share(high, high + medium + low)));
    row("No brief / not posted", format!("{} / {}", figures.without_brief, figures.not_posted));
    row("Time to brief", spread(&figures.to_brief));
    row("Time to resolve", spread(&figures.to_resolve));
    row("  with a HIGH brief", spread(&figures.with_high));
    row("  without", spread(&figures.without_high));
    if let Some(compared) = &figures.comparison {
        let (before, after) = (compared.before_min, compared.after_min);
        row(
            "  against the baseline",
            format!("{before:.1} min -> {after:.1} min ({:+.0} %)", 100.0 * compared.change),
        );
    }
    row("Said to be right / wrong", format!("{} / {}", figures.correct, figures.wrong));
    row("Escalations", figures.escalations.to_string());
    row("Tokens", figures.tokens.to_string());
    row("Cost", format!("${:.2}", figures.dollars));
    if !figures.causes.is_empty() {
        out.push("\nLeading causes".to_owned());
        out.extend(figures.causes.iter().take(10).map(|(cause, count)| format!("{count:>5}  {cause}")));
    }
    out.join("\n")
}

/// `of` none there is no share.
fn share(part: usize, of: usize) -> String {
    if of == 0 { "-".to_owned() } else { format!("{:.0} %", 100.0 * part as f64 / of as f64) }
}

fn spread(spread: &Spread) -> String {
    match (spread.median, spread.mean, spread.p90) {
        (Some(median), Some(mean), Some(p90)) => format!(
            "median {}, mean {}, 9 of 10 within {} (n = {})",
            duration(median),
            duration(mean),
            duration(p90),
            spread.count
        ),
        _ => "nothing measured".to_owned(),
    }
}

/// `8.4 s`, `12.5 min`, `3.1 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        120.0..7_200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}
