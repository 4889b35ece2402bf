//! `sitrep run`: investigate an alert.

use std::path::Path;

use host::{Settings, aws::of_machine};
use incident::{State, Timestamp};
use owo_colors::{OwoColorize as _, Stream::Stderr};
use platform::Scenario;
use serde_json::Value;

use super::{print, print_json, read};
use crate::cli::Run;
use crate::simulate::{Simulation, demo_folder};
use crate::workflow::{Ended, Request, investigate};
use crate::{Stop, html, progress};

/// Runs an investigation and prints its brief.
pub async fn run(options: Run) -> Result<(), Stop> {
    // Nothing is started for an alert that is not there, a page that cannot be written, functions that are not served.
    let own_alert = options.alert.as_deref().map(read_alert).transpose()?;
    options.html.as_deref().map_or(Ok(()), has_folder)?;
    if let Some(url) = &options.invoke {
        answers(url).await?;
    }
    let folder = match (&options.scenario, &own_alert) {
        (Some(folder), _) => Some(folder.clone()),
        (None, Some(_)) => None,
        (None, None) => Some(demo_folder()?),
    };
    let scenario = folder.map(|folder| Scenario::load(&folder)).transpose().map_err(usage)?;
    let (scenario, alert) = match (scenario, own_alert) {
        (Some(scenario), None) => {
            let alert = scenario.alert().to_string();
            (Some(scenario), alert)
        }
        (Some(scenario), Some(alert)) => (Some(under(&scenario, &alert)?), alert),
        (None, Some(alert)) => (None, alert),
        (None, None) => return Err(Stop::Usage("name an alert file or a scenario".to_owned())),
    };
    let scenario = match (scenario, options.as_of) {
        (Some(scenario), Some(as_of)) => Some(scenario.at(as_of).map_err(usage)?),
        (scenario, _) => scenario,
    };
    let as_of = options.as_of.or_else(|| scenario.as_ref().map(|scenario| scenario.moment().as_of));
    let ended = simulate_and_investigate(&options, scenario, &alert, as_of).await?;
    report(&options, &ended)
}

/// A webhook body; the error names the file.
fn read_alert(path: &Path) -> Result<String, Stop> {
    let body = read(path)?;
    webhook::alert_from_body(body.as_bytes())
        .map_err(|error| Stop::Usage(format!("{} is not accepted: {error}", path.display())))?;
    Ok(body)
}

fn has_folder(file: &Path) -> Result<(), Stop> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(Stop::Usage(format!(
            "{} cannot be written: {} is not a folder",
            file.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Whether anything listens where the functions should be served.
async fn answers(url: &str) -> Result<(), Stop> {
    let address = reqwest::Url::parse(url)
        .ok()
        .and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    let Some(address) = address else {
        return Err(Stop::Usage(format!(
            "{url} is not a URL; --invoke wants something like http://127.0.0.1:9000"
        )));
    };
    match tokio::net::TcpStream::connect(address).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Stop::Failed(format!(
            "nothing serves functions at {url}; start `cargo lambda watch` first ({error})"
        ))),
    }
}

/// The scenario under another alert.
fn under(scenario: &Scenario, alert: &str) -> Result<Scenario, Stop> {
    let alert: Value = serde_json::from_str(alert)
        .map_err(|error| Stop::Usage(format!("the alert is not JSON: {error}")))?;
    scenario.with_alert(alert).map_err(usage)
}

fn usage(error: impl std::fmt::Display) -> Stop {
    Stop::Usage(error.to_string())
}

async fn simulate_and_investigate(
    options: &Run,
    scenario: Option<Scenario>,
    alert: &str,
    as_of: Option<Timestamp>,
) -> Result<Ended, Stop> {
    // With --invoke the functions were pointed at their vendors when they were started; the webhook still runs here, and
    // resolves the subject by the scenario's catalog.
    let simulation = match scenario {
        None => None,
        Some(scenario) => {
            eprintln!("{}", scenario.about().title.if_supports_color(Stderr, |t| t.bold()));
            eprintln!(
                "{}",
                "Every vendor is simulated on loopback; nothing here is real."
                    .if_supports_color(Stderr, |t| t.dimmed())
            );
            Some(Simulation::start(scenario).await?)
        }
    };
    let settings = match &simulation {
        Some(simulation) => simulation.settings.clone(),
        None => of_machine(Settings::from_process()).await,
    };
    if options.invoke.is_none() {
        embedded_defaults(&settings);
    }
    let draft = progress::Draft::default();
    let request = Request {
        alert,
        as_of,
        settings: &settings,
        invoke: options.invoke.as_deref(),
        observe: &|event| {
            draft.hear(&event);
            progress::show(&event);
        },
    };
    let ended = investigate(request).await?;
    if simulation.is_none() {
        keep(&settings, &ended);
    }
    eprintln!("  {:<22} {}\n", "Execution ended", progress::seconds(ended.took));
    Ok(ended)
}

/// Keeps the document where the buttons' function finds it: here is no Step Functions that would.
fn keep(settings: &Settings, ended: &Ended) {
    let Some(folder) = settings.home().map(|home| home.join("executions")) else { return };
    let path = folder.join(format!("{}.json", ended.name));
    let kept =
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, ended.document.to_string()));
    if let Err(error) = kept {
        eprintln!("  ! the document is not kept for later: {}: {error}", path.display());
    }
}

/// Says which services are replaced by an embedded default, or are absent: never silently.
fn embedded_defaults(settings: &Settings) {
    let absent = |name: &str| settings.get(name).is_none();
    for (missing, instead) in [
        ("PINECONE_API_KEY", "no Pinecone: the embedded knowledge store answers"),
        ("ANTHROPIC_API_KEY", "no Claude: the brief speaks from the diagnosis alone"),
        ("SLACK_BOT_TOKEN", "no Slack: the brief is printed here"),
    ] {
        if absent(missing) {
            eprintln!("  {} {instead} ({missing} is not set)", "·".if_supports_color(Stderr, |t| t.dimmed()));
        }
    }
}

fn report(options: &Run, ended: &Ended) -> Result<(), Stop> {
    if options.json {
        print_json(&ended.document)?;
    }
    if let Some(failure) = &ended.failure {
        return Err(Stop::Failed(format!("no brief: {} ({})", failure.error, failure.cause)));
    }
    let text = ended.document.pointer("/brief/text").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() {
        return Err(Stop::Failed("the workflow ended without a brief".to_owned()));
    }
    if !options.json {
        print(text)?;
    }
    options.html.as_deref().map_or(Ok(()), |path| write_page(path, &ended.document))
}

fn write_page(path: &Path, document: &Value) -> Result<(), Stop> {
    let state: State = serde_json::from_value(document.clone())
        .map_err(|error| Stop::Failed(format!("the final document is not a state document: {error}")))?;
    let page =
        html::page(&state).map_err(|error| Stop::Failed(format!("the page cannot be rendered: {error}")))?;
    std::fs::write(path, page)
        .map_err(|error| Stop::Usage(format!("{} cannot be written: {error}", path.display())))?;
    eprintln!("Wrote {}", path.display());
    Ok(())
}
