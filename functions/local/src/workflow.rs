//! One investigation on this machine: webhook, state machine, final document.

use std::time::{Duration, Instant};

use host::{Function as _, Secret, Settings};
use incident::Timestamp;
use serde_json::{Value, json};

use crate::Stop;
use crate::asl::{Event, Execution, Failure, Machine, Tasks, load};
use crate::functions::handlers;
use crate::start::{Requested, StartExecution};

/// The incident machine, as deployed.
pub const INCIDENT: &str = include_str!("../../../statemachine/incident.asl.json");

/// Where executions are named, in the account that stands for none.
const EXECUTION: &str = "arn:aws:states:us-east-1:000000000000:execution:incident";

/// What to investigate, and how.
pub struct Request<'a> {
    /// A webhook body.
    pub alert: &'a str,
    /// The time to take as now; the start of the execution when absent.
    pub as_of: Option<Timestamp>,
    /// Settings of every function.
    pub settings: &'a Settings,
    /// Where `cargo lambda watch` serves the functions; in-process when absent.
    pub invoke: Option<&'a str>,
    /// Hears each Task as it ends.
    pub observe: &'a (dyn Fn(Event) + Send + Sync),
}

/// How an investigation ended.
pub struct Ended {
    /// The final state document; on failure what the Fail state was given, else the execution's input.
    pub document: Value,
    /// The execution's name.
    pub name: String,
    /// The machine's own time, from its start to its end.
    pub took: Duration,
    /// Why it failed, when it did.
    pub failure: Option<Failure>,
}

/// Investigates: the alert goes through the webhook, whose `StartExecution` is taken here and interpreted.
pub async fn investigate(request: Request<'_>) -> Result<Ended, Stop> {
    let machine = machine()?;
    let Requested { name, mut input } = deliver(request.alert, request.settings).await?;
    if let Some(as_of) = request.as_of {
        input["as_of"] = json!(as_of);
    }
    let tasks = match request.invoke {
        None => Tasks::InProcess(handlers(request.settings).await?),
        Some(url) => {
            Tasks::Invoke { http: host::http::client()?, base_url: url.trim_end_matches('/').to_owned() }
        }
    };
    let context = json!({ "Execution": {
        "Id": format!("{EXECUTION}:{name}"), "Name": name, "StartTime": host::clock::now(), "Input": input,
    } });
    // The incident machine starts no other execution.
    let start = |_| None;
    let execution = Execution { tasks: &tasks, observe: request.observe, start: &start, context };
    let began = Instant::now();
    let (document, failure) = match execution.run(&machine, input.clone()).await {
        Ok(document) => (document, None),
        // Deployed, a brief that Slack did not take fails the execution, so that somebody hears of it. Here whoever runs it
        // reads the brief, and its gap.
        Err(Failure { document: Some(document), .. }) if document.pointer("/brief/text").is_some() => {
            (document, None)
        }
        Err(mut failure) => (failure.document.take().unwrap_or(input), Some(failure)),
    };
    Ok(Ended { document, name, took: began.elapsed(), failure })
}

/// The incident machine, loaded and checked.
pub fn machine() -> Result<Machine, Stop> {
    load(INCIDENT).map_err(|error| Stop::Usage(format!("statemachine/incident.asl.json: {error}")))
}

/// Sends the alert through the webhook and returns the execution it asked for.
async fn deliver(alert: &str, settings: &Settings) -> Result<Requested, Stop> {
    let mut listener = StartExecution::listen()
        .await
        .map_err(|error| Stop::Failed(format!("no loopback port for StartExecution: {error}")))?;
    // A ledger of its own: whoever runs an alert by hand wants it investigated, also the second time.
    let home = tempfile::tempdir().map_err(|error| Stop::Failed(format!("no temporary folder: {error}")))?;
    let secret = "local";
    let settings = settings.clone().with(listener.settings()).with([
        ("WEBHOOK_SECRET".to_owned(), secret.to_owned()),
        ("SITREP_HOME".to_owned(), home.path().display().to_string()),
    ]);
    let webhook = webhook::Webhook::new(&settings).await?;
    let answer = webhook.deliver(&webhook::event_for(alert, &Secret::new(secret))).await;
    if let Some(requested) = listener.requested() {
        return Ok(requested);
    }
    let body = answer.body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
    let said: Value = serde_json::from_str(&body).unwrap_or_default();
    let text =
        ["error", "reason", "outcome"].iter().find_map(|key| said.get(*key)?.as_str()).unwrap_or(&body);
    match answer.status_code {
        400 => Err(Stop::Usage(format!("the alert is not accepted: {text}"))),
        200 => Err(Stop::Failed(format!("no investigation was started: {text}"))),
        status => Err(Stop::Failed(format!("the webhook answered {status}: {text}"))),
    }
}
